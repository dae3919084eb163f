#include <bearerd/transaction/guard.hpp>

#include "guarded_body.hpp"
#include "unit/gzip.hpp"
#include "unit/proxy/fakes.hpp"
#include "unit/run_task.hpp"
#include "unit/server/fake_watcher.hpp"
#include "warnings.hpp"

#include <bearerd/net/event.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/own_reply.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::transaction {
namespace {

using outcome::ErrorCode;
using outcome::Executed;
using server::Reply;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Json = nlohmann::json;

/// The handler after the guard: replies when the test says so.
class FakeUpstream final : public server::Handler {
public:
    explicit FakeUpstream(net::Executor executor) : gate{std::move(executor)} {}

    net::Task<Reply> handle(server::Request request) override {
        ++handled;
        const auto make = make_reply;
        if (held)
            co_await gate.wait();
        if (fails)
            throw std::runtime_error{"a bug"};
        co_return make(request);
    }

    std::function<Reply(const server::Request&)> make_reply;
    net::Event gate;
    int handled = 0;
    bool held = false;
    bool fails = false;
};

/// A streamed body of two pieces.
class TwoPieces final : public server::BodySource {
public:
    explicit TwoPieces(server::Report report) : report_{std::move(report)} {}

    net::Task<Piece> next() override {
        ++pieces_;
        if (pieces_ == 1)
            co_return Piece{"{\"data\":", State::more};
        co_return breaks_off ? Piece{"{\"pay\"", State::broken} : Piece{"{\"pay\":1}}", State::last};
    }

    net::Task<void> read_for_nobody() override { co_return; }

    bool expect_nobody() override { return expects_nobody; }

    server::Report finish() override { return report_; }

    bool expects_nobody = false;
    bool breaks_off = false; ///< the second piece is not whole

private:
    int pieces_ = 0;
    server::Report report_;
};

std::string payment(const std::string& key, int value = 1) {
    return R"({"query":"mutation{pay(ref:\")" + key + R"(\",value:)" + std::to_string(value) + R"(){id}}"})";
}

/// What an app gets.
struct Got {
    std::string head;
    std::string body;
    server::Report report;

    [[nodiscard]] bool replayed() const {
        return head.find("Idempotent-Replayed: true\r\n") != std::string::npos;
    }

    [[nodiscard]] Json extension(const char* name) const {
        const Json json = Json::parse(body, nullptr, false);
        const Json::json_pointer at{std::string{"/errors/0/extensions/"} + name};
        return json.contains(at) ? json.at(at) : Json();
    }

    [[nodiscard]] std::string code() const {
        const Json code = extension("code");
        return code.is_string() ? code.get<std::string>() : std::string{};
    }
};

class GuardTest : public testing::Test {
protected:
    GuardTest() {
        settings.upstream.url.text = "https://api.example.com/graphql";
        settings.credentials.user = "till";
        settings.transactions.rules = {{"pay", "ref", "", "", "", config::Repeats::replay}};
        identifier.emplace(secret, settings);
        next.make_reply = answer_of(Executed::yes, R"({"data":{"pay":{"id":1}}})");
        events.left_unknown = [this](const Events::Fields& of, std::uint32_t, const std::string& id) {
            unknown.push_back(of.front().key + " " + id);
        };
        events.found = [this](const Events::Fields& of, std::uint32_t) { found.push_back(of.front().key); };
        events.heard = [this](const Events::Fields& of, std::uint32_t, bool) {
            heard.push_back(of.front().key);
        };
        guard.emplace(next, table, *identifier, settings, nullptr, loop.get_executor(), clock, stats, events);
    }

    static std::function<Reply(const server::Request&)> answer_of(Executed executed, std::string body,
                                                                  bool nothing_ran = false,
                                                                  outcome::RequestOutcome outcome = {}) {
        return [=](const server::Request& request) {
            server::Report report;
            report.kind = OperationKind::mutation;
            report.executed = executed;
            report.nothing_ran = nothing_ran;
            report.outcome = outcome;
            return server::own_reply(request.context, 200, "application/json", "X-Upstream: 1\r\n", body,
                                     report);
        };
    }

