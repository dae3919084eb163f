#include "fleet_store.hpp"
#include "unit/proxy/fakes.hpp"
#include "unit/run_task.hpp"
#include "unit/server/fake_watcher.hpp"
#include "warnings.hpp"

#include <bearerd/net/event.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/own_reply.hpp>
#include <bearerd/transaction/fleet_claims.hpp>
#include <bearerd/transaction/guard.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bearerd::transaction {
namespace {

using outcome::ErrorCode;
using outcome::Executed;
using testing::HasSubstr;
using namespace std::chrono_literals;
using FleetJson = nlohmann::json;

using MakeReply = std::function<server::Reply(const server::Request&)>;

/// As the forwarder does.
MakeReply bearerd_says(ErrorCode code) {
    return [=](const server::Request& request) {
        server::ErrorReply error = server::error_reply(code);
        const server::SendGate* const gate = request.app.gate();
        error.others_may_have_executed = gate != nullptr && gate->others_may_have_executed();
        return server::render(error, request.context, {}, false);
    };
}

/// The handler that a replica's guard calls next.
class SharedUpstream final : public server::Handler {
public:
    explicit SharedUpstream(const net::Executor& executor) : token{executor}, gate{executor} {}

    net::Task<server::Reply> handle(server::Request request) override {
        ++handled;
        const auto make = make_reply;
        if (waits_for_token)
            co_await token.wait();
        using State = server::SendGate::State;
        server::SendGate* const asked = request.app.gate();
        if (asked != nullptr && asked->check() == State::ask)
            co_await asked->ask();
        if (asked != nullptr && asked->check() == State::closed)
            co_return bearerd_says(ErrorCode::upstream_unreachable)(request);
        ++sent;
        if (held)
            co_await gate.wait();
        co_return make(request);
    }

    std::function<server::Reply(const server::Request&)> make_reply;
    net::Event token;
    net::Event gate;
    int handled = 0;
    int sent = 0;                 ///< of those, what its gate has let through
    bool waits_for_token = false; ///< before it is sent
    bool held = false;            ///< after that
};

MakeReply upstream_says(Executed executed, std::string body, bool nothing_ran = false) {
    return [=](const server::Request& request) {
        server::Report report;
        report.kind = OperationKind::mutation;
        report.executed = executed;
        report.nothing_ran = nothing_ran;
        return server::own_reply(request.context, 200, "application/json", "", body, report);
    };
}

const MakeReply paid = upstream_says(Executed::yes, R"({"data":{"pay":{"id":1}}})");

std::string fleet_payment(const std::string& key, int value = 1) {
    return R"({"query":"mutation{pay(ref:\")" + key + R"(\",value:)" + std::to_string(value) + R"(){id}}"})";
}

/// Several transactions in one document.
std::string fleet_payments(const std::string& keys) {
    std::string text = R"({"query":"mutation{)";
    for (const char key : keys)
        text += std::string{key} + R"(:pay(ref:\")" + key + R"(\"){id} )";
    return text + R"(}"})";
}

struct Heard {
    std::string head;
    std::string body;
    std::string reason; ///< for the log

    [[nodiscard]] FleetJson extension(const char* name) const {
        const FleetJson json = FleetJson::parse(body, nullptr, false);
        const FleetJson::json_pointer at{std::string{"/errors/0/extensions/"} + name};
        return json.contains(at) ? json.at(at) : FleetJson();
    }

    /// "CODE executed first_request_id", or "data" for an answer of the upstream.
    [[nodiscard]] std::string summary() const {
        const FleetJson json = FleetJson::parse(body, nullptr, false);
        const FleetJson code = extension("code");
        if (!code.is_string())
            return json.is_object() && json.contains("data") ? "data" : body;
        const FleetJson first = extension("first_request_id");
        return code.get<std::string>() + " " + extension("executed").get<std::string>() +
               (first.is_string() ? " " + first.get<std::string>() : "");
    }
};

using HeardPtr = std::shared_ptr<std::optional<Heard>>;

/// One bearerd: its own table and its own secret; the store's key is the fleet's.
struct FleetReplica {
    FleetReplica(net::asio::io_context& loop_of_all, net::DeadlineClock& clock_of_all,
                 fleet_test::FakeDatabase& database, const config::Settings& settings_of_all, char number)
        : loop{loop_of_all},
          clock{clock_of_all},
          settings{settings_of_all},
          secret{std::string(32, number)},
          identifier{secret, settings},
          store{std::make_shared<fleet_test::FakeStore>(database)},
          upstream{loop.get_executor()} {
        upstream.make_reply = paid;
        join({.prefix = "fleet:", .lease = 1h, .remember = 24h});
    }

    ~FleetReplica() { claims->stop(); }

    FleetReplica(const FleetReplica&) = delete;
    FleetReplica& operator=(const FleetReplica&) = delete;

    void join(FleetClaims::Settings with, reconcile::Reconciler* reconciler = nullptr) {
        claims = std::make_shared<FleetClaims>(
            store,
            std::make_shared<Identifier>(Secret{std::string_view{"the key of all replicas"}}, settings),
            std::move(with), loop.get_executor(), clock, stats);
        guard.emplace(upstream, table, identifier, settings, reconciler, loop.get_executor(), clock, stats,
                      events, claims.get());
    }

    void leave() {
        guard.emplace(upstream, table, identifier, settings, nullptr, loop.get_executor(), clock, stats,
                      events);
    }

    net::asio::io_context& loop;
    net::DeadlineClock& clock;
    const config::Settings& settings;
    Secret secret;
    Identifier identifier;
    Stats stats;
    Events events;
    Table table{{.remember = 24h, .replay_memory = 1U << 20U}};
    std::shared_ptr<fleet_test::FakeStore> store;
    SharedUpstream upstream;
    std::shared_ptr<FleetClaims> claims;
    std::optional<Guard> guard;
};

class FleetGuardTest : public testing::Test {
protected:
    FleetGuardTest() {
        settings_.upstream.url.text = "https://api.example.com/graphql";
        settings_.credentials.user = "till";
        settings_.transactions.rules = {{"pay", "ref", "", "", "", config::Repeats::replay}};
        for (std::size_t i = 0; i < replicas_.size(); ++i)
            replicas_[i] = std::make_unique<FleetReplica>(loop_, clock_, database_, settings_,
                                                          static_cast<char>('a' + i));
    }

