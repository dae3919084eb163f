#include "unit/auth/jwt_text.hpp"
#include "unit/auth/token_service_fixture.hpp"
#include "unit/fleet/fake_store.hpp"

#include <bearerd/auth/authorized_exchange.hpp>
#include <bearerd/auth/token_service.hpp>
#include <bearerd/fleet/keys.hpp>

#include <algorithm>
#include <new>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using fleet::test::FakeStore;

/// Several services as of several processes, and the store between them.
class FleetOfServices : public testing::Test {
protected:
    struct Replica {
        Replica(FleetOfServices& owner, Options options)
            : transport{std::make_shared<FakeTransport>(owner.context.get_executor())} {
            ServiceHooks hooks;
            hooks.clock = [&owner] { return owner.now; };
            hooks.jitter = [] { return 0.0; };
            service = std::make_unique<TokenService>(owner.context.get_executor(), transport,
                                                     settings(options), stats, hooks, &owner.store);
            source = service->make_source(owner.context.get_executor(), stats);
        }

        void start() { service->start(); }

        [[nodiscard]] std::string_view token(TimePoint at) const { return value(source->current(at)); }

        std::shared_ptr<FakeTransport> transport;
        Stats stats;
        std::unique_ptr<TokenService> service;
        std::unique_ptr<TokenSource> source;
    };

    ~FleetOfServices() override {
        for (const auto& replica : replicas) {
            replica->service->stop();
            replica->transport->close();
        }
        context.restart();
        context.run_for(10s);
        replicas.clear();
    }

    Replica& add(Options options = {}) {
        replicas.push_back(std::make_unique<Replica>(*this, std::move(options)));
        replicas.back()->start();
        return *replicas.back();
    }

    [[nodiscard]] std::size_t logins() const {
        std::size_t sum = 0;
        for (const auto& replica : replicas)
            sum += replica->transport->sent;
        return sum;
    }

    /// The one whose login waits for its answer.
    Replica& one_that_logs_in() {
        return **std::ranges::find_if(replicas,
                                      [](const auto& replica) { return replica->transport->running != 0; });
    }

    [[nodiscard]] bool all_have(std::string_view token) const {
        return std::ranges::all_of(replicas,
                                   [&](const auto& replica) { return replica->token(now) == token; });
    }

    [[nodiscard]] bool all_are(std::string_view state) const {
        return std::ranges::all_of(
            replicas, [state](const auto& replica) { return replica->service->status().state == state; });
    }

    void until(const std::function<bool()>& held) {
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (!held() && std::chrono::steady_clock::now() < limit) {
            context.restart();
            context.run_one_for(20ms);
        }
        ASSERT_TRUE(held());
    }

    void reject(Replica& replica) {
        auto task = reject_into(replica.source.get(), replica.source->current(now), &advice);
        net::asio::co_spawn(context, std::move(task), ServiceFixture::rethrow);
    }

    static net::Task<void> reject_into(TokenSource* source, TokenPtr used, std::vector<Advice>* results) {
        auto result = co_await source->rejected(std::move(used), 1);
        results->push_back(std::move(result));
    }

    /// Sends the document once, and once more if that is the advice. The upstream rejects it whatever the
    /// token is, and a login that this causes brings `fresh`.
    void send_denied(Replica& replica, std::string_view fresh) {
        const http::UpstreamHeadPlan plan{"/graphql", "api.example.com", {"X-Authorization"}, {}};
        AuthorizedExchange exchange{*replica.source, plan};
        ASSERT_TRUE(exchange.take_token(now));
        for (Advice::Kind kind = Advice::Kind::resend; kind == Advice::Kind::resend;) {
            bool answered = false;
            std::optional<Advice> result;
            auto task = reject_once(&exchange, &result);
            net::asio::co_spawn(context, std::move(task), ServiceFixture::rethrow);
            until([&] {
                if (replica.transport->running != 0 && !std::exchange(answered, true))
                    replica.transport->answer(FakeAnswer::token(std::string{fresh}));
                return result.has_value();
            });
            ASSERT_TRUE(result);
            kind = result->kind;
        }
    }

