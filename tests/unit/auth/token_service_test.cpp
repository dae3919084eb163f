#include "unit/auth/token_service_fixture.hpp"

#include "unit/auth/jwt_text.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <thread>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using ServiceFixture = ServiceFixture;

TEST(TokenService, RequestsThatArriveMeanwhileWaitForTheOneLogin) {
    ServiceFixture f;
    f.start();
    for (int i = 0; i < 100; ++i)
        f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.context.poll();
    EXPECT_TRUE(f.acquired.empty());
    EXPECT_EQ(f.service->status().state, "logging_in");
    f.transport->answer(FakeAnswer::token("first"));
    f.run_until([&f] { return f.acquired.size() == 100; });
    for (const auto& result : f.acquired)
        EXPECT_EQ(value(std::get<TokenPtr>(result)), "first");
    EXPECT_EQ(f.transport->sent, 1U);
    EXPECT_EQ(f.ready, 1);
    EXPECT_EQ(f.stats.logins[LoginResult::ok].get(), 1U);
    EXPECT_EQ(f.stats.token_swaps[SwapSource::login].get(), 1U);
    EXPECT_EQ(f.service->status().state, "valid");
    EXPECT_EQ(f.service->status().last_login_result, "ok");
    EXPECT_EQ(f.service->status().expires_in, 60min);
}

TEST(TokenService, WrongCredentialsAnswerAtOnceUntilTheBackOffIsOver) {
    ServiceFixture f;
    f.start();
    f.acquire();
    f.transport->answer(FakeAnswer::errors("Invalid credentials"));
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_rejected);
    EXPECT_EQ(std::get<NoToken>(f.acquired[0]).retry_after, 30s);
    EXPECT_EQ(f.ready, 1) << "tried, though in vain";
    f.now += 10s;
    for (int i = 0; i < 100; ++i)
        f.acquire();
    f.context.restart();
    f.context.poll();
    ASSERT_EQ(f.acquired.size(), 101U);
    EXPECT_EQ(std::get<NoToken>(f.acquired[100]).retry_after, 20s);
    EXPECT_EQ(f.transport->sent, 1U);
    const auto status = f.service->status();
    EXPECT_EQ(status.state, "rejected");
    EXPECT_EQ(status.last_login_reason, "the upstream says: Invalid credentials");
    EXPECT_EQ(status.next_try, 20s);
    f.now += 20s;
    f.service->tick();
    f.run_until([&f] { return f.transport->sent == 2; });
}

TEST(TokenService, AFailedLoginNamesItsCause) {
    ServiceFixture f;
    f.start();
    f.acquire();
    f.transport->answer(FakeAnswer::unreachable(errc::tls_failed));
    f.run_until([&f] { return f.acquired.size() == 1; });
    const Cause* const cause = std::get<NoToken>(f.acquired[0]).cause;
    ASSERT_NE(cause, nullptr);
    EXPECT_EQ(cause->title, "TLS failed");
    EXPECT_EQ(f.service->status().last_login_code, errc::tls_failed);
}

TEST(TokenService, OutagesAreUnavailableAndToldInWords) {
    ServiceFixture f;
    f.start();
    f.acquire();
    f.transport->answer(FakeAnswer::unreachable());
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
    EXPECT_EQ(f.service->status().last_login_reason, make_error_code(errc::connect_failed).message());
    EXPECT_EQ(f.stats.logins[LoginResult::unavailable].get(), 1U);
}

TEST(TokenService, AnOutageTellsItsCauseToThoseThatWaitAndThoseThatComeLater) {
    ServiceFixture f;
    f.start();
    f.acquire();
    FakeAnswer elsewhere;
    elsewhere.status = 404;
    f.transport->answer(std::move(elsewhere));
    f.run_until([&f] { return f.acquired.size() == 1; });
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 2; });
    for (const TokenResult& result : f.acquired) {
        const Cause* const cause = std::get<NoToken>(result).cause;
        ASSERT_NE(cause, nullptr);
        EXPECT_EQ(cause->title, "Wrong address");
    }
}