    ~FleetGuardTest() override {
        for (const auto& each : replicas_) {
            each->upstream.token.set();
            each->upstream.gate.set();
            each->claims->stop();
        }
        EXPECT_TRUE(test::turn_until(loop_, [this] {
            return std::ranges::all_of(replicas_, [](const auto& each) { return each->claims->idle(); });
        }));
        test::settle(loop_);
    }

    FleetReplica& a() { return *replicas_[0]; }

    FleetReplica& b() { return *replicas_[1]; }

    HeardPtr begin(FleetReplica& at, std::string body, std::string id,
                   server::test::FakeWatcher* app = nullptr) {
        auto heard = std::make_shared<std::optional<Heard>>();
        net::spawn(loop_.get_executor(), run(at, std::move(body), std::move(id), heard, app), "request");
        test::settle(loop_);
        return heard;
    }

    bool wait_for(const std::function<bool()>& what) { return test::turn_until(loop_, what); }

    std::string end(const HeardPtr& heard) {
        EXPECT_TRUE(wait_for([&heard] { return heard->has_value(); }));
        return heard->value_or(Heard{}).summary();
    }

    /// Sends a request; returns Heard::summary().
    std::string send(FleetReplica& at, std::string body, std::string id) {
        return end(begin(at, std::move(body), std::move(id)));
    }

    /// Until the background tasks have written all settlements of a replica that has nothing in flight.
    void write_all(FleetReplica& at) {
        EXPECT_TRUE(wait_for([&at] { return at.claims->idle(); }));
    }

    static net::Task<void> run(FleetReplica& at, std::string body, std::string id, HeardPtr heard,
                               server::test::FakeWatcher* watcher) {
        server::test::FakeWatcher own;
        http::RequestHead head;
        head.method = "POST";
        head.target = "/";
        head.fields.list = {{http::FieldId::content_type, "Content-Type", "application/json"}};
        const http::Target target = http::split_target(head.target);
        http::ReplyContext context;
        context.request_id = id;
        const server::Request request{head, target, body, context, watcher != nullptr ? *watcher : own};
        auto task = at.guard->handle(request);
        const server::Reply reply = co_await std::move(task);
        *heard = Heard{reply.head, std::string{server::whole_body(reply)}, reply.report.detail};
    }

    void claim_and_settle(const std::string& key, Executed executed) {
        auto request = std::make_shared<SharedRequest>();
        request->keys = {key};
        auto claiming = a().claims->claim(std::move(request), {});
        const FleetAnswer answer = test::run_task(loop_, std::move(claiming));
        ASSERT_TRUE(answer.claim);
        answer.claim->settled(executed, {});
    }

    /// The state of the only key.
    std::string state() const {
        return database_.entries.size() == 1 ? database_.entries.begin()->second.state : "?";
    }

    net::asio::io_context loop_;
    net::DeadlineClock clock_{loop_};
    fleet_test::FakeDatabase database_;
    config::Settings settings_;
    std::array<std::unique_ptr<FleetReplica>, 2> replicas_;
};

TEST_F(FleetGuardTest, TellsARepeatElsewhereThatItWasExecuted) {
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "ALREADY_EXECUTED yes first") << "known by then";
    EXPECT_EQ(send(a(), fleet_payment("k"), "fourth"), "data") << "where the answer is";
    EXPECT_EQ(a().upstream.handled + b().upstream.handled, 1);
    EXPECT_EQ(a().stats.repeats[Repeat::replayed].get() + b().stats.repeats[Repeat::already_executed].get(),
              3U);
}

TEST_F(FleetGuardTest, DoesNotSayNoForTheOthersWhileItsOwnJournalIsClosed) {
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    b().table.set_history(Table::History::read);
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "OVERLOADED unknown");
    b().table.set_history(Table::History::complete);
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "ALREADY_EXECUTED yes first");
}

TEST_F(FleetGuardTest, MakesARepeatElsewhereWaitForTheFirst) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const auto second = begin(b(), fleet_payment("k"), "second");
    const auto third = begin(b(), fleet_payment("k"), "third");
    const int calls = b().store->calls;
    EXPECT_TRUE(wait_for([&] { return b().store->calls >= calls + 2; })) << "it asks again and again";
    EXPECT_FALSE(*second || *third);
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    EXPECT_EQ(end(second), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(end(third), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(b().upstream.handled, 0);
}

TEST_F(FleetGuardTest, ForwardsElsewhereOnlyWhatItsOwnerHasFreed) {
    const MakeReply freeing[] = {bearerd_says(ErrorCode::upstream_unreachable),
                                 upstream_says(Executed::no, R"({"errors":[{"message":"no"}]})"),
                                 upstream_says(Executed::answered, R"({"data":{"pay":null}})", true)};
    int number = 0;
    for (const MakeReply& reply : freeing) {
        const std::string key = std::to_string(++number);
        a().upstream.make_reply = reply;
        a().upstream.held = true;
        const auto first = begin(a(), fleet_payment(key), "first");
        const auto second = begin(b(), fleet_payment(key), "second");
        EXPECT_EQ(b().upstream.handled, number - 1);
        a().upstream.gate.set();
        EXPECT_EQ(end(second), "data");
        EXPECT_TRUE(*first);
        EXPECT_EQ(b().upstream.handled, number);
        EXPECT_EQ(send(a(), fleet_payment(key), "third"), "ALREADY_EXECUTED yes second");
    }
}

TEST_F(FleetGuardTest, NeverForwardsElsewhereWhatIsUnknown) {
    for (const auto& [reply, key] :
         {std::pair{bearerd_says(ErrorCode::outcome_unknown), "k"},
          std::pair{upstream_says(Executed::answered, R"({"errors":[{}]})"), "l"}}) {
        a().upstream.make_reply = reply;
        static_cast<void>(send(a(), fleet_payment(key), "first"));
        write_all(a());
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(send(b(), fleet_payment(key), "second"), "OUTCOME_UNKNOWN unknown first");
        EXPECT_EQ(b().upstream.handled, 0);
    }
}

TEST_F(FleetGuardTest, RefusesElsewhereAKeyThatAnotherRequestHas) {
    const auto refused = [this](const std::string& key) {
        EXPECT_EQ(send(b(), fleet_payment(key, 2), "second"), "KEY_REUSED no first") << key;
    };
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("in flight"), "first");
    refused("in flight");
    a().upstream.gate.set();
    end(first);
    a().upstream.held = false;
    send(a(), fleet_payment("executed"), "first");
    refused("executed");
    EXPECT_EQ(send(b(), fleet_payment("executed"), "third"), "ALREADY_EXECUTED yes first")
        << "nothing of it stays";
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("unknown"), "first");
    refused("unknown");
    a().upstream.make_reply = bearerd_says(ErrorCode::login_unavailable);
    send(a(), fleet_payment("no"), "first");
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("no", 2), "second"), "data");
}