    /// In pieces.
    static std::function<Reply(const server::Request&)> stream_of(Executed executed,
                                                                  bool breaks_off = false) {
        return [=](const server::Request& request) {
            http::ResponseHead head;
            head.status = 200;
            head.reason = "OK";
            server::Report report;
            report.executed = executed;
            Reply reply;
            reply.framing = http::BodyFraming::chunked;
            http::append_app_head(reply.head, head, {}, request.context, reply.framing, 0);
            auto pieces = std::make_unique<TwoPieces>(report);
            pieces->breaks_off = breaks_off;
            reply.body = std::move(pieces);
            return reply;
        };
    }

    static std::function<Reply(const server::Request&)> error_of(ErrorCode code) {
        return [=](const server::Request& request) {
            return server::render(server::error_reply(code), request.context, {}, false);
        };
    }

    /// Begins a request; what it got is there once it is done.
    std::shared_ptr<std::optional<Got>> begin(std::string body, std::string id = "id",
                                              server::test::FakeWatcher* app = nullptr) {
        auto got = std::make_shared<std::optional<Got>>();
        net::spawn(loop.get_executor(), run(std::move(body), std::move(id), got, app), "request");
        turn();
        return got;
    }

    Got request(std::string body, std::string id = "id") {
        const auto got = begin(std::move(body), std::move(id));
        for (int i = 0; i < 100 && !*got; ++i)
            turn();
        EXPECT_TRUE(*got) << "no reply";
        return got->value_or(Got{});
    }

    /// Runs what is ready.
    void turn() {
        loop.restart();
        loop.poll();
    }

    net::Task<void> run(std::string body, std::string id, std::shared_ptr<std::optional<Got>> got,
                        server::test::FakeWatcher* watcher) {
        server::test::FakeWatcher own;
        server::test::FakeWatcher& app = watcher != nullptr ? *watcher : own;
        http::RequestHead head;
        head.method = "POST";
        head.target = "/";
        head.fields.list = {{http::FieldId::content_type, "Content-Type", "application/json"}};
        for (const auto& [name, value] : fields)
            head.fields.list.push_back({http::FieldId::unknown, name, value});
        const http::Target target = http::split_target(head.target);
        http::ReplyContext context;
        context.request_id = id;
        const server::Request request{head, target, body, context, app};
        Reply reply;
        bool failed = false;
        try {
            auto task = guard->handle(request);
            reply = co_await std::move(task);
        } catch (const std::runtime_error&) {
            failed = true;
        }
        Got result{reply.head, {}, reply.report};
        if (const auto* const own_body = std::get_if<std::string>(&reply.body))
            result.body = *own_body;
        else if (const auto* const lent = std::get_if<server::BorrowedBody>(&reply.body))
            result.body = lent->bytes;
        else {
            auto& source = std::get<std::unique_ptr<server::BodySource>>(reply.body);
            if (drops_bodies)
                source.reset();
            for (bool last = drops_bodies; !last;) {
                const auto piece = co_await source->next();
                result.body += piece.bytes;
                last = piece.state != server::BodySource::State::more;
            }
            if (source)
                result.report = source->finish();
        }
        if (reply.delivery)
            reply.delivery->ended(delivered);
        if (failed)
            result.body = "failed";
        *got = std::move(result);
    }

