#include "scenario.hpp"

#include <future>
#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// Contract 4: an answer that arrives while the request is still being written is read at once.
TEST(EarlyAnswer, OfAnUpstreamThatReadsNoFurtherIsPassedOn) {
    const std::string words = R"({"errors":[{"message":"Request entity too large"}]})";
    std::promise<void> done;
    const auto answered = done.get_future().share();
    // Far more than the connection between them can hold.
    constexpr std::size_t size = 12U << 20U;
    const std::string mutation =
        R"({"query":"mutation { createReversal(id: 7) { id } }","variables":{"note":")" +
        std::string(size, 'x') + "\"}}";
    Scene scene{[&](UpstreamConnection& connection) {
                    if (connection.number() == 1) {
                        (void)connection.read(); // the login
                        connection.write(http_answer(
                            R"({"data":{"loginUser":{"id":"1042"}}})",
                            {{"X-Authorization", std::string{first_token}}, {"Connection", "close"}}));
                        return;
                    }
                    connection.write(http_answer(words, {}, "413 Request Entity Too Large"));
                    answered.wait_for(patience); // reads nothing, closes nothing
                },
                "limits: {request_body: 16MiB}\nupstream: {response_timeout: 20s}"};
    const HttpResponse response = scene.daemon.post(mutation);
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(response.body, words);
    done.set_value();
}

} // namespace
} // namespace bearerd::test