TEST_F(FleetGuardTest, TakesAnEndedLeaseForUnknown) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const auto second = begin(b(), fleet_payment("k"), "second");
    database_.now_ms += std::chrono::milliseconds{2h}.count();
    EXPECT_EQ(end(second), "OUTCOME_UNKNOWN unknown first");
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "OUTCOME_UNKNOWN unknown first");
    EXPECT_EQ(b().upstream.handled, 0);
    a().upstream.gate.set(); // the owner lives, and is late
    EXPECT_EQ(end(first), "data");
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("k"), "fourth"), "ALREADY_EXECUTED yes first");
}

TEST_F(FleetGuardTest, ForwardsWhatALateOwnerFrees) {
    a().upstream.held = true;
    a().upstream.make_reply = bearerd_says(ErrorCode::upstream_unreachable);
    const auto first = begin(a(), fleet_payment("k"), "first");
    database_.now_ms += std::chrono::milliseconds{2h}.count();
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "OUTCOME_UNKNOWN unknown first");
    a().upstream.gate.set();
    end(first);
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "data");
    EXPECT_EQ(b().upstream.handled, 1);
}

TEST_F(FleetGuardTest, ForwardsNothingThatItSawElsewhereOnceTheStoreHasForgottenIt) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("k"), "first");
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "OUTCOME_UNKNOWN unknown first");
    database_.entries.clear();
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "OUTCOME_UNKNOWN unknown first") << "emptied";
    b().store->away = true;
    EXPECT_EQ(send(b(), fleet_payment("k"), "fourth"), "OUTCOME_UNKNOWN unknown first") << "away";
    b().leave();
    EXPECT_EQ(send(b(), fleet_payment("k"), "fifth"), "OUTCOME_UNKNOWN unknown first") << "switched off";
    EXPECT_EQ(b().upstream.handled, 0);
}

TEST_F(FleetGuardTest, LearnsNothingAboutAKnownOwnerFromAnotherOne) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("k"), "first");
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "OUTCOME_UNKNOWN unknown first");
    write_all(a());
    auto& entry = database_.entries.begin()->second;
    entry.owner = "third"; // which claimed it in a store that had been emptied
    entry.request = "other";
    for (const char* const state : {"in_flight", "unknown", "no"}) {
        entry.state = state;
        entry.lease = database_.now_ms + 60'000;
        EXPECT_EQ(send(b(), fleet_payment("k"), "fourth"), "OUTCOME_UNKNOWN unknown first") << state;
    }
    entry.state = "executed";
    entry.fingerprint = a().identifier.text_of({}); // made with another key: it can't be compared
    EXPECT_EQ(send(b(), fleet_payment("k"), "fifth"), "ALREADY_EXECUTED yes other") << "whoever did it";
    EXPECT_EQ(b().upstream.handled, 0);
}

TEST_F(FleetGuardTest, GoesOnAloneWhileTheStoreIsAway) {
    a().store->away = true;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    EXPECT_EQ(send(a(), fleet_payment("k"), "second"), "data") << "replayed by the local guard";
    EXPECT_EQ(a().upstream.handled, 1);
    EXPECT_TRUE(database_.entries.empty());
    a().store->away = false; // it is back: what happened meanwhile is written
    EXPECT_TRUE(wait_for([this] { return state() == "executed"; }));
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "ALREADY_EXECUTED yes first");
}

TEST_F(FleetGuardTest, BoundsTheTimeThatAClaimMayTake) {
    bool claims = true;
    a().store->before_call = [&](const fleet::Command& command) {
        claims =
            claims && (command.at(1) != claim_script || a().store->longest <= FleetClaims::longest_claim);
    };
    EXPECT_EQ(send(a(), fleet_payments("xyz"), "first"), "data");
    EXPECT_TRUE(claims);
    write_all(a());
}

TEST_F(FleetGuardTest, RefusesIfTheStoreIsRequiredAndAway) {
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .required = true});
    a().store->away = true;
    const std::string refused = send(a(), fleet_payment("k"), "first");
    EXPECT_EQ(refused, "OVERLOADED unknown") << "another replica may have sent it";
    EXPECT_EQ(a().upstream.handled, 0);
    EXPECT_EQ(a().table.size(), 0U);
    a().store->away = false;
    EXPECT_EQ(send(a(), fleet_payment("k"), "second"), "data");
}

TEST_F(FleetGuardTest, FreesWhatItMayHaveClaimedBeforeItRefused) {
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .required = true});
    a().store->loses_answers = true;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "OVERLOADED unknown");
    a().store->loses_answers = false;
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "data");
}

TEST_F(FleetGuardTest, WritesWhatHappenedAlthoughTheClaimsAnswerWasLost) {
    a().store->loses_answers = true;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    a().store->loses_answers = false;
    EXPECT_TRUE(wait_for([this] { return state() == "executed"; }));
}

TEST_F(FleetGuardTest, AnswersAtOnceIfTheStoreGoesWhileItWaits) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const auto second = begin(b(), fleet_payment("k"), "second");
    b().store->away = true;
    EXPECT_EQ(end(second), "OUTCOME_UNKNOWN unknown first");
    EXPECT_FALSE(*first);
    EXPECT_EQ(b().upstream.handled, 0);
}

TEST_F(FleetGuardTest, MakesTheClaimAgainInAStoreThatWasEmptied) {
    a().join({.prefix = "fleet:", .lease = 150ms, .remember = 24h});
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    EXPECT_EQ(state(), "in_flight");
    database_.entries.clear();
    EXPECT_TRUE(wait_for([this] { return state() == "in_flight"; })) << "by the next renewal";
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    EXPECT_TRUE(wait_for([this] { return state() == "executed"; }));
}

