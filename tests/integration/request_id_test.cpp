#include "scenario.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

std::string answer_with_an_id(const UpstreamRequest&) {
    return http_answer(some_data, {{"X-Request-Id", "the-upstreams-own"}});
}

TEST(RequestId, OfTheAppGoesUpstreamAndBackAndIntoTheLog) {
    Scene scene{answer_with_an_id};
    const HttpResponse response = scene.daemon.post(some_query, {{"X-Request-Id", "till-7/0815"}});
    EXPECT_EQ(response.header("X-Request-Id"), "till-7/0815");
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].header("X-Request-Id"), "till-7/0815");
    EXPECT_TRUE(scene.daemon.process().wait_for_line("till-7/0815"));
}

TEST(RequestId, IsMadeWhereTheAppSendsNone) {
    Scene scene{answer_with_an_id};
    const std::string one = scene.daemon.post(some_query).header("X-Request-Id").value_or("");
    const std::string two = scene.daemon.post(some_query).header("X-Request-Id").value_or("");
    EXPECT_GE(one.size(), 16U);
    EXPECT_NE(one, two);
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].header("X-Request-Id"), one);
    EXPECT_EQ(requests[1].header("X-Request-Id"), two);
    EXPECT_TRUE(scene.daemon.process().wait_for_line(two));
}

TEST(RequestId, StaysTheSameWhenARequestIsSentAgain) {
    Scene scene{[count = std::make_shared<std::atomic<int>>(0)](const UpstreamRequest&) {
                    return ++*count == 1 ? unauthorized_answer() : http_answer(some_data);
                },
                "auth: {fresh_for: 0s}"};
    const auto id = scene.daemon.post(some_query).header("X-Request-Id");
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].header("X-Request-Id"), id);
    EXPECT_EQ(requests[1].header("X-Request-Id"), id);
}

} // namespace
} // namespace bearerd::test
