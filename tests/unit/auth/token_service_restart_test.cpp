#include "unit/auth/token_service_fixture.hpp"

#include "unit/auth/jwt_text.hpp"
#include "unit/auth/temporary_directory.hpp"

#include <bearerd/auth/token_file.hpp>

#include <future>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using RestartFixture = ServiceFixture;

TEST(TokenService, AStoredTokenIsUsedWithoutALogin) {
    const TemporaryDirectory folder;
    Options options;
    options.directory = folder.path();
    {
        RestartFixture f{options};
        f.settle(jwt(1000, 4600));
        f.source->observed(f.source->current(f.now), jwt(1001, 4601), false);
    }
    RestartFixture f{options};
    f.start();
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 1 && f.ready == 1; });
    EXPECT_EQ(value(std::get<TokenPtr>(f.acquired[0])), jwt(1001, 4601));
    EXPECT_EQ(f.transport->sent, 0U);
    EXPECT_EQ(f.stats.token_swaps[SwapSource::store].get(), 1U);
    f.source->observed(f.source->current(f.now), jwt(2000, 5600, "boss"), false);
    EXPECT_EQ(f.stats.tokens_ignored[IgnoredToken::foreign].get(), 1U)
        << "the login's identity was stored too";
}

TEST(TokenService, ARestartDoesNotForgetRejectionsAndAChangedPasswordDoes) {
    const TemporaryDirectory folder;
    Options options;
    options.directory = folder.path();
    {
        RestartFixture f{options};
        f.start();
        f.transport->answer(FakeAnswer::errors("no"));
        f.run_until([&f] { return f.ready == 1; });
    }
    {
        RestartFixture f{options};
        f.start();
        f.acquire();
        f.run_until([&f] { return f.acquired.size() == 1 && f.ready == 1; });
        EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_rejected);
        EXPECT_EQ(f.transport->sent, 0U);
        EXPECT_EQ(f.service->status().last_login_result, "rejected");
    }
    options.password = "changed";
    RestartFixture f{options};
    f.start();
    f.run_until([&f] { return f.transport->sent == 1; });
}

TEST(TokenService, AStoreThatHangsIsNotAwaitedForEver) {
    const TemporaryDirectory folder;
    std::promise<void> mended;
    Options options;
    options.directory = folder.path();
    {
        RestartFixture f{options};
        f.settle("stored");
    }
    options.login_timeout = 20ms;
    options.store_reading = [over = mended.get_future().share()] { over.wait(); };
    RestartFixture f{options};
    f.start();
    f.transport->answer(FakeAnswer::token("new"));
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(value(f.source->current(f.now)), "new");
    mended.set_value();
    f.service.reset(); // has the store's thread end
    f.context.restart();
    f.context.poll();
    EXPECT_EQ(f.stats.token_swaps[SwapSource::store].get(), 0U);
    f.service = std::make_unique<TokenService>(f.context.get_executor(), f.transport, settings({}), f.stats);
}

TEST(TokenService, AStoreOpenedByAReloadGetsTheTokenWithItsAge) {
    const TemporaryDirectory folder;
    Options options;
    {
        RestartFixture f{options};
        f.settle("a");
        f.now += 49min;
        f.options_.directory = folder.path();
        f.service->reload(settings(f.options_), f.transport);
    }
    options.directory = folder.path();
    RestartFixture f{options};
    f.start();
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    EXPECT_LE(*f.service->status().expires_in, 10min) << "a minute and 49 had passed";
    EXPECT_GT(*f.service->status().expires_in, 5min);
}

TEST(TokenService, RejectionsMoveWithTheStore) {
    const TemporaryDirectory first;
    const TemporaryDirectory second;
    Options options;
    options.directory = first.path();
    {
        RestartFixture f{options};
        f.start();
        f.transport->answer(FakeAnswer::errors("no"));
        f.run_until([&f] { return f.ready == 1; });
        f.options_.directory = second.path();
        f.service->reload(settings(f.options_), f.transport);
    }
    options.directory = second.path();
    RestartFixture f{options};
    f.start();
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_rejected);
    EXPECT_EQ(f.transport->sent, 0U);

    // Where the login works, a count of old times means nothing any more, here nor at the next start.
    RestartFixture working;
    working.settle("a");
    working.options_.directory = second.path();
    working.service->reload(settings(working.options_), working.transport);
    working.run_until([&second] { return !second.find("token-").empty(); });
    working.context.restart();
    working.context.poll();
    EXPECT_EQ(working.service->status().state, "valid");
    EXPECT_EQ(working.service->status().next_try, std::nullopt);
    working.service.reset();
    TokenFile file{{second.path(), "", working.options_.url, working.options_.user,
                    Secret{std::string_view{working.options_.password}}}};
    EXPECT_EQ(file.load_login().value->rejections, 0U);
    working.service = std::make_unique<TokenService>(working.context.get_executor(), working.transport,
                                                     settings({}), working.stats);
}

TEST(TokenService, AStoreThatCannotBeWrittenIsCountedAndNothingElse) {
    const TemporaryDirectory folder;
    TemporaryDirectory::write(folder.path() + "/file", "x");
    Options options;
    options.directory = folder.path() + "/file";
    RestartFixture f{options};
    f.settle("a");
    f.run_until([&f] { return f.stats.token_store_failures.get() == 1; });
    EXPECT_EQ(value(f.source->current(f.now)), "a");
}