TEST(TokenService, ARejectedTokenBringsOneLoginAndAResendForEach) {
    ServiceFixture f;
    f.settle("first");
    const auto used = f.source->current(f.now);
    for (std::uint64_t i = 0; i < 50; ++i)
        f.reject(used, i);
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_EQ(f.source->current(f.now), used) << "others go on";
    f.transport->answer(FakeAnswer::token("second"));
    f.run_until([&f] { return f.advice.size() == 50; });
    for (const auto& advice : f.advice) {
        EXPECT_EQ(advice.kind, Advice::Kind::resend);
        EXPECT_EQ(value(advice.token), "second");
        EXPECT_TRUE(advice.after_login);
    }
    f.reject(f.source->current(f.now), 99);
    f.run_until([&f] { return f.advice.size() == 51; });
    EXPECT_EQ(f.advice[50].kind, Advice::Kind::pass) << "fresh from the login";
    EXPECT_EQ(f.transport->most_running, 1U);
}

TEST(TokenService, WhereTheLoginFailsTheRejectedRequestFailsAndOthersKeepTheToken) {
    ServiceFixture f;
    f.settle("first");
    const auto used = f.source->current(f.now);
    f.reject(used);
    f.transport->answer(FakeAnswer::unreachable());
    f.run_until([&f] { return f.advice.size() == 1; });
    EXPECT_EQ(f.advice[0].kind, Advice::Kind::fail);
    EXPECT_EQ(f.advice[0].failure.reason, NoToken::Reason::login_unavailable);
    EXPECT_EQ(f.source->current(f.now), used);
    f.reject(used);
    f.run_until([&f] { return f.advice.size() == 2; });
    EXPECT_EQ(f.advice[1].kind, Advice::Kind::fail);
    EXPECT_EQ(f.transport->sent, 2U);
}

TEST(TokenService, ASwappedTokenIsInUseAtOnceByEveryThread) {
    ServiceFixture f;
    f.settle(jwt(1000, 4600));
    Stats others;
    const auto other = f.service->make_source(f.context.get_executor(), others);
    const auto used = other->current(f.now);
    const auto next = jwt(1001, 4601);
    f.source->observed(used, next, false);
    EXPECT_EQ(value(other->current(f.now)), next);
    EXPECT_EQ(f.stats.token_swaps[SwapSource::response].get(), 1U);
    f.source->observed(used, next, false);
    EXPECT_EQ(f.stats.token_swaps[SwapSource::response].get(), 1U) << "the same once more is no swap";
    other->observed(used, jwt(999, 4599), false);
    other->observed(used, jwt(2000, 5600, "boss"), false);
    other->observed(used, jwt(2000, 5600), true);
    EXPECT_EQ(others.tokens_ignored[IgnoredToken::older].get(), 1U);
    EXPECT_EQ(others.tokens_ignored[IgnoredToken::foreign].get(), 1U);
    EXPECT_EQ(others.tokens_ignored[IgnoredToken::login_operation].get(), 1U);
    EXPECT_EQ(value(other->current(f.now)), next);
    EXPECT_EQ(f.service->status().identity, "till-042");
}

TEST(TokenService, ALoginWithoutAnAnswerFailsAtItsDeadlineAndTheNextWaitsForItsEnd) {
    Options options;
    options.login_timeout = 20ms;
    ServiceFixture f{options};
    f.start();
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 1 && f.ready == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
    EXPECT_EQ(f.service->status().state, "backing_off");
    f.now += 1s;
    f.service->tick();
    f.context.restart();
    f.context.poll();
    EXPECT_EQ(f.transport->sent, 1U);
    f.transport->answer(FakeAnswer::token("late"));
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_EQ(f.transport->most_running, 1U);
    EXPECT_EQ(f.source->current(f.now), nullptr);
    f.transport->answer(FakeAnswer::token("second"));
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    EXPECT_EQ(value(f.source->current(f.now)), "second");
}