    net::asio::io_context loop;
    net::DeadlineClock clock{loop};
    Stats stats;
    config::Settings settings;
    Secret secret{std::string_view{"0123456789abcdef0123456789abcdef"}};
    std::optional<Identifier> identifier;
    Table table{{.remember = 24h, .replay_memory = 1U << 20U}};
    FakeUpstream next{loop.get_executor()};
    std::vector<std::string> unknown;
    std::vector<std::string> heard;
    std::vector<std::string> found;
    bool delivered = true;     ///< all of each reply is written
    bool drops_bodies = false; ///< a streamed body is destroyed unread
    std::vector<std::pair<std::string, std::string>> fields;
    Events events;
    std::optional<Guard> guard;
};

TEST_F(GuardTest, SendsARepeatOnceAndReplaysItsBytes) {
    const Got first = request(payment("a"), "first");
    const Got second = request(payment("a"), "second");
    EXPECT_EQ(next.handled, 1);
    EXPECT_FALSE(first.replayed());
    EXPECT_TRUE(second.replayed());
    EXPECT_EQ(first.body, second.body);
    EXPECT_THAT(second.head, HasSubstr("X-Upstream: 1\r\n"));
    EXPECT_THAT(second.head, HasSubstr("X-Request-Id: second\r\n"));
    EXPECT_THAT(second.head, testing::Not(HasSubstr("first")));
    EXPECT_THAT(second.head, HasSubstr("Content-Length: " + std::to_string(first.body.size()) + "\r\n"));
    EXPECT_EQ(second.report.executed, Executed::yes);
    EXPECT_THAT(heard, ElementsAre("a"));
}

TEST_F(GuardTest, LetsOtherRequestsThroughAsTheyAre) {
    for (const std::string body :
         {R"({"query":"{cards{id}}"})", R"({"query":"mutation{pay(value:1){id}}"})", "mutation{pay"}) {
        request(body);
        request(body);
    }
    EXPECT_EQ(next.handled, 6);
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(GuardTest, LetsRepeatsWaitForTheFirstAndGivesAllTheSameBytes) {
    next.held = true;
    const auto first = begin(payment("a"), "first");
    const auto second = begin(payment("a"));
    const auto third = begin(payment("a"));
    EXPECT_EQ(next.handled, 1);
    EXPECT_FALSE(*second);
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*first && *second && *third);
    EXPECT_EQ((*first)->body, (*second)->body);
    EXPECT_EQ((*first)->body, (*third)->body);
    EXPECT_TRUE((*third)->replayed());
    EXPECT_EQ(next.handled, 1);
    EXPECT_EQ(stats.repeats[Repeat::joined].get(), 2U);
}

TEST_F(GuardTest, RefusesAKeyThatAnotherRequestHas) {
    request(payment("a", 1), "first");
    const Got other = request(payment("a", 2));
    EXPECT_EQ(other.code(), "KEY_REUSED");
    EXPECT_EQ(other.extension("executed"), "no");
    EXPECT_EQ(other.extension("first_request_id"), "first");
    EXPECT_THAT(other.head, HasSubstr(" 422 "));
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardTest, RefusesOneTransactionTwiceInARequest) {
    const std::string body = R"({"query":"mutation{a:pay(ref:\"a\"){id} b:pay(ref:\"a\"){id}}"})";
    const Got got = request(body);
    EXPECT_EQ(got.code(), "KEY_REUSED");
    EXPECT_EQ(got.extension("executed"), "no");
    EXPECT_EQ(request("[" + payment("b") + "," + payment("b") + "]").code(), "KEY_REUSED");
    EXPECT_EQ(next.handled, 0);
}

TEST_F(GuardTest, ForwardsAsNewWhatWasSurelyNotExecuted) {
    const std::function<Reply(const server::Request&)> replies[] = {
        error_of(ErrorCode::login_unavailable), error_of(ErrorCode::upstream_unreachable),
        error_of(ErrorCode::overloaded), answer_of(Executed::no, R"({"errors":[{"message":"x"}]})"),
        answer_of(Executed::answered, R"({"data":{"pay":null}})", true)};
    int key = 0;
    for (const auto& reply : replies) {
        next.make_reply = reply;
        next.handled = 0;
        const std::string name = std::to_string(++key);
        request(payment(name));
        request(payment(name));
        request(payment(name, 2));
        EXPECT_EQ(next.handled, 3) << key;
    }
}

TEST_F(GuardTest, NeverForwardsARepeatOfWhatIsUnknown) {
    next.make_reply = error_of(ErrorCode::outcome_unknown);
    request(payment("a"), "first");
    next.make_reply = error_of(ErrorCode::shutting_down);
    const Got again = request(payment("a"), "second");
    EXPECT_EQ(next.handled, 1);
    EXPECT_EQ(again.code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ(again.extension("executed"), "unknown");
    EXPECT_EQ(again.extension("first_request_id"), "first");
    EXPECT_THAT(unknown, ElementsAre("a first"));
}

TEST_F(GuardTest, TakesAnExceptionForAnUnknownOutcome) {
    next.fails = true;
    EXPECT_EQ(request(payment("a")).body, "failed");
    next.fails = false;
    EXPECT_EQ(request(payment("a")).code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ(next.handled, 1);
    EXPECT_THAT(unknown, ElementsAre("a id")) << "and has it looked up";
}

TEST_F(GuardTest, HasLookedUpWhatEndsWithoutAReply) {
    next.make_reply = [](const server::Request&) { return Reply{}; };
    request(payment("headless"), "first");
    drops_bodies = true;
    next.make_reply = stream_of(Executed::yes);
    request(payment("unfinished"), "second");
    EXPECT_THAT(unknown, ElementsAre("headless first", "unfinished second"));
    for (const char* const key : {"headless", "unfinished"})
        EXPECT_EQ(request(payment(key)).code(), "OUTCOME_UNKNOWN") << key;
    EXPECT_EQ(next.handled, 2);
    EXPECT_EQ(unknown.size(), 2U) << "once each";
}

TEST_F(GuardTest, CountsAsHeardOnlyWhatWasWritten) {
    request(payment("a"), "first");
    delivered = false;
    EXPECT_TRUE(request(payment("a")).replayed());
    EXPECT_THAT(heard, ElementsAre());
    delivered = true;
    EXPECT_TRUE(request(payment("a")).replayed());
    EXPECT_THAT(heard, ElementsAre("a"));
    table.set_limits({.remember = 24h, .replay_memory = 0});
    request(payment("b"));
    heard.clear();
    for (const bool whole : {false, true}) { // the first is looked up, though nobody can be asked
        delivered = whole;
        EXPECT_EQ(request(payment("b")).code(), "ALREADY_EXECUTED");
        EXPECT_EQ(heard.size(), whole ? 1U : 0U);
    }
    EXPECT_EQ(request(payment("b")).code(), "ALREADY_EXECUTED");
    EXPECT_THAT(heard, ElementsAre("b", "b")) << "each once";
}

TEST_F(GuardTest, TakesTheReplayOfAnAnswerThatTellsNothingForNoHearing) {
    next.make_reply = answer_of(Executed::answered, R"({"data":{"pay":null},"errors":[{"path":["pay"]}]})");
    request(payment("a"));
    EXPECT_TRUE(request(payment("a")).replayed());
    EXPECT_THAT(heard, ElementsAre());
}

TEST_F(GuardTest, SaysThatItWasExecutedOnceTheAnswerIsGone) {
    request(payment("a"), "first");
    table.set_limits({.remember = 24h, .replay_memory = 0});
    const Got again = request(payment("a"));
    EXPECT_EQ(again.code(), "ALREADY_EXECUTED");
    EXPECT_EQ(again.extension("executed"), "yes");
    EXPECT_EQ(again.extension("first_request_id"), "first");
    EXPECT_THAT(again.head, HasSubstr(" 409 "));
}

TEST_F(GuardTest, KeepsNoErrorOfItsOwnAsAnAnswer) {
    next.make_reply = [](const server::Request& request) {
        server::ErrorReply error = server::error_reply(ErrorCode::outcome_unknown);
        error.executed = Executed::yes;
        error.reconciled = "7";
        return server::render(error, request.context, {}, false);
    };
    request(payment("a"));
    EXPECT_EQ(request(payment("a")).code(), "ALREADY_EXECUTED");
}

TEST_F(GuardTest, MakesAnotherOneTheFirstIfTheFirstsAppHadLeftUnsent) {
    next.held = true;
    next.make_reply = answer_of(Executed::no, "{}", false, outcome::RequestOutcome::client_closed());
    const auto first = begin(payment("a"));
    const auto second = begin(payment("a"));
    const auto third = begin(payment("a"));
    next.make_reply = answer_of(Executed::yes, "paid");
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    EXPECT_EQ(next.handled, 2) << "one of the two, never both";
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*second && *third);
    EXPECT_EQ((*second)->body, "paid");
    EXPECT_EQ((*third)->body, "paid");
    EXPECT_EQ(next.handled, 2);
}

TEST_F(GuardTest, PassesAStreamedAnswerOnAndReplaysIt) {
    next.make_reply = stream_of(Executed::yes);
    const Got first = request(payment("a"));
    const Got second = request(payment("a"));
    EXPECT_EQ(first.body, R"({"data":{"pay":1}})");
    EXPECT_EQ(second.body, first.body);
    EXPECT_TRUE(second.replayed());
    EXPECT_THAT(second.head, testing::Not(HasSubstr("chunked")));
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardTest, ReplaysNoAnswerThatBrokeOff) {
    next.make_reply = stream_of(Executed::unknown, true);
    next.held = true;
    const auto first = begin(payment("a"), "first");
    const auto second = begin(payment("a"));
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*first && *second);
    EXPECT_EQ((*first)->body, R"({"data":{"pay")");
    const Got third = request(payment("a"));
    for (const Got& got : {**second, third}) {
        EXPECT_EQ(got.code(), "OUTCOME_UNKNOWN");
        EXPECT_EQ(got.extension("first_request_id"), "first");
        EXPECT_FALSE(got.replayed());
    }
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardTest, LetsARepeatGoWhoseAppHasLeft) {
    next.held = true;
    const auto first = begin(payment("a"));
    server::test::FakeWatcher leaving;
    leaving.gone_at_once = true;
    const auto second = begin(payment("a"), "id", &leaving);
    turn();
    ASSERT_TRUE(*second);
    EXPECT_EQ((*second)->report.outcome, outcome::RequestOutcome::client_closed());
    EXPECT_EQ((*second)->report.detail, "the app closed its connection while its request waited");
    EXPECT_EQ(leaving.notes, 1U);
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    EXPECT_TRUE(*first);
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardTest, TakesTheKeyFromAHeader) {
    settings.transactions.rules = {{"pay", "", "Idempotency-Key", "", "", config::Repeats::replay}};
    identifier.emplace(secret, settings);
    const std::string body = R"({"query":"mutation{pay(value:1){id}}"})";
    request(body);
    EXPECT_EQ(table.size(), 0U) << "without a key it is forwarded";
    fields = {{"idempotency-key", "k"}};
    request(body);
    EXPECT_TRUE(request(body).replayed());
    fields = {{"Idempotency-Key", "other"}};
    EXPECT_FALSE(request(body).replayed());
    fields = {{"Idempotency-Key", "k"}, {"Idempotency-Key", "k"}};
    EXPECT_FALSE(request(body).replayed()) << "two of them are none";
}

TEST_F(GuardTest, KeepsAStreamedAnswerThatIsReadForNobody) {
    server::Report report;
    report.executed = Executed::yes;
    auto pieces = std::make_unique<TwoPieces>(report);
    pieces->expects_nobody = true;
    std::optional<std::string> kept;
    GuardedBody body{std::move(pieces), [&kept](const server::Report&, std::optional<std::string> whole) {
                         kept = std::move(whole);
                     }};
    net::spawn(loop.get_executor(), body.read_for_nobody(), "reading");
    turn();
    EXPECT_EQ(body.finish().executed, Executed::yes);
    EXPECT_EQ(kept, R"({"data":{"pay":1}})");
}

TEST_F(GuardTest, ReportsThatARepeatThatWaitedWasHeard) {
    next.held = true;
    const auto first = begin(payment("a"));
    const auto second = begin(payment("a"));
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*second);
    EXPECT_THAT(heard, ElementsAre("a"));
}

