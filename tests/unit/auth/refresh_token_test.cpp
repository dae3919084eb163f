#include "unit/auth/token_service_fixture.hpp"

#include "unit/auth/temporary_directory.hpp"

#include <bearerd/auth/token_file.hpp>

#include <gmock/gmock.h>

#include <algorithm>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::HasSubstr;

/// Logins and renewals in the body, of which each brings a refresh token.
Options with_refresh(std::string directory = {}) {
    Options options{std::move(directory)};
    options.change = [](config::Settings& settings) {
        settings.auth.token_headers.clear();
        settings.auth.token_pointer = "/data/l/token";
        settings.auth.expires_pointer = "/data/l/life";
        settings.auth.refresh = {"mutation($refresh_token:ID!){l:r(t:$refresh_token){token next}}",
                                 "/data/l/next"};
    };
    return options;
}

FakeAnswer tokens(const std::string& token, const std::string& refresh, const std::string& life = "3600") {
    FakeAnswer answer;
    answer.pieces = {R"({"data":{"l":{"token":")" + token + R"(","life":)" + life + R"(,"next":")" + refresh +
                     R"("}}})"};
    return answer;
}

StoreSettings store(const std::string& directory) {
    return {directory, "", "https://api.example.com/", "till", Secret{std::string_view{"pass-word"}}};
}

void log_in_first(ServiceFixture& f, const std::string& refresh) {
    f.start();
    f.transport->answer(tokens("one", refresh));
    f.run_until([&f] { return f.ready == 1; });
}

void renew(ServiceFixture& f) {
    f.now += 59min;
    f.service->tick();
}

/// The body of the request with this number, counted from 1, once it is sent.
std::string next_body(ServiceFixture& f, std::size_t number) {
    f.run_until([&f, number] { return f.transport->sent == number; });
    return f.transport->bodies.empty() ? std::string{} : f.transport->bodies.back();
}

std::string stored_in(const TemporaryDirectory& folder) {
    TokenFile file{store(folder.path())};
    auto loaded = file.load_refresh();
    return loaded.value ? std::string{loaded.value->token.reveal()} : std::string{};
}

TEST(RefreshTokenFile, IsTakenByOneOnly) {
    const TemporaryDirectory folder;
    TokenFile one{store(folder.path())};
    TokenFile other{store(folder.path())};
    ASSERT_FALSE(one.save(RefreshRecord{Secret{std::string_view{"r-1"}}}));
    const Secret token{std::string_view{"r-1"}};
    EXPECT_FALSE(one.take_refresh(Secret{std::string_view{"r-0"}})) << "another one is stored";
    EXPECT_TRUE(one.take_refresh(token));
    EXPECT_FALSE(other.take_refresh(token));
    EXPECT_FALSE(one.take_refresh(token));
    EXPECT_EQ(stored_in(folder), "");
}

TEST(RefreshTokenFile, HoldsNoPlainText) {
    const TemporaryDirectory folder;
    TokenFile file{store(folder.path())};
    ASSERT_FALSE(file.save(RefreshRecord{Secret{std::string_view{"refresh-token-1"}}}));
    for (const std::string& name : folder.names())
        EXPECT_EQ(read_store_file(folder.path() + "/" + name)->find("refresh-token"), std::string::npos);
}

TEST(RefreshToken, RenewsTheTokenInPlaceOfALogin) {
    ServiceFixture f{with_refresh()};
    log_in_first(f, "r-1");
    renew(f);
    EXPECT_THAT(next_body(f, 2), HasSubstr(R"("refresh_token":"r-1")"));
    f.transport->answer(tokens("two", "r-2"));
    f.run_until([&f] { return value(f.source->current(f.now)) == "two"; });
    renew(f);
    EXPECT_THAT(next_body(f, 3), HasSubstr(R"("refresh_token":"r-2")"));
}