TEST_F(FleetGuardTest, SaysInAnErrorOfItsOwnThatAnotherReplicaHasTakenItsClaimMeanwhile) {
    a().join({.prefix = "fleet:", .lease = 150ms, .remember = 24h});
    a().upstream.make_reply = bearerd_says(ErrorCode::login_unavailable);
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    EXPECT_EQ(state(), "in_flight");
    a().store->away = true;
    database_.entries.clear();
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "data");
    write_all(b());
    a().store->away = false;
    const int calls = a().store->calls;
    EXPECT_TRUE(wait_for([&] { return a().store->calls >= calls + 2; })) << "the renewal hears it";
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "LOGIN_UNAVAILABLE unknown");
}

TEST_F(FleetGuardTest, RenewsTheLeaseOfWhatIsInFlight) {
    a().join({.prefix = "fleet:", .lease = 150ms, .remember = 24h});
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const std::int64_t lease = database_.entries.begin()->second.lease;
    database_.now_ms += 100;
    EXPECT_TRUE(wait_for([&] { return database_.entries.begin()->second.lease == lease + 100; }));
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    write_all(a());
    const int calls = a().store->calls;
    test::settle(loop_);
    EXPECT_EQ(a().store->calls, calls) << "nothing is renewed any more";
}

TEST_F(FleetGuardTest, ClaimsAllTransactionsOfARequestOrNone) {
    // In which order the keys are claimed depends on their HMACs, so each of them is the one that is taken.
    const std::string keys = "lmno";
    int most_claimed = 0;
    for (const char taken : keys) {
        database_.entries.clear();
        EXPECT_EQ(send(a(), fleet_payments(std::string{taken}), "first"), "data");
        write_all(a());
        const int calls = b().store->calls;
        EXPECT_EQ(send(b(), fleet_payments(keys), "second"), "KEY_REUSED no first");
        write_all(b());
        most_claimed = std::max(most_claimed, b().store->calls - calls);
        for (const auto& [name, entry] : database_.entries)
            EXPECT_THAT(entry.state, testing::AnyOf("no", "executed")) << "the others are free again";
    }
    EXPECT_GT(most_claimed, 1);
    EXPECT_EQ(b().upstream.handled, 0);
}