TEST_F(GuardTest, ClaimsNothingForAnAppThatLeftWhileItWaited) {
    next.held = true;
    next.make_reply = answer_of(Executed::no, "{}", false, outcome::RequestOutcome::client_closed());
    const auto first = begin(payment("a"));
    server::test::FakeWatcher leaving;
    leaving.gone_at_look = 1;
    const auto second = begin(payment("a"), "id", &leaving);
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*second);
    EXPECT_EQ((*second)->report.outcome, outcome::RequestOutcome::client_closed());
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardTest, TakesAHeaderThatIsNotUtf8ForNoKey) {
    settings.transactions.rules = {{"pay", "", "Idempotency-Key", "", "", config::Repeats::replay}};
    identifier.emplace(secret, settings);
    fields = {{"Idempotency-Key", "k\xFF"}};
    request(R"({"query":"mutation{pay(value:1){id}}"})");
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(GuardTest, DecodesAnAnswerForAnAppThatDoesNotTakeItsCoding) {
    const std::string plain = R"({"data":{"pay":{"id":1}}})";
    next.make_reply = [&plain](const server::Request& request) {
        server::Report report;
        report.executed = Executed::yes;
        return server::own_reply(request.context, 200, "application/json",
                                 "Content-Encoding: gzip\r\nSet-Cookie: s=1\r\nX-Upstream: 1\r\n",
                                 test::packed(plain, test::gzip_window), report);
    };
    fields = {{"Accept-Encoding", "gzip"}};
    EXPECT_THAT(request(payment("a")).head, HasSubstr("Set-Cookie"));
    fields = {{"Accept-Encoding", "identity, gzip;q=0"}};
    EXPECT_EQ(request(payment("a")).body, plain);
    const Got decoded = (fields.clear(), request(payment("a")));
    EXPECT_EQ(decoded.body, plain);
    EXPECT_THAT(decoded.head, testing::Not(HasSubstr("Content-Encoding")));
    EXPECT_THAT(decoded.head, testing::Not(HasSubstr("Set-Cookie")));
    EXPECT_THAT(decoded.head, HasSubstr("X-Upstream: 1\r\n"));
    EXPECT_THAT(decoded.head, HasSubstr("Content-Length: " + std::to_string(plain.size()) + "\r\n"));
}

TEST_F(GuardTest, GivesTheLogAReasonForEachErrorOfItsOwn) {
    const auto reason = [this](const std::string& body) { return request(body).report.detail; };
    EXPECT_EQ(reason(payment("a")), "");
    EXPECT_EQ(reason(payment("a")), "") << "the replay of a good answer";
    EXPECT_EQ(reason(payment("a", 2)), "the key of an earlier transaction with other values");
    EXPECT_EQ(reason("[" + payment("b") + "," + payment("b") + "]"),
              "the same transaction twice in one request");
    table.set_limits({.remember = 24h, .replay_memory = 0});
    for (int i = 0; i < 2; ++i) // the first is looked up
        EXPECT_EQ(reason(payment("a")), "a repeat of an executed transaction");
    next.make_reply = error_of(ErrorCode::outcome_unknown);
    request(payment("c"));
    EXPECT_EQ(reason(payment("c")), "a repeat of a transaction whose outcome is unknown");
    table.set_limits({.remember = 24h, .replay_memory = 0, .records = 0});
    EXPECT_EQ(reason(payment("d")), "no room to remember another transaction");
    table.stop_waiting();
    table.set_history(Table::History::read);
    EXPECT_EQ(reason(payment("d")), "the journal is not open for writing");
    table.set_history(Table::History::unread);
    EXPECT_EQ(reason(payment("d")), "the journal of earlier requests has not been read");
}

TEST_F(GuardTest, GivesTheLogAReasonForTheErrorOfAnotherRequest) {
    next.held = true;
    next.make_reply = error_of(ErrorCode::login_unavailable);
    const auto first = begin(payment("a"));
    const auto second = begin(payment("a"));
    next.gate.set();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*second);
    EXPECT_EQ((*second)->code(), "LOGIN_UNAVAILABLE");
    EXPECT_EQ((*second)->report.detail, "the same error as for the request that it repeats");
}