    static net::Task<void> reject_once(AuthorizedExchange* exchange, std::optional<Advice>* result) {
        constexpr std::uint64_t document = 7;
        auto advice = co_await exchange->rejected(document);
        *result = std::move(advice);
    }

    net::asio::io_context context;
    TimePoint now{100h};
    FakeStore store{[this] { return now; }};
    std::vector<std::unique_ptr<Replica>> replicas;
    std::vector<Advice> advice;
};

TEST_F(FleetOfServices, OneLoginServesAllReplicas) {
    for (int i = 0; i < 5; ++i)
        add();
    until([this] { return logins() == 1; });
    Replica& winner = one_that_logs_in();
    winner.transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1"); });
    EXPECT_EQ(logins(), 1U);
    EXPECT_EQ(winner.stats.logins[LoginResult::ok].get(), 1U);
    for (const auto& replica : replicas)
        if (replica.get() != &winner) {
            EXPECT_EQ(replica->stats.logins[LoginResult::ok].get(), 0U);
            EXPECT_EQ(replica->stats.token_swaps[SwapSource::fleet].get(), 1U);
            EXPECT_EQ(replica->service->status().last_login_result, "ok");
        }
    until([this] { return store.value("lease").empty(); });
    add(); // after a rolling restart
    until([this] { return all_have("shared-token-1"); });
    EXPECT_EQ(logins(), 1U);
}

TEST_F(FleetOfServices, AdoptedTokensLiveAsLongAsTheLoginSaid) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 20min;
    Replica& second = add();
    until([this] { return all_have("shared-token-1"); });
    EXPECT_EQ(second.service->status().expires_in, 40min);
}

TEST_F(FleetOfServices, OneRenewsForAllBeforeTheTokenExpires) {
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 59min;
    for (const auto& replica : replicas)
        replica->service->tick();
    until([this] { return logins() == 2; });
    EXPECT_TRUE(all_have("shared-token-1")) << "requests go on meanwhile";
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-2"));
    until([this] { return all_have("shared-token-2"); });
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, ARenewalWaitsForTheStoreWhileThereIsTime) {
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    const auto tick = [this] {
        for (const auto& replica : replicas)
            replica->service->tick();
    };
    now += 58min + 1s;
    store.away = true;
    tick();
    EXPECT_TRUE(all_are("refreshing"));
    until([this] { return all_are("valid"); });
    EXPECT_EQ(logins(), 1U);
    store.away = false;
    now += 6s;
    tick();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-2"));
    until([this] { return all_have("shared-token-2") && store.value("lease").empty(); });
    EXPECT_EQ(logins(), 2U);
    now += 59min + 1s;
    store.away = true;
    tick();
    until([this] { return logins() == 5; });
}

TEST_F(FleetOfServices, ARejectedTokenIsReplacedByOneLoginForAll) {
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 1min;
    for (const auto& replica : replicas)
        reject(*replica);
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-2"));
    until([this] { return advice.size() == 3; });
    for (const Advice& each : advice) {
        EXPECT_EQ(each.kind, Advice::Kind::resend);
        EXPECT_EQ(value(each.token), "shared-token-2");
    }
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, AWrongPasswordIsTriedAsOftenAsByOne) {
    for (int i = 0; i < 4; ++i)
        add();
    for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
        until([this, attempt] { return logins() == attempt; });
        one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
        until([this] { return all_are("rejected") && store.value("lease").empty(); });
        const Duration wait = 30s * (1 << (attempt - 1));
        for (const auto& replica : replicas)
            EXPECT_EQ(replica->service->status().next_try, wait);
        now += wait;
        for (const auto& replica : replicas)
            replica->service->tick();
    }
    until([this] { return logins() == 4; });
}

TEST_F(FleetOfServices, ACorrectedPasswordStartsAfresh) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return all_are("rejected") && store.value("lease").empty(); });
    Options corrected;
    corrected.password = "right-pass-word";
    Replica& second = add(corrected);
    until([this] { return logins() == 2; });
    second.transport->answer(FakeAnswer::token("shared-token-1"));
    until([&] { return second.token(now) == "shared-token-1"; });
    Replica& first = *replicas.front();
    first.service->reload(settings(corrected), first.transport);
    until([this] { return all_have("shared-token-1"); });
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, ASuccessForgetsTheRejections) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return !store.value("rejections").empty() && store.value("lease").empty(); });
    EXPECT_EQ(store.value("rejections"), "1");
    now += 30s;
    replicas.front()->service->tick();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return store.value("rejections").empty(); });
    EXPECT_EQ(store.value("next_try"), "");
}