TEST(RefreshToken, IsNotUsedTwiceWhateverBecomesOfIt) {
    for (const bool unavailable : {true, false}) {
        ServiceFixture f{with_refresh()};
        log_in_first(f, "r-1");
        renew(f);
        f.run_until([&f] { return f.transport->sent == 2; });
        f.transport->answer(unavailable ? FakeAnswer::unreachable() : FakeAnswer::errors("refused"));
        if (unavailable) {
            f.run_until([&f] { return f.service->status().next_try.has_value(); });
            f.now += 1min;
            f.service->tick();
        }
        EXPECT_THAT(next_body(f, 3), HasSubstr(R"("password":"pass-word")"));
        f.transport->answer(tokens("two", "r-2"));
        f.run_until([&f] { return value(f.source->current(f.now)) == "two"; });
    }
}

TEST(RefreshToken, WithoutASuccessorIsFollowedByALogin) {
    ServiceFixture f{with_refresh()};
    log_in_first(f, "");
    renew(f);
    EXPECT_THAT(next_body(f, 2), HasSubstr(R"("password":"pass-word")"));
}

TEST(RefreshToken, IsMarkedOnTheDiskBeforeItIsSent) {
    const TemporaryDirectory folder;
    ServiceFixture f{with_refresh(folder.path())};
    log_in_first(f, "r-1");
    f.run_until([&folder] { return stored_in(folder) == "r-1"; });
    renew(f);
    EXPECT_THAT(next_body(f, 2), HasSubstr("r-1"));
    EXPECT_EQ(stored_in(folder), "") << "a process that starts now finds none";
    f.transport->answer(tokens("two", "r-2"));
    f.run_until([&folder] { return stored_in(folder) == "r-2"; });
}

TEST(RefreshToken, OutlivesTheProcessIfItWasNotUsed) {
    const TemporaryDirectory folder;
    {
        ServiceFixture f{with_refresh(folder.path())};
        log_in_first(f, "r-1");
    }
    ServiceFixture f{with_refresh(folder.path())};
    f.start();
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(f.transport->sent, 0U);
    renew(f);
    EXPECT_THAT(next_body(f, 1), HasSubstr(R"("refresh_token":"r-1")"));
}

TEST(RefreshToken, ThatAnotherProcessTookIsNotSent) {
    const TemporaryDirectory folder;
    ServiceFixture f{with_refresh(folder.path())};
    log_in_first(f, "r-1");
    f.run_until([&folder] { return stored_in(folder) == "r-1"; });
    TokenFile other{store(folder.path())};
    ASSERT_TRUE(other.take_refresh(Secret{std::string_view{"r-1"}}));
    renew(f);
    EXPECT_THAT(next_body(f, 2), HasSubstr(R"("password":"pass-word")"));
}

TEST(RefreshToken, OfFormerCredentialsIsForgotten) {
    const TemporaryDirectory folder;
    ServiceFixture f{with_refresh(folder.path())};
    log_in_first(f, "r-1");
    Options changed = with_refresh(folder.path());
    changed.password = "another";
    f.service->reload(settings(changed), f.transport);
    EXPECT_THAT(next_body(f, 2), HasSubstr(R"("password":"another")"));
    f.run_until([&folder] { return stored_in(folder).empty(); });
}

/// However far the renewal is: from its first step until it is sent.
TEST(RefreshToken, WhoseRenewalMeetsAReloadLeavesTheNewCredentialsToOneLogin) {
    for (int steps = 0; steps < 6; ++steps) {
        SCOPED_TRACE(steps);
        ServiceFixture f{with_refresh()};
        log_in_first(f, "r-1");
        renew(f);
        for (int i = 0; i < steps; ++i) {
            f.context.restart();
            f.context.poll_one();
        }
        Options changed = with_refresh();
        changed.password = "another";
        f.service->reload(settings(changed), f.transport);
        for (int i = 0; i < 3; ++i)
            f.transport->answer(FakeAnswer::errors("wrong"));
        f.run_until([&f] { return f.service->status().last_login_result == "rejected"; });
        f.context.restart();
        f.context.poll();
        const auto sent =
            std::count_if(f.transport->bodies.begin(), f.transport->bodies.end(),
                          [](const std::string& body) { return body.find("another") != std::string::npos; });
        EXPECT_EQ(sent, 1);
        const auto& bodies = f.transport->bodies;
        EXPECT_EQ(std::count_if(bodies.begin(), bodies.end(),
                                [](const std::string& body) { return body.find("pass-word") != body.npos; }),
                  1)
            << "the first login";
        EXPECT_EQ(f.stats.logins[LoginResult::rejected].get(), 1U);
    }
}