/// LogLimit says when the next one is due.
TEST_F(GuardTest, WarnsOfTheFirstMutationWhoseKeyItCantRead) {
    const WarningsOfAGuard warnings;
    request(R"({"query":"{pay(ref:7.5){id}}"})");
    request("{\"query\":\"mutation{\\u0070ay(ref:7.5){id}}\"}");
    EXPECT_EQ(warnings.count("a mutation is not guarded"), 0) << "a query, and one whose name is hidden";
    for (int i = 0; i < 3; ++i)
        request(R"({"query":"mutation{pay(ref:7.5){id}}"})");
    EXPECT_EQ(warnings.count("a mutation is not guarded"), 1);
    EXPECT_EQ(next.handled, 5) << "each is forwarded";
}

/// With an upstream that can be asked.
class GuardThatAsksTest : public GuardTest {
protected:
    GuardThatAsksTest() {
        settings.upstream.url.host = "api.example.com";
        settings.upstream.url.target = "/graphql";
        settings.transactions.look_up_for = 0s; // one question
        settings.transactions.rules = {{"pay", "ref", "", "query($key:String!){Items(ref:$key){id}}",
                                        "/data/Items/0/id", config::Repeats::replay}};
        identifier.emplace(secret, settings);
        plan.emplace(settings);
        reconciler.emplace(*plan, transport, tokens, loop.get_executor(), clock, group, stats);
        guard.emplace(next, table, *identifier, settings, &*reconciler, loop.get_executor(), clock, stats,
                      events);
        next.make_reply = error_of(ErrorCode::outcome_unknown);
    }