TEST_F(FleetOfServices, WithoutTheStoreEachLogsInByItself) {
    store.away = true;
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 3; });
    for (const auto& replica : replicas)
        replica->transport->answer(FakeAnswer::token("own-token"));
    until([this] { return all_have("own-token"); });
}

TEST_F(FleetOfServices, AStoreThatGoesAwayHoldsUpNobodyWhoWaitsForAnother) {
    add();
    until([this] { return logins() == 1; });
    add();
    until([this] { return store.count("SET") == 2; }); // the second one has not got the lease
    store.away = true;
    until([this] { return logins() == 2; });
}

TEST_F(FleetOfServices, ALoginThatWasStoppedForLongerThanTheLeaseReplacesNothing) {
    Replica& stopped = add();
    until([this] { return logins() == 1; });
    now += 20s; // twice the lease, which nobody has renewed
    Replica& next = add();
    until([&] { return next.transport->running == 1; });
    const auto lease = store.value("lease");
    stopped.transport->answer(FakeAnswer::token("older-token"));
    until([&] { return stopped.token(now) == "older-token"; });
    context.restart();
    context.run_for(50ms);
    EXPECT_EQ(store.value("lease"), lease) << "another one's lease was released";
    next.transport->answer(FakeAnswer::token("newer-token"));
    until([this] { return store.value("lease").empty(); });
    Replica& third = add();
    until([&] { return third.token(now) == "newer-token"; });
    now += 1min;
    reject(stopped);
    until([this] { return advice.size() == 1; });
    EXPECT_EQ(value(advice[0].token), "newer-token");
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, AStoppedLoginThatEndsLastDoesNotReplaceTheNewerTokenEither) {
    Replica& stopped = add();
    until([this] { return logins() == 1; });
    now += 20s;
    Replica& next = add();
    until([&] { return next.transport->running == 1; });
    next.transport->answer(FakeAnswer::token("newer-token"));
    until([&] { return next.token(now) == "newer-token" && store.value("lease").empty(); });
    stopped.transport->answer(FakeAnswer::token("older-token"));
    until([&] { return stopped.token(now) == "older-token"; });
    context.restart();
    context.run_for(50ms);
    Replica& third = add();
    until([&] { return !third.token(now).empty(); });
    EXPECT_EQ(third.token(now), "newer-token");
}

TEST_F(FleetOfServices, ALeaseIsRenewedWhileTheLoginRuns) {
    Options options;
    options.change = [](config::Settings& changed) { changed.fleet.lease = 300ms; };
    add(options);
    const auto renewals = [this] {
        return std::ranges::count_if(store.commands, [](const fleet::Command& command) {
            return command.front() == "EVAL" && command[1].find("PEXPIRE") != std::string::npos &&
                   command[1].find("HSET") == std::string::npos;
        });
    };
    until([&] { return renewals() >= 3; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return store.value("lease").empty(); });
}

TEST_F(FleetOfServices, ATokenThatAnAnswerBroughtIsShared) {
    Replica& first = add();
    until([this] { return logins() == 1; });
    first.transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    const auto scripts = store.count("EVAL");
    for (const char* const swapped : {"shared-token-2", "shared-token-3"})
        first.source->observed(first.source->current(now), swapped, false);
    until([&] { return store.count("EVAL") > scripts; });
    context.restart();
    context.run_for(20ms);
    EXPECT_EQ(store.count("EVAL"), scripts + 1) << "the last of those that came soon after each other";
    add();
    until([this] { return all_have("shared-token-3"); });
    EXPECT_EQ(logins(), 1U);
}

