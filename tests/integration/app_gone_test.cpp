#include "scenario.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace bearerd::test {
namespace {

// Contract 4: a mutation whose app left while it waited for a login is not sent, because the cashier may
// already have tried again.

/// Refuses the first token, and answers the following login only when the test allows it.
class HeldLogin {
public:
    Script script() {
        return [this](UpstreamConnection& connection) {
            for (;;) {
                const UpstreamRequest request = connection.read();
                if (!request.is_login())
                    connection.write(request.token() == second_token ? http_answer(some_data)
                                                                     : unauthorized_answer());
                else if (++logins_ == 1)
                    connection.write(login_answer(first_token));
                else
                    answer_when_let(connection);
            }
        };
    }

    /// Returns after the second login has arrived.
    void await_login() { arrived_.get_future().wait_for(patience); }

    void let_login_through() { let_.set_value(); }

private:
    void answer_when_let(UpstreamConnection& connection) {
        arrived_.set_value();
        let_future_.wait_for(patience);
        connection.write(login_answer(second_token));
    }

    std::atomic<int> logins_ = 0;
    std::promise<void> arrived_;
    std::promise<void> let_;
    std::shared_future<void> let_future_ = let_.get_future().share();
};

TEST(AppGone, ThatResetsItsConnectionDuringALoginHasItsMutationNotSent) {
    HeldLogin login;
    Scene scene{login.script(), never_fresh};
    HttpClient client = scene.daemon.client();
    client.send(client.format("POST", "/", some_mutation, {{"Content-Type", "application/json"}}));
    login.await_login();
    client.socket().reset();
    login.let_login_through();
    const auto line = scene.daemon.process().wait_for_line("outcome=client_closed");
    ASSERT_TRUE(line);
    EXPECT_NE(line->find("executed=no"), std::string::npos) << *line;
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U) << "only the one that was rejected";
}

/// If the stream ends within this time after a request, both were sent together.
constexpr auto half_close_window = std::chrono::milliseconds{100};

TEST(AppGone, ThatEndsItsStreamDuringALoginCanStillReadThatNothingWasExecuted) {
    HeldLogin login;
    Scene scene{login.script(), never_fresh};
    HttpClient client = scene.daemon.client();
    client.send(client.format("POST", "/", some_mutation, {{"Content-Type", "application/json"}}));
    login.await_login();
    std::this_thread::sleep_for(2 * half_close_window);
    client.socket().shutdown_send();
    login.let_login_through();
    const HttpResponse response = client.read_response();
    EXPECT_EQ(response.status, 502);
    EXPECT_NE(response.body.find(R"("executed":"no")"), std::string::npos) << response.body;
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
}

/// The opposite test: the same wait, and an app that half-closed together with its request.
TEST(AppGone, IsNotOneThatHalfClosedTogetherWithItsRequest) {
    HeldLogin login;
    Scene scene{login.script(), never_fresh};
    HttpClient client = scene.daemon.client();
    client.socket().send_with_end(
        client.format("POST", "/", some_mutation, {{"Content-Type", "application/json"}}));
    login.await_login();
    login.let_login_through();
    EXPECT_EQ(client.read_response().body, some_data);
    EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
}

} // namespace
} // namespace bearerd::test