TEST_F(FleetGuardTest, SharesTheTransactionsOfARequestAsOne) {
    const std::string both = fleet_payments("xy");
    EXPECT_EQ(send(a(), both, "first"), "data");
    EXPECT_EQ(send(b(), both, "second"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(send(b(), fleet_payments("y"), "third"), "KEY_REUSED no first");
    EXPECT_EQ(a().upstream.handled + b().upstream.handled, 1);
}

TEST_F(FleetGuardTest, ClaimsNothingForAnAppThatLeavesWhileItWaits) {
    a().upstream.held = true;
    a().upstream.make_reply = bearerd_says(ErrorCode::upstream_unreachable);
    const auto first = begin(a(), fleet_payment("k"), "first");
    server::test::FakeWatcher leaving;
    leaving.gone_at_look = 1;
    const auto second = begin(b(), fleet_payment("k"), "second", &leaving);
    EXPECT_TRUE(wait_for([&second] { return second->has_value(); }));
    a().upstream.gate.set();
    end(first);
    write_all(a());
    EXPECT_EQ(b().upstream.handled, 0);
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "data");
}

TEST_F(FleetGuardTest, SaysThatTheOutcomeIsUnknownIfTheFirstTakesTooLong) {
    settings_.auth.login_timeout = {};
    settings_.upstream.connect_timeout = {};
    settings_.upstream.response_timeout = {};
    settings_.transactions.look_up_for = 100ms;
    FleetReplica hasty{loop_, clock_, database_, settings_, 'h'};
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const auto second = begin(hasty, fleet_payment("k"), "second");
    EXPECT_EQ(end(second), "OUTCOME_UNKNOWN unknown first");
    EXPECT_THAT((*second)->body, HasSubstr("still being executed by an earlier request"));
    EXPECT_FALSE(*first);
    hasty.store->away = true;
    EXPECT_EQ(send(hasty, fleet_payment("k"), "third"), "OUTCOME_UNKNOWN unknown first");
    EXPECT_EQ(hasty.upstream.handled, 0);
}

TEST_F(FleetGuardTest, TellsTheOthersWhatALookUpOrAPersonFindsLater) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    for (const char* const key : {"found", "yes", "no"}) {
        send(a(), fleet_payment(key), "first");
        const std::vector<Digest> identities = a().identifier.identities_of_key(key);
        if (std::string_view{key} == "found") {
            EXPECT_TRUE(a().table.found(identities, "7", BootClock::now()));
        } else {
            const bool yes = std::string_view{key} == "yes";
            a().table.close({.identities = identities,
                             .fingerprint = {},
                             .request_id = {},
                             .executed = yes ? Executed::yes : Executed::no},
                            BootClock::now());
        }
        test::settle(loop_);
        write_all(a());
    }
    EXPECT_EQ(send(b(), fleet_payment("found"), "second"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(send(b(), fleet_payment("yes"), "second"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(send(b(), fleet_payment("no"), "second"), "data");
}

TEST_F(FleetGuardTest, SaysWhatWasFoundElsewhere) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("k"), "first");
    EXPECT_TRUE(a().table.found(a().identifier.identities_of_key("k"), "7", BootClock::now()));
    test::settle(loop_);
    write_all(a());
    const auto second = begin(b(), fleet_payment("k"), "second");
    EXPECT_EQ(end(second), "ALREADY_EXECUTED yes first");
    EXPECT_EQ((*second)->extension("reconciled"), 7);
}

TEST_F(FleetGuardTest, LooksUpOnceMoreWhatIsUnknownElsewhere) {
    settings_.upstream.url.host = "api.example.com";
    settings_.upstream.url.target = "/graphql";
    settings_.transactions.look_up_for = 0s; // one question
    settings_.transactions.rules.front().query = "query($key:String!){Items(ref:$key){id}}";
    settings_.transactions.rules.front().found = "/data/Items/0/id";
    FleetReplica asking{loop_, clock_, database_, settings_, 'q'};
    proxy::test::FakeTransport transport;
    proxy::test::FakeTokens tokens;
    net::TaskGroup group;
    const reconcile::LookupPlan plan{settings_};
    reconcile::Reconciler reconciler{plan,   transport, tokens,      loop_.get_executor(),
                                     clock_, group,     asking.stats};
    asking.join({.prefix = "fleet:", .lease = 1h, .remember = 24h}, &reconciler);
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("k"), "first");
    transport.steps.emplace_back(proxy::test::json(R"({"data":{"Items":[]}})"));
    EXPECT_EQ(send(asking, fleet_payment("k"), "second"), "OUTCOME_UNKNOWN unknown first");
    transport.steps.emplace_back(proxy::test::json(R"({"data":{"Items":[{"id":7}]}})"));
    EXPECT_EQ(send(asking, fleet_payment("k"), "third"), "OUTCOME_UNKNOWN yes first");
    EXPECT_EQ(send(asking, fleet_payment("k"), "fourth"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(asking.upstream.handled, 0);
}

TEST_F(FleetGuardTest, WritesOnceMoreWhatWaitsWhenItStops) {
    a().store->away = true;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    test::settle(loop_);
    EXPECT_FALSE(a().claims->idle());
    a().store->away = false;
    a().claims->stop();
    write_all(a());
    EXPECT_EQ(state(), "executed");
}

TEST_F(FleetGuardTest, ForwardsNothingWithoutAClaimOnceItStops) {
    a().claims->stop();
    const auto first = begin(a(), fleet_payment("k"), "first");
    EXPECT_EQ(end(first), "SHUTTING_DOWN unknown");
    EXPECT_EQ((*first)->reason, "bearerd is stopping");
    EXPECT_EQ(a().upstream.handled, 0);
    EXPECT_EQ(a().table.size(), 0U);
}

TEST_F(FleetGuardTest, TriesALaterVerdictOnceMoreWhenItStops) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    int settlements = 0;
    a().store->before_call = [&](const fleet::Command& command) {
        a().store->away = command.at(1) == settle_script && ++settlements == 1;
        if (a().store->away) {
            EXPECT_TRUE(a().table.found(a().identifier.identities_of_key("k"), "7", BootClock::now()));
        }
    };
    a().claims->stop();
    a().upstream.gate.set();
    end(first);
    EXPECT_TRUE(wait_for([&] { return settlements == 2; }));
    write_all(a());
    EXPECT_EQ(state(), "executed");
}

TEST_F(FleetGuardTest, EndsWithWhatIsNotWrittenOnceItsTimeToStopIsOver) {
    a().store->away = true;
    claim_and_settle("k", Executed::yes);
    test::settle(loop_);
    a().store->away = false;
    a().claims->stop(0s);
    write_all(a());
    EXPECT_TRUE(database_.entries.empty());
    EXPECT_TRUE(a().claims->idle());
}

// What goes on without the store's answer.

TEST_F(FleetGuardTest, SaysNothingOfWhatOtherReplicasDidInAnErrorOfItsOwn) {
    a().upstream.make_reply = paid;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    write_all(a());
    b().store->away = true;
    for (const ErrorCode code : {ErrorCode::login_unavailable, ErrorCode::login_rejected,
                                 ErrorCode::overloaded, ErrorCode::upstream_unreachable}) {
        b().upstream.make_reply = bearerd_says(code);
        b().upstream.held = true;
        const auto second = begin(b(), fleet_payment("k"), "second");
        const auto third = begin(b(), fleet_payment("k"), "third");
        b().upstream.gate.set();
        EXPECT_THAT(end(second), testing::EndsWith(" unknown"));
        EXPECT_THAT(end(third), testing::EndsWith(" unknown")) << "it has waited for the second one";
        EXPECT_THAT((*second)->body, HasSubstr("another replica may have executed"));
        EXPECT_EQ(b().table.size(), 0U) << "this replica has sent nothing";
    }
    b().upstream.held = false;
    b().upstream.make_reply = upstream_says(Executed::no, R"({"errors":[{"message":"no"}]})");
    EXPECT_THAT(send(b(), fleet_payment("k"), "fourth"), HasSubstr("errors")) << "the API's own word stays";
    b().store->away = false;
    write_all(b());
    b().upstream.make_reply = bearerd_says(ErrorCode::login_unavailable);
    EXPECT_EQ(send(b(), fleet_payment("new"), "fifth"), "LOGIN_UNAVAILABLE no") << "the store has said it";
}

/// LogLimit says when the next one is due.
TEST_F(FleetGuardTest, CountsEachRequestWithoutAClaimAndLogsTheFirstOne) {
    const WarningsOfAGuard warnings;
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .most_settlements = 1});
    a().store->away = true;
    for (const char* const key : {"k", "l", "m"})
        EXPECT_EQ(send(a(), fleet_payment(key), key), "data");
    EXPECT_EQ(a().stats.fleet_unclaimed.get(), 3U);
    EXPECT_EQ(warnings.count("has not confirmed a transaction's claim"), 1);
    EXPECT_TRUE(wait_for([this] { return a().stats.fleet_dropped.get() == 2; }));
    EXPECT_EQ(warnings.count("one is dropped"), 1);
    a().store->away = false;
    write_all(a());
}

TEST_F(FleetGuardTest, WaitsLongerForAStoreThatWasNotReachedYet) {
    a().store->present = fleet::Store::Presence::starting;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    EXPECT_EQ(a().store->longest_claim, FleetClaims::longest_first_claim);
    a().store->longest_claim = {};
    a().store->present = fleet::Store::Presence::ready;
    EXPECT_EQ(send(a(), fleet_payment("l"), "second"), "data");
    EXPECT_EQ(a().store->longest_claim, FleetClaims::longest_claim);
    write_all(a());
}

TEST_F(FleetGuardTest, SendsNothingThatTheStoreSaysBeforeTheFirstByteAnotherReplicaHas) {
    struct Case {
        const char* name;
        MakeReply reply;
        int value;
        bool asks; ///< not only by a renewal
        std::string reported;
    };

    const Case cases[] = {
        {"executed", paid, 1, true, "ALREADY_EXECUTED yes first"},
        {"executed, renewed", paid, 1, false, "ALREADY_EXECUTED yes first"},
        {"unknown", bearerd_says(ErrorCode::outcome_unknown), 1, true, "OUTCOME_UNKNOWN unknown first"},
        {"another request", paid, 2, true, "KEY_REUSED no first"},
        {"not executed", bearerd_says(ErrorCode::login_rejected), 1, true, "data"}};
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        a().upstream.make_reply = each.reply;
        send(a(), fleet_payment(each.name), "first");
        write_all(a());
        const int sent = b().upstream.sent;
        b().store->away = true;
        b().upstream.waits_for_token = true;
        const auto second = begin(b(), fleet_payment(each.name, each.value), "second");
        const int calls = b().store->calls;
        b().store->away = false;
        if (!each.asks) {
            b().store->present = fleet::Store::Presence::away;
            EXPECT_TRUE(wait_for([&] { return b().store->calls > calls; }));
            test::settle(loop_);
        }
        b().upstream.token.set();
        EXPECT_EQ(end(second), each.reported);
        EXPECT_EQ(b().upstream.sent - sent, each.reported == "data" ? 1 : 0);
        b().store->present = fleet::Store::Presence::ready;
        write_all(b());
    }
}

