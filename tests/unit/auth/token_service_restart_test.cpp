#include "unit/auth/token_service_fixture.hpp"

#include "unit/auth/jwt_text.hpp"
#include "unit/auth/temporary_directory.hpp"

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using Fixture = ServiceFixture;

TEST(TokenService, AStoredTokenIsUsedWithoutALogin) {
    const TemporaryDirectory folder;
    Options options;
    options.directory = folder.path();
    {
        Fixture f{options};
        f.settle(jwt(1000, 4600));
        f.source->observed(f.source->current(f.now), jwt(1001, 4601), false);
    }
    Fixture f{options};
    f.start();
    f.acquire();
    f.run_until([&f] { return f.acquired.size() == 1 && f.ready == 1; });
    EXPECT_EQ(value(std::get<TokenPtr>(f.acquired[0])), jwt(1001, 4601));
    EXPECT_EQ(f.transport->sent, 0U);
    EXPECT_EQ(f.stats.token_swaps[2].get(), 1U);
    f.source->observed(f.source->current(f.now), jwt(2000, 5600, "boss"), false);
    EXPECT_EQ(f.stats.tokens_ignored[1].get(), 1U) << "the login's identity was stored too";
}

TEST(TokenService, ARestartDoesNotForgetRejectionsAndAChangedPasswordDoes) {
    const TemporaryDirectory folder;
    Options options;
    options.directory = folder.path();
    {
        Fixture f{options};
        f.start();
        f.transport->answer(FakeAnswer::errors("no"));
        f.run_until([&f] { return f.ready == 1; });
    }
    {
        Fixture f{options};
        f.start();
        f.acquire();
        f.run_until([&f] { return f.acquired.size() == 1 && f.ready == 1; });
        EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_rejected);
        EXPECT_EQ(f.transport->sent, 0U);
    }
    options.password = "changed";
    Fixture f{options};
    f.start();
    f.run_until([&f] { return f.transport->sent == 1; });
}

TEST(TokenService, AStoreThatCannotBeWrittenIsCountedAndNothingElse) {
    const TemporaryDirectory folder;
    TemporaryDirectory::write(folder.path() + "/file", "x");
    Options options;
    options.directory = folder.path() + "/file";
    Fixture f{options};
    f.settle("a");
    f.run_until([&f] { return f.stats.token_store_failures.get() == 1; });
    EXPECT_EQ(value(f.source->current(f.now)), "a");
}

TEST(TokenService, AReloadWithAnotherPasswordTriesAtOnce) {
    Fixture f;
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
    Fixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.options_.password = "right";
    f.service->reload(settings(f.options_), f.transport);
    f.transport->answer(FakeAnswer::errors("no"));
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_EQ(f.transport->most_running, 1U);
    EXPECT_EQ(f.stats.logins[1].get(), 0U) << "what the old password came to is of no interest";
    EXPECT_TRUE(f.acquired.empty());
    f.transport->answer(FakeAnswer::token("a"));
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(value(std::get<TokenPtr>(f.acquired[0])), "a");
}

TEST(TokenService, AReloadWithAnotherUserDropsTheTokenAtOnce) {
    Fixture f;
    f.settle("a");
    const auto used = f.source->current(f.now);
    f.options_.user = "boss";
    f.service->reload(settings(f.options_), f.transport);
    EXPECT_EQ(f.source->current(f.now), nullptr);
    f.source->observed(used, "late", false);
    EXPECT_EQ(f.source->current(f.now), nullptr);
    f.transport->answer(FakeAnswer::token("b"));
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    EXPECT_EQ(value(f.source->current(f.now)), "b");
}

TEST(TokenService, AReloadToAnotherUpstreamLeavesTheRequestsToTheOldOneWithout) {
    Fixture f;
    f.settle("old");
    const auto used = f.source->current(f.now);
    f.options_.url = "https://other.example.com/";
    f.service->reload(settings(f.options_), f.transport);
    const auto other = f.service->make_source(f.context.get_executor(), f.stats);
    f.transport->answer(FakeAnswer::token("new"));
    f.run_until([&f, &other] { return other->current(f.now) != nullptr; });
    const auto current = other->current(f.now);
    EXPECT_EQ(value(current), "new");

    EXPECT_EQ(f.source->current(f.now), nullptr);
    f.acquire();
    f.reject(used);
    f.run_until([&f] { return f.acquired.size() == 1 && f.advice.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
    EXPECT_EQ(f.advice[0].kind, Advice::Kind::fail);
    f.source->observed(current, "planted", false);
    EXPECT_EQ(f.stats.tokens_ignored[1].get(), 1U);
    EXPECT_EQ(value(other->current(f.now)), "new");
}

TEST(TokenService, AReloadToAnotherUpstreamReleasesWhoWaitsForTheOldOne) {
    Fixture f;
    f.start();
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 1; });
    f.options_.url = "https://other.example.com/";
    f.service->reload(settings(f.options_), f.transport);
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_EQ(reason(f.acquired[0]), NoToken::Reason::login_unavailable);
}

TEST(TokenService, DocumentsThatAreDeniedByTurnsCauseOneLoginEachThoughTheTokenRotates) {
    Fixture f;
    f.settle("first");
    for (std::size_t i = 0; i < 100; ++i) {
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