    void answer(const std::string& items) {
        transport.steps.emplace_back(proxy::test::json(R"({"data":{"Items":)" + items + "}}"));
    }

    proxy::test::FakeTransport transport;
    proxy::test::FakeTokens tokens;
    net::TaskGroup group;
    std::optional<reconcile::LookupPlan> plan;
    std::optional<reconcile::Reconciler> reconciler;
};

TEST_F(GuardThatAsksTest, LooksUpOnceMoreBeforeItSaysThatNobodyKnows) {
    request(payment("a"), "first");
    answer("[]");
    const Got again = request(payment("a"));
    EXPECT_EQ(again.code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ(again.extension("executed"), "unknown") << "never no: it may still be under way";
    EXPECT_TRUE(Json::parse(again.body).at("/errors/0/extensions"_json_pointer).contains("reconciled"));
    EXPECT_EQ(again.extension("reconciled"), nullptr);
    EXPECT_EQ(again.extension("first_request_id"), "first");
    EXPECT_THAT(heard, ElementsAre());
    EXPECT_THAT(found, ElementsAre());
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardThatAsksTest, SaysWhatWasFoundAndAsksNoMore) {
    request(payment("a"), "first");
    answer(R"([{"id":7}])");
    const Got again = request(payment("a"));
    EXPECT_EQ(again.code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ(again.extension("executed"), "yes");
    EXPECT_EQ(again.extension("reconciled"), 7);
    EXPECT_EQ(again.extension("first_request_id"), "first");
    EXPECT_THAT(found, ElementsAre("a"));
    EXPECT_THAT(heard, ElementsAre("a"));
    const Got third = request(payment("a"));
    EXPECT_EQ(third.code(), "ALREADY_EXECUTED");
    EXPECT_EQ(third.extension("reconciled"), 7);
    EXPECT_THAT(found, ElementsAre("a"));
    EXPECT_EQ(transport.sent.size(), 1U);
    EXPECT_EQ(next.handled, 1);
}

TEST_F(GuardThatAsksTest, FindsWhatWasExecutedWhoseAnswerIsGone) {
    next.make_reply = answer_of(Executed::yes, "paid");
    table.set_limits({.remember = 24h, .replay_memory = 0});
    request(payment("a"), "first");
    answer(R"([{"id":7}])");
    const Got again = request(payment("a"));
    EXPECT_EQ(again.code(), "ALREADY_EXECUTED");
    EXPECT_EQ(again.extension("reconciled"), 7);
    EXPECT_THAT(found, ElementsAre()) << "it was known before";
    EXPECT_THAT(heard, ElementsAre("a"));
}

TEST_F(GuardThatAsksTest, SaysTheSameIfTheQuestionFails) {
    request(payment("a"), "first");
    transport.steps.emplace_back(
        upstream::Failure{make_error_code(errc::closed), upstream::Stage::waiting, false, {}});
    const Got again = request(payment("a"));
    EXPECT_EQ(again.code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ(again.extension("executed"), "unknown");
    EXPECT_FALSE(Json::parse(again.body).at("/errors/0/extensions"_json_pointer).contains("reconciled"));
    EXPECT_EQ(next.handled, 1);
}

/// The wait for a first request that does not end. Deadlines of the guard's own clock decide the order of
/// what happens, so that a slow machine makes no test fail.
class GuardThatWaitsTest : public GuardTest {
protected:
    void wait_for(Duration time) {
        settings.auth.login_timeout = {};
        settings.upstream.connect_timeout = {};
        settings.upstream.response_timeout = {};
        settings.transactions.look_up_for = time;
        guard.emplace(next, table, *identifier, settings, nullptr, loop.get_executor(), clock, stats, events);
    }

    /// Turns the loop until this time from now.
    void turn_for(Duration time) {
        bool over = false;
        const auto end = [](void* flag) noexcept { *static_cast<bool*>(flag) = true; };
        net::Deadline deadline{clock, end, &over};
        deadline.set_after(time);
        EXPECT_TRUE(bearerd::test::turn_until(loop, [&over] { return over; }));
        turn(); // what became ready with it
    }

    void release() {
        next.held = false;
        next.gate.set();
        for (int i = 0; i < 10; ++i)
            turn();
    }
};

TEST_F(GuardThatWaitsTest, SaysThatTheOutcomeIsUnknownOnceTheFirstTakesTooLong) {
    wait_for(60ms);
    next.held = true;
    const auto first = begin(payment("a"), "first");
    const auto second = begin(payment("a"), "second");
    EXPECT_FALSE(*second);
    turn_for(250ms); // less than the time between two looks at the app
    ASSERT_TRUE(*second);
    EXPECT_EQ((*second)->code(), "OUTCOME_UNKNOWN");
    EXPECT_EQ((*second)->extension("executed"), "unknown");
    EXPECT_EQ((*second)->extension("first_request_id"), "first");
    EXPECT_THAT((*second)->body, HasSubstr("still being executed by an earlier request"));
    EXPECT_EQ((*second)->report.detail, "a repeat of a transaction that is still being executed");
    EXPECT_FALSE(*first);
    EXPECT_EQ(next.handled, 1);
    release();
}

TEST_F(GuardTest, SendsNothingBeforeTheHistoryIsComplete) {
    table.set_history(Table::History::unread);
    const auto first = begin(payment("a"), "first");
    server::test::FakeWatcher leaver;
    leaver.gone_at_look = 1;
    const auto left = begin(payment("b"), "left", &leaver);
    turn();
    EXPECT_FALSE(*first);
    EXPECT_EQ(next.handled, 0);
    table.set_history(Table::History::complete);
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*first);
    EXPECT_EQ((*first)->code(), "");
    ASSERT_TRUE(*left);
    EXPECT_EQ((*left)->report.outcome, outcome::RequestOutcome::client_closed());
    EXPECT_EQ(next.handled, 1) << "and nothing for nobody";
}

TEST_F(GuardThatWaitsTest, SaysNoOnlyIfTheHistoryHasBeenRead) {
    for (const bool was_read : {false, true}) {
        table.set_history(was_read ? Table::History::read : Table::History::unread);
        const auto refused = begin(payment("a"));
        ASSERT_TRUE(bearerd::test::turn_until(loop, [&refused] { return refused->has_value(); }));
        EXPECT_EQ((*refused)->code(), "OVERLOADED");
        EXPECT_EQ((*refused)->extension("executed"), was_read ? "no" : "unknown");
    }
    EXPECT_EQ(next.handled, 0);
    EXPECT_EQ(table.size(), 0U);
}

// What is known may change during the wait.
TEST_F(GuardThatWaitsTest, AsksTheTableAgainAfterItHasWaited) {
    for (const bool ends_read : {false, true}) {
        table.set_history(ends_read ? Table::History::unread : Table::History::read);
        const auto refused = begin(payment("a"));
        EXPECT_FALSE(*refused);
        table.set_history(ends_read ? Table::History::read : Table::History::unread);
        ASSERT_TRUE(bearerd::test::turn_until(loop, [&refused] { return refused->has_value(); }));
        EXPECT_EQ((*refused)->extension("executed"), ends_read ? "no" : "unknown");
    }
    EXPECT_EQ(next.handled, 0);
}

TEST_F(GuardTest, AtTheEndNobodyWaitsForTheHistory) {
    table.set_history(Table::History::unread);
    const auto waiting = begin(payment("a"));
    EXPECT_FALSE(*waiting);
    table.stop_waiting();
    for (int i = 0; i < 10; ++i)
        turn();
    ASSERT_TRUE(*waiting);
    EXPECT_EQ((*waiting)->extension("executed"), "unknown");
    EXPECT_EQ(next.handled, 0);
}

TEST_F(GuardThatWaitsTest, WaitsNoLongerIfAnotherOneBecomesTheFirstMeanwhile) {
    wait_for(600ms);
    next.held = true;
    next.make_reply = answer_of(Executed::no, "{}", false, outcome::RequestOutcome::client_closed());
    const auto first = begin(payment("a"), "first");
    const auto second = begin(payment("a"), "second");
    const auto third = begin(payment("a"), "third");
    turn_for(400ms);
    next.make_reply = answer_of(Executed::yes, "paid");
    next.gate.set(); // one of the two claims it, and is held
    turn_for(350ms);
    EXPECT_TRUE(*first);
    const bool one_waited_too_long = (*second && (*second)->code() == "OUTCOME_UNKNOWN") ||
                                     (*third && (*third)->code() == "OUTCOME_UNKNOWN");
    EXPECT_TRUE(one_waited_too_long);
    release();
}

} // namespace
} // namespace bearerd::transaction