TEST_F(FleetGuardTest, WaitsForWhatTheStoreSaysBeforeTheFirstByteIsInFlightElsewhere) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    b().store->away = true;
    b().upstream.waits_for_token = true;
    const auto second = begin(b(), fleet_payment("k"), "second");
    b().store->away = false;
    b().upstream.token.set();
    test::settle(loop_);
    EXPECT_FALSE(*second);
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    EXPECT_EQ(end(second), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(b().upstream.sent, 0);
}

TEST_F(FleetGuardTest, GoesOnIfTheStoreIsStillAwayBeforeTheFirstByte) {
    a().store->away = true;
    EXPECT_EQ(send(a(), fleet_payment("k"), "first"), "data");
    EXPECT_EQ(a().store->claims, 2) << "asked once more";
    EXPECT_EQ(a().stats.fleet_unclaimed.get(), 1U);
    a().store->present = fleet::Store::Presence::away;
    EXPECT_EQ(send(a(), fleet_payment("l"), "second"), "data");
    EXPECT_EQ(a().store->claims, 3) << "not asked once more";
    EXPECT_EQ(a().stats.fleet_unclaimed.get(), 2U);
    a().store->present = fleet::Store::Presence::ready;
    a().store->away = false;
    write_all(a());
    EXPECT_EQ(send(a(), fleet_payment("m"), "third"), "data");
    EXPECT_EQ(a().stats.fleet_unclaimed.get(), 2U);
}

TEST_F(FleetGuardTest, HoldsUpTheFirstByteByOneTimeLimitForAllTransactions) {
    a().store->away = true;
    a().upstream.waits_for_token = true;
    const auto payments = begin(a(), fleet_payments("xyz"), "first");
    a().store->away = false;
    bool is_first = true; // of the two steps: one transaction, then all others
    a().store->before_call = [&](const fleet::Command&) {
        if (!std::exchange(is_first, false))
            return;
        a().store->longest_claim = {};
        std::this_thread::sleep_for(30ms); // what the first answer takes
    };
    a().upstream.token.set();
    EXPECT_EQ(end(payments), "data");
    EXPECT_FALSE(is_first);
    EXPECT_GT(a().store->longest_claim, Duration{0});
    EXPECT_LE(a().store->longest_claim, FleetClaims::longest_claim - 30ms);
    a().store->before_call = nullptr;
    write_all(a());
}

TEST_F(FleetGuardTest, FreesNothingThatItCannotHaveClaimed) {
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .required = true});
    a().store->away = true;
    a().store->present = fleet::Store::Presence::away;
    const auto first = begin(a(), fleet_payment("k"), "first");
    EXPECT_EQ(end(first), "OVERLOADED unknown");
    EXPECT_EQ((*first)->reason, "the fleet's store can't be reached");
    test::settle(loop_);
    EXPECT_TRUE(a().claims->idle()) << "nothing waits for the store";
}

TEST_F(FleetGuardTest, DropsFirstWhatMattersToNobody) {
    constexpr std::size_t most = 4;
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .most_settlements = most});
    a().store->away = true;
    for (std::size_t i = 0; i < most; ++i) { // not forwarded: another replica has sent it
        auto request = std::make_shared<SharedRequest>();
        request->keys = {"minor" + std::to_string(i)};
        auto claiming = a().claims->claim(std::move(request), {.owner = "other"});
        EXPECT_FALSE(test::run_task(loop_, std::move(claiming)).claim);
    }
    for (std::size_t i = 0; i < most; ++i)
        claim_and_settle("executed" + std::to_string(i), Executed::yes);
    test::settle(loop_);
    EXPECT_GT(a().stats.fleet_dropped.get(), 0U);
    a().store->away = false;
    write_all(a());
    for (std::size_t i = 0; i < most; ++i)
        EXPECT_EQ(database_.entries["executed" + std::to_string(i)].state, "executed");
}

TEST_F(FleetGuardTest, LetsNoSettlementThatTheStoreRefusesHoldUpOthers) {
    a().store->before_call = [&](const fleet::Command& command) {
        a().store->refuses = command.at(1) == settle_script && command.at(3).starts_with("odd");
    };
    for (int i = 0; i < 100; ++i)
        claim_and_settle("odd" + std::to_string(i), Executed::yes);
    claim_and_settle("k", Executed::yes);
    EXPECT_TRUE(wait_for([this] { return database_.entries.at("k").state == "executed"; }));
    a().store->before_call = {};
    a().store->refuses = false;
    write_all(a());
    EXPECT_EQ(database_.entries.at("odd99").state, "executed") << "tried again";
}

TEST_F(FleetGuardTest, LeavesTheThreadAloneWhileMemoryIsShort) {
    a().join({.prefix = "fleet:", .lease = 150ms, .remember = 24h});
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    constexpr int many = 1000;
    a().store->throws = many;
    EXPECT_TRUE(wait_for([this] { return a().store->throws < many; }));
    EXPECT_EQ(a().store->throws, many - 1) << "it waits before it tries again";
    a().store->throws = 0;
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    write_all(a());
}

TEST_F(FleetGuardTest, SaysThatItIsUnknownWhatTheOthersDidIfItHasNoRoom) {
    send(a(), fleet_payment("k"), "first");
    b().table.set_limits({.remember = 24h, .replay_memory = 1U << 20U, .records = 0});
    EXPECT_EQ(send(b(), fleet_payment("k"), "second"), "OVERLOADED unknown");
    b().leave();
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "OVERLOADED no") << "there are no others";
}