TEST_F(FleetOfServices, ATokenOfALoginAloneIsSharedOnceTheStoreIsBack) {
    store.away = true;
    Replica& first = add();
    until([this] { return logins() == 1; });
    first.transport->answer(FakeAnswer::token("own-token"));
    until([this] { return all_have("own-token"); });
    store.away = false;
    until([this] { return !store.value("token").empty(); });
    add();
    until([this] { return all_have("own-token"); });
    EXPECT_EQ(logins(), 1U);
}

TEST_F(FleetOfServices, WhatIsStoredIsSealedAndNamesNobody) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return !store.value("token").empty(); });
    const std::string all = store.dump();
    for (const char* const secret : {"shared-token-1", "pass-word", "till", "example.com"})
        EXPECT_EQ(all.find(secret), std::string::npos) << secret;
}

TEST_F(FleetOfServices, WhatCantBeOpenedIsNotUsedAndIsReplaced) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return !store.value("token").empty() && store.value("lease").empty(); });
    store.damage("token");
    Replica& second = add();
    until([this] { return logins() == 2; });
    second.transport->answer(FakeAnswer::token("shared-token-2"));
    until([&] { return second.token(now) == "shared-token-2" && store.value("lease").empty(); });
    Replica& third = add();
    until([&] { return third.token(now) == "shared-token-2"; });
}

/// They may be two users, whatever the address says.
TEST_F(FleetOfServices, ALoginByAddressIsSharedWithLoginsByAddressAlone) {
    Options options;
    options.user = "till@example.com";
    Options by_address = options;
    by_address.change = [](config::Settings& settings) { settings.credentials.by_email = true; };
    add(by_address);
    add(by_address);
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("token-by-address"));
    until([this] { return all_have("token-by-address"); });
    fleet::KeyRing ring;
    const auto shared = settings(by_address);
    const auto keys = ring.keys_of(*shared, shared->credentials);
    ASSERT_TRUE(keys);
    EXPECT_TRUE(store.dump().starts_with(keys->prefix)) << "as the transactions of this login";
    add(options);
    until([this] { return logins() == 2; });
    EXPECT_EQ(replicas.back()->transport->running, 1U);
    replicas.back()->transport->answer(FakeAnswer::token("token-by-name"));
    until([this] { return replicas.back()->token(now) == "token-by-name"; });
    EXPECT_EQ(replicas.front()->token(now), "token-by-address");
}

TEST_F(FleetOfServices, AStaticTokenIsNotShared) {
    Options options;
    options.change = [](config::Settings& changed) {
        changed.auth.kind = config::LoginKind::static_token;
        changed.credentials.password = Secret{std::string_view{"static-token"}};
    };
    add(options);
    until([this] { return all_have("static-token"); });
    EXPECT_TRUE(store.commands.empty());
}

TEST_F(FleetOfServices, ALoginTakesThreeRoundTripsToTheStore) {
    add();
    until([this] { return logins() == 1; });
    EXPECT_EQ(store.trips, 3) << "read, lease, read";
}

/// As if the store did not answer in time, but took what is written later.
bool is_read(const fleet::Command& command) {
    return command.front() == "GET" || command.front() == "PTTL";
}

TEST_F(FleetOfServices, ALoginAloneDoesNotShortenTheLockOfTheOthers) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return all_are("rejected") && store.value("lease").empty(); });
    store.put("rejections", "", "5");
    store.put("next_try", "", "900000");
    store.keep("next_try", 15min);
    store.refuses = is_read;
    add();
    until([this] { return logins() == 2; });
    const auto before = store.trips;
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this, before] { return store.trips > before; });
    EXPECT_EQ(store.value("rejections"), "5");
    EXPECT_EQ(store.life("next_try"), 15min);
}