TEST(TokenService, WaitersAreBounded) {
    Options options;
    options.pending = 3;
    ServiceFixture f{options};
    f.start();
    for (int i = 0; i < 5; ++i)
        f.acquire();
    f.run_until([&f] { return f.acquired.size() == 2; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::overloaded);
    f.transport->answer(FakeAnswer::token("a"));
    f.run_until([&f] { return f.acquired.size() == 5; });
}

TEST(TokenService, StopReleasesAllWaitersAndLetsTheLoopRunDry) {
    ServiceFixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.service->stop();
    f.transport->close();
    f.context.restart();
    f.context.run_for(5s);
    EXPECT_TRUE(f.context.stopped()) << "no work is left";
    ASSERT_EQ(f.acquired.size(), 1U);
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::shutting_down);
    EXPECT_EQ(f.ready, 0);
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 2; });
    EXPECT_EQ(f.transport->sent, 1U);
}

TEST(TokenService, ADoorMayOutliveTheServiceAndItsLoop) {
    net::asio::io_context own;
    Stats stats;
    std::unique_ptr<TokenSource> token_source;
    TokenPtr used;
    {
        ServiceFixture f;
        f.settle("a");
        token_source = f.service->make_source(own.get_executor(), stats);
        used = token_source->current(f.now);
        f.service.reset();
        f.service =
            std::make_unique<TokenService>(f.context.get_executor(), f.transport, settings({}), f.stats);
    }
    EXPECT_EQ(value(used), "a");
    token_source.reset();
}

TEST(TokenService, AStreamedAnswerIsNoLogin) {
    ServiceFixture f;
    f.start();
    auto streamed = FakeAnswer::token("a");
    streamed.pieces.emplace_back(" ");
    f.transport->answer(std::move(streamed));
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(f.service->status().state, "backing_off");
    f.now += 1s;
    f.service->tick();
    f.transport->answer(FakeAnswer::token("b"));
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
}

TEST(TokenService, TheReasonNeverHoldsThePassword) {
    ServiceFixture f;
    f.start();
    f.transport->answer(FakeAnswer::errors("no user with pass-word"));
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(f.service->status().last_login_reason.find("pass-word"), std::string::npos);
}

TEST(TokenService, ThreadsShareOneTokenWithoutARace) {
    ServiceFixture f;
    f.start();
    f.transport->answer(FakeAnswer::token(jwt(1000, 4600)));
    auto guard = net::asio::make_work_guard(f.context);
    std::atomic<int> got = 0;
    std::atomic<int> left = 4;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&f, &got, &left, i] {
            net::asio::io_context own;
            Stats stats;
            const auto source = f.service->make_source(own.get_executor(), stats);
            net::asio::co_spawn(
                own,
                [](TokenSource* token_source, TimePoint now, std::atomic<int>* count,
                   int number) -> net::Task<void> {
                    const auto result = co_await token_source->acquire();
                    if (!std::holds_alternative<TokenPtr>(result))
                        co_return;
                    auto token = std::get<TokenPtr>(result);
                    for (int n = 0; n < 200; ++n) {
                        token_source->observed(token, jwt(1001 + n * 4 + number, 9000), false);
                        token = token_source->current(now);
                    }
                    const auto advice = co_await token_source->rejected(token, 1);
                    static_cast<void>(advice);
                    ++*count;
                }(source.get(), f.now, &got, i),
                ServiceFixture::rethrow);
            own.run();
            --left;
        });
    }
    for (int i = 0; i < 8; ++i)
        f.transport->answer(FakeAnswer::token(jwt(5000 + i, 9000)));
    f.run_until([&left] { return left == 0; });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(got, 4);
    EXPECT_EQ(f.transport->most_running, 1U);
    EXPECT_EQ(f.service->status().state, "valid");
}

} // namespace
} // namespace bearerd::auth