TEST_F(FleetGuardTest, ForwardsAnotherRequestUnderAKeyThatItsOwnerElsewhereHasFreed) {
    const auto see_in_flight = [this](const std::string& key, const MakeReply& reply) {
        a().upstream.held = true;
        a().upstream.make_reply = reply;
        auto first = begin(a(), fleet_payment(key), "first");
        server::test::FakeWatcher leaving;
        leaving.gone_at_look = 1;
        const auto repeat = begin(b(), fleet_payment(key), "repeat", &leaving);
        EXPECT_TRUE(wait_for([&repeat] { return repeat->has_value(); }));
        return first;
    };
    const auto first =
        see_in_flight("freed", upstream_says(Executed::no, R"({"errors":[{"message":"no"}]})"));
    EXPECT_EQ(send(b(), fleet_payment("freed", 2), "second"), "KEY_REUSED no first") << "still in flight";
    a().upstream.gate.set();
    end(first);
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("freed", 2), "third"), "data");
    EXPECT_EQ(send(b(), fleet_payment("freed"), "fourth"), "KEY_REUSED no third");
    EXPECT_EQ(send(b(), fleet_payment("freed", 2), "fifth"), "data") << "its repeat";
    EXPECT_EQ(b().upstream.sent, 1);

    const auto other = see_in_flight("executed", paid);
    a().upstream.gate.set();
    end(other);
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payment("executed", 2), "sixth"), "KEY_REUSED no first");
    EXPECT_EQ(send(b(), fleet_payment("executed"), "seventh"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(b().upstream.sent, 1);
}

TEST_F(FleetGuardTest, StopsSoonerIfItIsToldToHurry) {
    a().store->away = true;
    for (int i = 0; i < 100; ++i)
        claim_and_settle(std::to_string(i), Executed::yes);
    test::settle(loop_);
    a().store->away = false;
    a().store->before_call = [this](const fleet::Command&) { a().claims->stop(0s); };
    a().claims->stop(1h);
    write_all(a());
    EXPECT_LT(database_.entries.size(), 100U) << "not more than what was called before";
}

// The sequences of transactions at several replicas, some of which the store does not answer for a while.

TEST_F(FleetGuardTest, FreesNothingThatAReplicaOfItsOwnExecutedMeanwhile) {
    a().upstream.make_reply = bearerd_says(ErrorCode::upstream_unreachable);
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    a().store->away = true;
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "UPSTREAM_UNREACHABLE no");
    a().upstream.held = false;
    a().upstream.make_reply = paid;
    EXPECT_EQ(send(a(), fleet_payment("k"), "second"), "data") << "without the store";
    const int calls = a().store->calls;
    EXPECT_TRUE(wait_for([&] { return a().store->calls >= calls + 3; })) << "it goes on failing";
    a().store->away = false;
    write_all(a());
    EXPECT_EQ(state(), "executed");
    EXPECT_EQ(send(b(), fleet_payment("k"), "third"), "ALREADY_EXECUTED yes second");
}

TEST_F(FleetGuardTest, FreesNothingThatAReplicaWithoutTheStoreHasSent) {
    const std::pair<MakeReply, std::string> outcomes[] = {
        {paid, "ALREADY_EXECUTED yes first"},
        {bearerd_says(ErrorCode::outcome_unknown), "OUTCOME_UNKNOWN unknown"},
        {bearerd_says(ErrorCode::upstream_unreachable), "data"}};
    for (const auto& [reply, reported] : outcomes) {
        database_.entries.clear();
        const std::string key = reported;
        a().store->away = true;
        a().upstream.make_reply = reply;
        a().upstream.held = true;
        const auto first = begin(a(), fleet_payment(key), "first");
        b().upstream.make_reply = bearerd_says(ErrorCode::upstream_unreachable);
        b().upstream.held = true;
        const auto second = begin(b(), fleet_payment(key), "second");
        EXPECT_EQ(state(), "in_flight");
        a().store->away = false;
        a().upstream.gate.set();
        end(first);
        write_all(a());
        b().upstream.gate.set();
        EXPECT_EQ(end(second), "UPSTREAM_UNREACHABLE no");
        write_all(b());
        FleetReplica third{loop_, clock_, database_, settings_, 'c'};
        EXPECT_EQ(send(third, fleet_payment(key), "third"), reported);
        write_all(third);
    }
}

TEST_F(FleetGuardTest, FreesNothingThatIsInFlightAtAReplicaThatWasWithoutTheStore) {
    a().store->away = true;
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    b().upstream.make_reply = bearerd_says(ErrorCode::upstream_unreachable);
    b().upstream.held = true;
    const auto second = begin(b(), fleet_payment("k"), "second");
    a().store->away = false;
    EXPECT_TRUE(wait_for([this] { return !database_.entries.begin()->second.doubt.empty(); }));
    b().upstream.gate.set();
    EXPECT_EQ(end(second), "UPSTREAM_UNREACHABLE no");
    write_all(b());
    FleetReplica third{loop_, clock_, database_, settings_, 'c'};
    EXPECT_EQ(send(third, fleet_payment("k"), "third"), "OUTCOME_UNKNOWN unknown");
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    write_all(a());
    EXPECT_EQ(send(third, fleet_payment("k"), "fourth"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(third.upstream.handled, 0);
}

TEST_F(FleetGuardTest, SharesSoonWhatItForwardedWithoutAClaim) {
    a().store->away = true;
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    a().store->away = false;
    EXPECT_TRUE(wait_for([this] { return state() == "in_flight"; })) << "long before a third of the lease";
    const auto second = begin(b(), fleet_payment("k"), "second");
    EXPECT_FALSE(*second);
    a().upstream.gate.set();
    EXPECT_EQ(end(second), "ALREADY_EXECUTED yes first");
}

TEST_F(FleetGuardTest, RenewsSoonWhatTheStoreDidNotRenew) {
    a().store->away = true;
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const int calls = a().store->calls;
    EXPECT_TRUE(wait_for([&] { return a().store->calls >= calls + 2; }));
    a().store->away = false;
    EXPECT_TRUE(wait_for([this] { return state() == "in_flight"; })) << "long before a third of the lease";
    a().upstream.gate.set();
    end(first);
    write_all(a());
}

TEST_F(FleetGuardTest, ClaimsAllKeysOfARequestInTwoSteps) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payments("vwxyz"), "first");
    EXPECT_EQ(a().store->calls, 5);
    EXPECT_EQ(a().store->most_at_once, 4) << "the first one alone, then all others";
    a().upstream.gate.set();
    EXPECT_EQ(end(first), "data");
    write_all(a());
    EXPECT_EQ(send(b(), fleet_payments("vwxyz"), "second"), "ALREADY_EXECUTED yes first");
    EXPECT_EQ(b().store->most_at_once, 1) << "who does not get the first one asks for no other";
}