TEST(TokenService, AReloadWithAnotherPasswordTriesAtOnce) {
    RestartFixture f;
    f.start();
    f.transport->answer(FakeAnswer::errors("no"));
    f.run_until([&f] { return f.ready == 1; });
    f.service->reload(settings(f.options_), f.transport);
    f.context.restart();
    f.context.poll();
    EXPECT_EQ(f.transport->sent, 1U) << "nothing changed";
    f.options_.password = "right";
    f.service->reload(settings(f.options_), f.transport);
    f.transport->answer(FakeAnswer::token("a"));
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    EXPECT_NE(f.transport->bodies[1].find("right"), std::string::npos);
}

TEST(TokenService, AReloadDropsTheOutcomeOfTheLoginThatRuns) {
    RestartFixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.options_.password = "right";
    f.service->reload(settings(f.options_), f.transport);
    f.transport->answer(FakeAnswer::errors("no"));
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_EQ(f.transport->most_running, 1U);
    EXPECT_EQ(f.stats.logins[LoginResult::rejected].get(), 0U)
        << "what the old password came to is of no interest";
    EXPECT_TRUE(f.acquired.empty());
    f.transport->answer(FakeAnswer::token("a"));
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(value(std::get<TokenPtr>(f.acquired[0])), "a");
}

TEST(TokenService, AReloadToAnotherUserLeavesTheRequestsOfTheFormerOneWithItsOwnToken) {
    RestartFixture f;
    f.settle("a");
    const auto used = f.source->current(f.now);
    f.options_.user = "boss";
    f.service->reload(settings(f.options_), f.transport);
    const auto other = f.service->make_source(f.context.get_executor(), f.stats);
    EXPECT_EQ(other->current(f.now), nullptr);
    f.source->observed(used, "late", false);
    EXPECT_EQ(other->current(f.now), nullptr);
    f.transport->answer(FakeAnswer::token("b"));
    f.run_until([&f, &other] { return other->current(f.now) != nullptr; });
    EXPECT_EQ(value(other->current(f.now)), "b");
    EXPECT_EQ(value(f.source->current(f.now)), "a");
    f.reject(used);
    f.run_until([&f] { return f.advice.size() == 1; });
    EXPECT_EQ(f.advice[0].kind, Advice::Kind::pass) << "never sent again in another's name";
}

// The guard and the journal know it as a request of the former user.
TEST(TokenService, AReloadToAnotherUserGivesNoTokenToARequestOfTheFormerOne) {
    RestartFixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.options_.user = "boss";
    f.service->reload(settings(f.options_), f.transport);
    f.transport->answer(FakeAnswer::token("b"));
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
    const auto other = f.service->make_source(f.context.get_executor(), f.stats);
    f.run_until([&f] { return f.transport->sent == 2; }); // the former user's login did not count
    f.transport->answer(FakeAnswer::token("c"));
    f.run_until([&f, &other] { return other->current(f.now) != nullptr; });
    EXPECT_EQ(value(other->current(f.now)), "c");
    f.acquire(); // one of the former user that arrives late
    f.run_until([&f] { return f.acquired.size() == 2; });
    EXPECT_EQ(reason(f.acquired[1]), NoToken::Reason::login_unavailable);
}

TEST(TokenService, AReloadToAnotherUpstreamLeavesTheRequestsToTheOldOneWithItsOwnToken) {
    RestartFixture f;
    f.settle("old");
    const auto used = f.source->current(f.now);
    f.options_.url = "https://other.example.com/";
    f.service->reload(settings(f.options_), f.transport);
    const auto other = f.service->make_source(f.context.get_executor(), f.stats);
    f.transport->answer(FakeAnswer::token("new"));
    f.run_until([&f, &other] { return other->current(f.now) != nullptr; });
    const auto current = other->current(f.now);
    EXPECT_EQ(value(current), "new");

    EXPECT_EQ(value(f.source->current(f.now)), "old");
    f.reject(used);
    f.run_until([&f] { return f.advice.size() == 1; });
    EXPECT_EQ(f.advice[0].kind, Advice::Kind::pass)
        << "the former upstream's answer, never sent to the new one";
    f.source->observed(current, "planted", false);
    EXPECT_EQ(f.stats.tokens_ignored[IgnoredToken::foreign].get(), 1U);
    EXPECT_EQ(value(other->current(f.now)), "new");

    f.now += 2h;
    EXPECT_EQ(f.source->current(f.now), nullptr);
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
}

TEST(TokenService, AReloadToAnotherUpstreamReleasesWhoWaitsForTheOldOne) {
    RestartFixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.options_.url = "https://other.example.com/";
    f.service->reload(settings(f.options_), f.transport);
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
}

TEST(TokenService, DocumentsThatAreDeniedByTurnsCauseOneLoginEachThoughTheTokenRotates) {
    RestartFixture f;
    f.settle("first");
    for (std::size_t i = 0; i < 100; ++i) {
        f.source->accepted(f.source->current(f.now), 9); // another document
        f.source->observed(f.source->current(f.now), "swap" + std::to_string(i), false);
        f.now += 15s;
        f.transport->answer(FakeAnswer::token("login" + std::to_string(i)));
        f.reject(f.source->current(f.now), i % 2);
        f.run_until([&f, i] { return f.advice.size() == i + 1; });
        if (f.advice[i].kind == Advice::Kind::resend) {
            EXPECT_TRUE(f.advice[i].after_login);
            f.source->denied(f.advice[i].token, i % 2);
        }
    }
    EXPECT_EQ(f.transport->sent, 3U) << "the one at the start, and one for each document";
}

} // namespace
} // namespace bearerd::auth
