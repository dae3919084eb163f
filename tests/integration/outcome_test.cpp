#include "scenario.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// Answers logins; every other request meets this end, once each.
Script ending_with(std::function<void(UpstreamConnection&)> end) {
    return [end = std::move(end)](UpstreamConnection& connection) {
        for (;;) {
            if (connection.read().is_login()) {
                connection.write(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nX-Authorization: " +
                    std::string{first_token} + "\r\n\r\n{}");
                return;
            }
            end(connection);
        }
    };
}

const std::string half =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"data\":";

struct End {
    const char* what;
    std::function<void(UpstreamConnection&)> play;
};

const std::vector<End>& ends_on_a_new_connection() {
    static const std::vector<End> ends{
        {"closed before a byte", [](UpstreamConnection& c) { c.finish(); }},
        {"cut before a byte", [](UpstreamConnection& c) { c.cut(); }},
        {"reset before a byte", [](UpstreamConnection& c) { c.reset(); }},
        {"closed amid the head",
         [](UpstreamConnection& c) { c.write("HTTP/1.1 200 OK\r\nConte"), c.finish(); }},
        {"closed amid the body", [](UpstreamConnection& c) { c.write(half), c.finish(); }},
        {"reset amid the body", [](UpstreamConnection& c) { c.write(half), c.reset(); }},
        {"garbage", [](UpstreamConnection& c) { c.write("SSH-2.0-OpenSSH_9.2\r\n\r\n"), c.finish(); }},
        {"two lengths",
         [](UpstreamConnection& c) {
             c.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"), c.finish();
         }},
        {"no end without close_notify",
         [](UpstreamConnection& c) {
             c.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"data\":{}}"), c.cut();
         }},
    };
    return ends;
}

TEST(Outcome, OfAMutationWithoutAWholeAnswerIsUnknownAndItIsNeverSentAgain) {
    for (const End& end : ends_on_a_new_connection()) {
        SCOPED_TRACE(end.what);
        Scene scene{ending_with(end.play)};
        expect_own_error(scene.daemon.post(some_mutation), 504, "OUTCOME_UNKNOWN", "unknown");
        EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
    }
}

TEST(Outcome, OfAQueryWithoutAWholeAnswerIsBroken) {
    for (const End& end : ends_on_a_new_connection()) {
        SCOPED_TRACE(end.what);
        Scene scene{ending_with(end.play)};
        expect_own_error(scene.daemon.post(some_query), 502, "UPSTREAM_BROKEN", "no");
    }
}

TEST(Outcome, WithoutAnAnswerInTimeIsTold) {
    Scene scene{ending_with([](UpstreamConnection& c) { c.wait_for_end(); }),
                "upstream: {response_timeout: 300ms}"};
    expect_own_error(scene.daemon.post(some_query), 504, "UPSTREAM_TIMEOUT", "no");
    expect_own_error(scene.daemon.post(some_mutation), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
}

/// Answers one request on the connection, then takes the second and closes without a byte.
Script stale_after_one() {
    auto stale = std::make_shared<std::atomic<bool>>(false);
    return [stale](UpstreamConnection& connection) {
        for (int served = 0;; ++served) {
            const UpstreamRequest request = connection.read();
            if (request.is_login()) {
                connection.write(login_answer(first_token));
            } else if (request.body.find("warm up") != std::string::npos || stale->exchange(true)) {
                connection.write(http_answer(some_data));
            } else {
                connection.reset();
                return;
            }
        }
    };
}

constexpr std::string_view warm_up = R"({"query":"{ a(note: \"warm up\") }"})";

TEST(Outcome, OfAQueryOnAStaleConnectionIsANewTry) {
    Scene scene{stale_after_one()};
    scene.daemon.post(warm_up);
    EXPECT_EQ(scene.daemon.post(some_query).body, some_data);
    EXPECT_EQ(scene.upstream.app_requests().size(), 3U);
}

TEST(Outcome, OfAMutationOnAStaleConnectionIsUnknown) {
    Scene scene{stale_after_one()};
    scene.daemon.post(warm_up);
    expect_own_error(scene.daemon.post(some_mutation), 504, "OUTCOME_UNKNOWN", "unknown");
    EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
}

TEST(Outcome, OfWhatNeverLeftIsNo) {
    auto upstream = std::make_unique<Simulator>();
    const Daemon daemon{{.upstream_url = upstream->url(), .ca_pem = upstream->ca_pem()}};
    EXPECT_EQ(daemon.post(balance_query()).status, 200);
    upstream.reset();
    expect_own_error(daemon.post(some_mutation), 502, "UPSTREAM_UNREACHABLE", "no");
    expect_own_error(daemon.post(some_query), 502, "UPSTREAM_UNREACHABLE", "no");
}

TEST(Outcome, OfAMutationWhoseAppWentAwayIsReadToItsEnd) {
    std::mutex gate;
    gate.lock();
    Scene scene{[&](UpstreamConnection& connection) {
        for (;;) {
            const UpstreamRequest request = connection.read();
            if (request.is_login()) {
                connection.write(login_answer(first_token));
            } else if (request.body == some_mutation) {
                const std::lock_guard wait{gate};
                connection.write(http_answer(some_data, {{"X-Authorization", std::string{second_token}}}));
            } else {
                connection.write(http_answer(some_data));
            }
        }
    }};
    {
        HttpClient client = scene.daemon.client();
        client.send(client.format("POST", "/graphql", some_mutation));
        ASSERT_TRUE(scene.upstream.wait_for_requests(2));
        client.socket().reset();
    }
    gate.unlock();
    const Deadline deadline; // nobody here is notified when the answer is read
    do {
        EXPECT_EQ(scene.daemon.post(some_query).body, some_data);
    } while (scene.upstream.requests().back().token() != second_token && !deadline.passed());
    EXPECT_EQ(scene.upstream.requests().back().token(), second_token);
    const auto requests = scene.upstream.app_requests();
    EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
                            [](const auto& r) { return r.body == some_mutation; }),
              1);
}

} // namespace
} // namespace bearerd::test