TEST_F(FleetGuardTest, ForwardsNothingIfOneOfItsKeysIsNotFree) {
    // The answer for each key is lost in turn: what the others say counts.
    settings_.auth.login_timeout = {};
    settings_.upstream.connect_timeout = {};
    settings_.upstream.response_timeout = {};
    settings_.transactions.look_up_for = 0s;
    for (int lost = 1; lost <= 3; ++lost) {
        database_.entries.clear();
        FleetReplica first{loop_, clock_, database_, settings_, 'f'};
        FleetReplica second{loop_, clock_, database_, settings_, 's'};
        first.upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
        send(first, fleet_payments("xyz"), "first");
        write_all(first);
        int calls = 0;
        second.store->before_call = [&](const fleet::Command& command) {
            second.store->refuses = command.at(1) == claim_script && ++calls == lost;
        };
        EXPECT_EQ(send(second, fleet_payments("xyz"), "second"), "OUTCOME_UNKNOWN unknown first") << lost;
        EXPECT_EQ(second.upstream.handled, 0);
        second.claims->stop();
        write_all(second);
    }
}

TEST_F(FleetGuardTest, WritesSeveralSettlementsAtOnceAndThoseOfOneKeyInOrder) {
    a().store->away = true;
    std::vector<std::string> written;
    for (int i = 0; i < 10; ++i)
        claim_and_settle(std::to_string(i), Executed::no);
    claim_and_settle("3", Executed::yes);
    claim_and_settle("10", Executed::no);
    test::settle(loop_);
    a().store->most_at_once = 0;
    a().store->away = false;
    a().store->before_call = [&](const fleet::Command& command) {
        written.push_back(command.at(3) + " " + command.at(5));
    };
    write_all(a());
    EXPECT_EQ(a().store->most_at_once, 10);
    EXPECT_THAT(written, testing::SizeIs(12));
    EXPECT_LT(std::ranges::find(written, "3 no"), std::ranges::find(written, "3 executed"));
}

TEST_F(FleetGuardTest, WritesAfterAReloadWhatIsLearntOfAnEarlierRequest) {
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("k"), "first");
    write_all(a());
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h});
    EXPECT_TRUE(a().table.found(a().identifier.identities_of_key("k"), "7", BootClock::now()));
    EXPECT_TRUE(wait_for([this] { return state() == "executed"; }));
}

TEST_F(FleetGuardTest, KeepsWhatIsInFlightOrUnknownAsLongAsItIsLookedUp) {
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 1h, .settle_for = 24h});
    a().upstream.make_reply = bearerd_says(ErrorCode::outcome_unknown);
    send(a(), fleet_payment("unknown"), "first");
    write_all(a());
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("in flight"), "first");
    database_.now_ms += std::chrono::milliseconds{20h}.count();
    EXPECT_EQ(send(b(), fleet_payment("unknown"), "second"), "OUTCOME_UNKNOWN unknown first");
    EXPECT_EQ(send(b(), fleet_payment("in flight"), "second"), "OUTCOME_UNKNOWN unknown first");
    a().upstream.gate.set();
    end(first);
}

TEST_F(FleetGuardTest, LeavesNoClaimThatNobodyCanSettleInFlight) {
    a().join({.prefix = "fleet:", .lease = 150ms, .remember = 24h});
    auto request = std::make_shared<SharedRequest>();
    request->keys = {"k"};
    auto claiming = a().claims->claim(std::move(request), {});
    EXPECT_TRUE(test::run_task(loop_, std::move(claiming)).claim);
    EXPECT_TRUE(wait_for([this] { return state() == "unknown"; })) << "its request has ended without a word";
    write_all(a());
}

TEST_F(FleetGuardTest, PassesOnOnlyJsonOfWhatWasFoundElsewhere) {
    for (const std::string& found :
         {std::string{"7"}, std::string{"7}"}, std::string{"\xFF"}, "\"" + std::string(4096, 'x') + "\""}) {
        database_.entries.clear();
        FleetReplica first{loop_, clock_, database_, settings_, 'f'};
        FleetReplica second{loop_, clock_, database_, settings_, 's'};
        send(first, fleet_payment("k"), "first");
        write_all(first);
        database_.entries.begin()->second.found = found;
        const auto repeat = begin(second, fleet_payment("k"), "second");
        EXPECT_EQ(end(repeat), "ALREADY_EXECUTED yes first") << found;
        EXPECT_EQ((*repeat)->extension("reconciled"), found == "7" ? FleetJson(7) : FleetJson()) << found;
    }
}

TEST_F(FleetGuardTest, KeepsABoundedNumberOfSettlementsForAStoreThatIsAway) {
    constexpr std::size_t most = 20;
    a().join({.prefix = "fleet:", .lease = 1h, .remember = 24h, .most_settlements = most});
    a().store->away = true;
    for (std::size_t i = 0; i < most + 10; ++i)
        claim_and_settle(std::to_string(i), Executed::yes);
    test::settle(loop_);
    EXPECT_GE(a().stats.fleet_dropped.get(), 9U) << "one may be in work";
    a().store->away = false;
    write_all(a());
    EXPECT_GE(database_.entries.size(), most);
    EXPECT_EQ(database_.entries.size() + a().stats.fleet_dropped.get(), most + 10);
}

TEST_F(FleetGuardTest, WaitsForNoOtherReplicaOnceItStops) {
    a().upstream.held = true;
    const auto first = begin(a(), fleet_payment("k"), "first");
    const auto second = begin(b(), fleet_payment("k"), "second");
    b().claims->stop();
    EXPECT_EQ(end(second), "OUTCOME_UNKNOWN unknown first");
    EXPECT_FALSE(*first);
}

TEST_F(FleetGuardTest, SharesNoPlainText) {
    send(a(), fleet_payment("4111111111111111"), "first");
    for (const auto& [name, entry] : database_.entries)
        for (const std::string& text : {name, entry.owner, entry.fingerprint, entry.found})
            EXPECT_THAT(text, testing::Not(HasSubstr("4111")));
    EXPECT_THAT(database_.entries.begin()->first, testing::StartsWith("fleet:"));
}

} // namespace
} // namespace bearerd::transaction