TEST_F(FleetOfServices, ALockThatIsLongerThanItWasMadeDoesNotCount) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return all_are("rejected") && store.value("lease").empty(); });
    store.keep("next_try", 1h); // as after the store's clock was set back
    add();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return store.value("rejections") == "2" && store.value("lease").empty(); });
    EXPECT_EQ(store.life("next_try"), 60s);
    add();
    until([this] { return all_are("rejected"); });
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, WhatTheUpstreamAsksOneReplicaToWaitAllWait) {
    FakeAnswer busy;
    busy.status = 503;
    busy.fields = {{"Retry-After", "120"}};
    busy.pieces = {"busy"};
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(busy);
    until([this] { return all_are("backing_off") && store.value("lease").empty(); });
    add();
    until([this] { return all_are("backing_off"); });
    for (const auto& replica : replicas)
        EXPECT_EQ(replica->service->status().next_try, 2min);
    EXPECT_EQ(logins(), 1U);
    EXPECT_EQ(replicas.front()->stats.logins[LoginResult::unavailable].get(), 1U);
    EXPECT_EQ(replicas.back()->stats.logins[LoginResult::unavailable].get(), 0U) << "it has tried none";
    EXPECT_EQ(store.value("rejections"), "") << "no password was wrong";
    now += 2min;
    for (const auto& replica : replicas)
        replica->service->tick();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1"); });
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, ALoginAloneThatSucceedsEndsTheWaitOfTheOthers) {
    FakeAnswer busy;
    busy.status = 503;
    busy.fields = {{"Retry-After", "120"}};
    busy.pieces = {"busy"};
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(busy);
    until([this] { return all_are("backing_off") && store.value("lease").empty(); });
    EXPECT_NE(store.value("retry_after"), "");
    store.refuses = is_read;
    add();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("own-token"));
    until([this] { return store.value("retry_after").empty(); });
}

TEST_F(FleetOfServices, AFailedLoginThatNamesNoTimeHoldsUpNobodyElse) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::unreachable());
    until([this] { return all_are("backing_off") && store.value("lease").empty(); });
    add();
    until([this] { return logins() == 2; });
}

TEST_F(FleetOfServices, AServerThatGivesTheSameTokenAgainIsAskedByOneReplica) {
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 59min;
    for (const auto& replica : replicas)
        replica->service->tick();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    const auto is_renewed = [](const auto& replica) {
        const auto status = replica->service->status();
        return status.state == "valid" && status.expires_in == Duration{1h};
    };
    until([&] { return std::ranges::all_of(replicas, is_renewed); });
    EXPECT_EQ(logins(), 2U);
}

TEST_F(FleetOfServices, ALoginAloneThatSucceedsUnlocksTheOthers) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return all_are("rejected") && store.value("lease").empty(); });
    store.refuses = is_read;
    add();
    until([this] { return logins() == 2; });
    one_that_logs_in().transport->answer(FakeAnswer::token("own-token"));
    until([this] { return store.value("rejections").empty(); });
    EXPECT_EQ(store.value("next_try"), "");
}

TEST_F(FleetOfServices, ALockOutThatIsKnownCountsThoughTheTokenCantBeRead) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::errors("Invalid credentials"));
    until([this] { return all_are("rejected") && store.value("lease").empty(); });
    store.refuses = [](const fleet::Command& command) { return command.front() == "EVAL"; };
    add();
    until([this] { return all_are("rejected"); });
    EXPECT_EQ(logins(), 1U);
}

TEST_F(FleetOfServices, AnOlderTokenOfTheFleetThatIsRejectedTooLeadsToALogin) {
    Replica& first = add();
    until([this] { return logins() == 1; });
    first.transport->answer(FakeAnswer::token("shared-token-1"));
    Replica& second = add();
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 1min;
    reject(first);
    until([this] { return logins() == 2; });
    first.transport->answer(FakeAnswer::token("shared-token-2"));
    until([this] { return advice.size() == 1 && store.value("lease").empty(); });
    EXPECT_TRUE(advice[0].after_login);
    now += 1min;
    reject(second);
    until([this] { return advice.size() == 2; });
    EXPECT_EQ(value(advice[1].token), "shared-token-2");
    EXPECT_FALSE(advice[1].after_login) << "nothing is denied: both may have been revoked";
    reject(second);
    until([this] { return logins() == 3; });
    second.transport->answer(FakeAnswer::token("shared-token-3"));
    until([this] { return advice.size() == 3; });
    EXPECT_EQ(value(advice[2].token), "shared-token-3");
    EXPECT_TRUE(advice[2].after_login);
}