TEST(RefreshToken, ThatIsRefusedAfterStopIsNotFollowedByALogin) {
    ServiceFixture f{with_refresh()};
    log_in_first(f, "r-1");
    renew(f);
    f.run_until([&f] { return f.transport->sent == 2; });
    f.service->stop();
    f.transport->answer(FakeAnswer::errors("refused"));
    f.context.restart();
    f.context.poll();
    EXPECT_EQ(f.transport->running, 0U);
    EXPECT_EQ(f.transport->sent, 2U);
}

TEST(RefreshToken, WhoseTokenComesAgainWithNoLifeLeftIsNoFailure) {
    ServiceFixture f{with_refresh()};
    log_in_first(f, "r-1");
    renew(f);
    f.transport->answer(tokens("one", "r-2", "0"));
    f.transport->answer(tokens("one", "r-3", "0"));
    f.run_until([&f] { return f.transport->sent == 3 && f.transport->running == 0; });
    f.context.restart();
    f.context.poll();
    EXPECT_EQ(value(f.source->current(f.now)), "one");
    EXPECT_EQ(f.service->status().last_login_result, "ok");
    EXPECT_FALSE(f.service->status().next_try);
}

TEST(StaticTokenService, ReadsItsFileAgainAfterARejection) {
    std::string content = "key-one";
    Options options;
    options.password = "key-one";
    options.read_password = [&content](const std::string&) {
        return std::optional<Secret>{Secret{std::string_view{content}}};
    };
    options.change = [](config::Settings& settings) {
        settings.auth.kind = config::LoginKind::static_token;
        settings.auth.token_headers.clear();
    };
    ServiceFixture f{options};
    f.start();
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(value(f.source->current(f.now)), "key-one");
    f.now += 1min;
    content = "key-two";
    f.reject(f.source->current(f.now));
    f.run_until([&f] { return f.advice.size() == 1; });
    EXPECT_EQ(f.advice.back().kind, Advice::Kind::resend);
    EXPECT_EQ(value(f.advice.back().token), "key-two");
    EXPECT_EQ(f.transport->sent, 0U) << "no login";
    // The file stays: sent again once, then the document is denied.
    f.now += 1min;
    f.reject(f.source->current(f.now), 7);
    f.run_until([&f] { return f.advice.size() == 2; });
    EXPECT_EQ(value(f.advice.back().token), "key-two");
    f.source->denied(f.advice.back().token, 7);
    f.reject(f.source->current(f.now), 7);
    f.run_until([&f] { return f.advice.size() == 3; });
    EXPECT_EQ(f.advice.back().kind, Advice::Kind::pass);
    // The file changes while nothing asks for it.
    content = "key-three";
    f.now += 30s;
    f.service->tick();
    f.run_until([&f] { return value(f.source->current(f.now)) == "key-three"; });
    // The file holds what can't be a token: the former one stays.
    for (const char* const other : {"a,b", "null", "k\xC3\xBC", ""}) {
        f.now += 1min;
        content = other;
        const std::size_t before = f.advice.size();
        f.reject(f.source->current(f.now));
        f.run_until([&f, before] { return f.advice.size() > before; });
        EXPECT_EQ(value(f.source->current(f.now)), "key-three") << other;
    }
    EXPECT_EQ(f.transport->sent, 0U);
}

TEST(StaticTokenService, StillHasItsTokenAfterAMonth) {
    Options options;
    options.change = [](config::Settings& settings) {
        settings.auth.kind = config::LoginKind::static_token;
        settings.auth.token_headers.clear();
    };
    ServiceFixture f{options};
    f.start();
    f.run_until([&f] { return f.ready == 1; });
    for (int day = 0; day < 40; ++day) {
        f.now += 24h;
        f.service->tick();
        f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    }
    EXPECT_EQ(f.transport->sent, 0U);
}

} // namespace
} // namespace bearerd::auth