TEST_F(FleetOfServices, ADeniedDocumentCausesOneLoginForAllWithinDeniedFor) {
    for (int i = 0; i < 3; ++i)
        add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 1min;
    send_denied(*replicas[0], "shared-token-2");
    EXPECT_EQ(logins(), 2U);
    until([this] { return store.value("lease").empty(); });
    for (const int round : {1, 2})
        for (const auto& replica : replicas) {
            now += 8s;
            send_denied(*replica, "shared-token-3");
            EXPECT_EQ(logins(), 2U) << round;
        }
    EXPECT_TRUE(all_have("shared-token-2"));
}

TEST_F(FleetOfServices, AfterAnOldTokenOfTheFleetADeniedDocumentCausesOneLogin) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token-1"));
    add();
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    now += 1min;
    send_denied(*replicas[0], "shared-token-2");
    until([this] { return store.value("lease").empty(); });
    now += 5min;
    send_denied(*replicas[1], "shared-token-3");
    until([this] { return logins() == 3; });
    replicas[1]->transport->answer(FakeAnswer::token("shared-token-3"));
    until([this] { return replicas[1]->token(now) == "shared-token-3" && store.value("lease").empty(); });
    now += 20s;
    send_denied(*replicas[1], "shared-token-4");
    EXPECT_EQ(logins(), 3U);
}

TEST_F(FleetOfServices, ASwapCountsBeforeTheStoreIsCompared) {
    const auto issued = [](int at) { return jwt(at, at + 3600); };
    Replica& first = add();
    until([this] { return logins() == 1; });
    first.transport->answer(FakeAnswer::token(issued(100)));
    Replica& second = add();
    until([&] { return all_have(issued(100)) && store.value("lease").empty(); });
    second.source->observed(second.source->current(now), issued(150), false);
    until([this] { return store.field("token", "serial") == "1"; });
    first.source->observed(first.source->current(now), issued(200), false);
    reject(first);
    until([this] { return logins() == 2; });
}

TEST_F(FleetOfServices, ALeaseThatDoesNotEndInItsTimeHoldsUpNobody) {
    add();
    until([this] { return logins() == 1; });
    store.keep("lease", 1h); // as after the store's clock was set back
    add();
    until([this] { return logins() == 2; });
}

TEST_F(FleetOfServices, StoppingReleasesTheLease) {
    Replica& first = add();
    until([this] { return logins() == 1; });
    ASSERT_NE(store.value("lease"), "");
    first.service->stop();
    until([this] { return store.value("lease").empty(); });
}

TEST_F(FleetOfServices, WhoWritesToTheStoreCantMakeATokenNewerOrLongerLived) {
    add();
    until([this] { return logins() == 1; });
    one_that_logs_in().transport->answer(FakeAnswer::token("shared-token"));
    until([this] { return !store.value("token").empty() && store.value("lease").empty(); });
    std::size_t expected = 1;
    for (const char* const field : {"era", "issued_at", "serial", "ends"}) {
        store.put("token", field, "4503599627370496");
        Replica& next = add();
        until([&] { return logins() == expected + 1; });
        next.transport->answer(FakeAnswer::token("shared-token")); // stored in place of what can't be opened
        until([&] { return store.field("token", field) != "4503599627370496"; });
        until([this] { return store.value("lease").empty(); });
        ++expected;
    }
    store.keep("token", 1000h);
    now += 1h;
    add();
    until([&] { return logins() == expected + 1; });
}

TEST_F(FleetOfServices, AnOfferThatFailsForLackOfMemoryIsNotTheLastOne) {
    Replica& first = add();
    until([this] { return logins() == 1; });
    first.transport->answer(FakeAnswer::token("shared-token-1"));
    until([this] { return all_have("shared-token-1") && store.value("lease").empty(); });
    bool failed = false;
    store.refuses = [&failed](const fleet::Command& command) {
        if (command.front() == "EVAL" && command[1].find("HSET") != std::string::npos) {
            failed = true;
            throw std::bad_alloc{};
        }
        return false;
    };
    first.source->observed(first.source->current(now), "shared-token-2", false);
    until([&failed] { return failed; });
    store.refuses = {};
    first.source->observed(first.source->current(now), "shared-token-3", false);
    until([this] { return store.field("token", "serial") == "2"; });
}

} // namespace
} // namespace bearerd::auth
