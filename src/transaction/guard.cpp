#include <bearerd/transaction/guard.hpp>

#include "guarded_body.hpp"

#include <bearerd/base/clock.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/base/mask.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/http/kept_head.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/wait_until.hpp>
#include <bearerd/server/own_reply.hpp>
#include <bearerd/transaction/fleet_claims.hpp>
#include <bearerd/transaction/request_view.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace bearerd::transaction {
namespace {

using outcome::ErrorCode;
using outcome::Executed;
using server::Reply;
using Kind = Decision::Kind;
using namespace std::chrono_literals;

/// How often a waiting request checks whether its app is still there.
constexpr Duration look_every = 500ms;
/// How long a request waits until the table is complete: as long as one waits for its line in the journal.
constexpr Duration longest_wait_for_journal = 2s;

constexpr std::string_view replayed_field = "Idempotent-Replayed: true\r\n";

constexpr std::string_view doubled_sentence = "The till sent the same transaction twice in one request, so "
                                              "nothing in it was executed; please send it once.";
constexpr std::string_view joined_too_long_sentence =
    "This transaction is still being executed by an earlier request with the same reference; please send it "
    "again with that reference to learn what became of it.";
constexpr std::string_view store_away_sentence =
    "The store that the replicas of bearerd share can't be reached, so this request was not sent; whether an "
    "earlier one with the same reference was executed is not known. Please send it again a little later with "
    "the same reference.";

constexpr std::string_view shutting_down_sentence =
    "The connection service is stopping, so this request was not sent; whether an earlier one with the same "
    "reference was executed is not known. Please send it again in a moment with the same reference.";
constexpr std::string_view journal_away_sentence =
    "The journal of earlier requests is not at hand yet, so this request was not sent; whether an earlier "
    "one with the same reference was executed is not known. Please send it again a little later with the "
    "same reference.";
constexpr std::string_view journal_closed_sentence =
    "This till's connection service can't write its journal, so this request was not sent and nothing was "
    "executed; check that the disk is not full and works, then try again.";
constexpr std::string_view full_sentence =
    "There is no room to remember another transaction, so this request was not sent; whether another replica "
    "of bearerd has executed an earlier one with the same reference is not known. Please send it again a "
    "little later with the same reference.";

// Reasons, for the log (contract 9).
constexpr std::string_view unknown_reason = "a repeat of a transaction whose outcome is unknown";
constexpr std::string_view executed_reason = "a repeat of an executed transaction";

/// Wakes a request on its own thread.
class ThreadWaiter final : public Waiter, public std::enable_shared_from_this<ThreadWaiter> {
public:
    explicit ThreadWaiter(net::Executor executor) : executor_{std::move(executor)} {}

    void wake() noexcept override {
        try {
            net::asio::post(executor_, [self = shared_from_this()] {
                if (self->event != nullptr)
                    self->event->set();
            });
        } catch (const std::exception&) { // no memory: the request looks by itself in a moment
        }
    }

    net::Event* event = nullptr; ///< the thread's own

private:
    net::Executor executor_;
};

/// Makes the waiter set the event, as long as both live.
class EventOf {
public:
    EventOf(ThreadWaiter& waiter, net::Event& event) noexcept : waiter_{waiter} { waiter_.event = &event; }

    EventOf(const EventOf&) = delete;
    EventOf& operator=(const EventOf&) = delete;

    ~EventOf() { waiter_.event = nullptr; }

private:
    ThreadWaiter& waiter_;
};

/// Checks the app's connection once per request, as the next handler does too.
class WatchedOnce final : public server::AppWatcher {
public:
    explicit WatchedOnce(server::AppWatcher& inner) noexcept : inner_{inner} {}

    /// If it was noted already, the next handler asks some time later, so the present state counts.
    [[nodiscard]] bool note_end() noexcept override {
        gone_ = gone_ || (std::exchange(noted_, true) ? inner_.is_gone() : inner_.note_end());
        return gone_;
    }

    [[nodiscard]] bool is_gone() noexcept override { return gone_ || inner_.is_gone(); }

    [[nodiscard]] server::SendGate* gate() noexcept override { return gate_; }

    void set_gate(server::SendGate* gate) noexcept { gate_ = gate; }

private:
    server::AppWatcher& inner_;
    server::SendGate* gate_ = nullptr;
    bool noted_ = false;
    bool gone_ = false;
};

/// What the journal and the background look-ups need to know about a request.
struct Subject {
    Events::Fields fields;
    std::uint32_t account = 0;
    std::string request_id;
};

/// A claim that is settled as unknown unless another outcome is given. Unknown ones are reported, so that
/// they are looked up in the background.
class LocalClaim {
public:
    /// Holds nothing yet: it is made before the claim, so that nothing can fail in between.
    LocalClaim(Table& table, const Events& events, Subject subject) noexcept
        : table_{table}, events_{events}, subject_{std::move(subject)} {}

    LocalClaim(const LocalClaim&) = delete;
    LocalClaim& operator=(const LocalClaim&) = delete;

    ~LocalClaim() { settle({}); }

    void hold(RecordPtr record) noexcept { record_ = std::move(record); }

    /// Gives up the record, whose claim is decided elsewhere.
    [[nodiscard]] RecordPtr release() noexcept { return std::exchange(record_, nullptr); }

    void settle(Settlement how) noexcept {
        const RecordPtr record = std::exchange(record_, nullptr);
        if (record == nullptr)
            return;
        const bool unknown = how.executed == Executed::unknown;
        table_.settle(record, std::move(how), BootClock::now());
        if (!unknown || !events_.left_unknown)
            return;
        try {
            events_.left_unknown(std::move(subject_.fields), subject_.account,
                                 std::move(subject_.request_id));
        } catch (const std::exception&) { // no memory: a repeat looks it up, or a restart
        }
    }

private:
    Table& table_;
    const Events& events_;
    Subject subject_;
    RecordPtr record_;
};

/// Reports that the app of a repeat has learnt that its transaction was executed, once all of the reply has
/// been written.
class HeardByRepeat final : public server::Delivery {
public:
    HeardByRepeat(const Events& events, Subject subject, bool joined) noexcept
        : events_{events}, subject_{std::move(subject)}, joined_{joined} {}

    void ended(bool whole) noexcept override {
        if (!whole)
            return;
        try {
            events_.heard(std::move(subject_.fields), subject_.account, joined_);
        } catch (const std::exception&) { // no memory: it stays unheard, and the next repeat says so again
        }
    }

private:
    const Events& events_;
    Subject subject_;
    bool joined_;
};

/// A look-up that ends without a result unless end() gives one.
class LookUp {
public:
    LookUp(Table& table, RecordPtr record) noexcept : table_{table}, record_{std::move(record)} {}

    LookUp(const LookUp&) = delete;
    LookUp& operator=(const LookUp&) = delete;

    ~LookUp() { end({}); }

    void end(LookUpResult result) noexcept {
        if (const RecordPtr record = std::exchange(record_, nullptr))
            table_.looked_up(record, std::move(result), BootClock::now());
    }

private:
    Table& table_;
    RecordPtr record_;
};

/// A record that the table calls the first one, until it is known whether another replica has sent it. Unless
/// it is released, this request sends nothing, and `seen` is what is known of another replica's request.
class Undecided {
public:
    /// Holds nothing yet.
    explicit Undecided(Table& table) noexcept : table_{table} {}

    Undecided(const Undecided&) = delete;
    Undecided& operator=(const Undecided&) = delete;

    ~Undecided() {
        if (record_ != nullptr)
            table_.release(record_, std::move(seen), BootClock::now());
    }

    /// `owner`: of another replica's request, if one is known.
    void hold(RecordPtr record, std::string owner) noexcept {
        record_ = std::move(record);
        seen = {};
        seen.owner = std::move(owner);
    }

    /// Gives up the record, which is decided.
    [[nodiscard]] RecordPtr release() noexcept { return std::exchange(record_, nullptr); }

    /// Another replica has sent it: returns what happens to this request.
    [[nodiscard]] Decision take_over(Elsewhere elsewhere) {
        seen = std::move(elsewhere);
        Decision decision = table_.take_over(record_, seen, BootClock::now());
        record_ = nullptr;
        return decision;
    }

    [[nodiscard]] const RecordPtr& record() const noexcept { return record_; }

    Elsewhere seen{};

private:
    Table& table_;
    RecordPtr record_;
};

/// How a wait for the first one, or for the journal, has ended.
struct Waited {
    enum class End : std::uint8_t { woken, app_gone, too_long };
    End end = End::woken;
    Decision decision{}; ///< woken
};

std::string masked_id(std::string_view request_id) {
    std::string scratch;
    return std::string{masked(request_id, scratch)};
}

AnswerPtr answer_of(std::string_view head, std::string body, const server::Report& report) {
    auto answer = std::make_shared<Answer>();
    answer->head = http::head_to_keep(head);
    answer->body = std::move(body);
    answer->executed = report.executed;
    answer->status = report.status;
    answer->outcome = report.outcome;
    return answer;
}

Settlement settlement_of(const server::Report& report, AnswerPtr answer) {
    Settlement how;
    how.executed = report.executed_here();
    how.nothing_ran = report.nothing_ran;
    how.app_left = report.outcome == outcome::RequestOutcome::client_closed();
    how.keep_answer = report.outcome.is_answer(); // an error of our own is no answer to keep
    how.answer = std::move(answer);
    return how;
}

} // namespace

/// One request that may be a repeat. Lives in the frame of Guard::guarded(), which is separate from handle()
/// so that requests that concern no rule pay for no frame.
class Guard::GuardedRequest {
public:
    GuardedRequest(Guard& guard, const server::Request& request)
        : guard_{guard},
          request_{request},
          app_{request.app},
          view_{request_view(request)},
          request_id_{masked_id(request.context.request_id)} {}

    /// Reads its transactions. Returns false if it concerns no rule.
    [[nodiscard]] bool read();
    /// Call it after read().
    [[nodiscard]] net::Task<Reply> run();

private:
    void note_unguarded() const;
    [[nodiscard]] net::Task<Waited> wait(std::shared_ptr<ThreadWaiter> waiter, Kind what);
    [[nodiscard]] net::Task<std::optional<FleetAnswer>> claim_in_fleet(Undecided& undecided,
                                                                       const Decision& decision);
    [[nodiscard]] net::Task<std::optional<FleetAnswer>> poll_fleet(Elsewhere& seen);
    [[nodiscard]] net::Task<std::optional<Reply>> forward(std::shared_ptr<LocalClaim> claim,
                                                          SharedClaim* shared);
    [[nodiscard]] Reply refuse(const FleetAnswer& answer);
    [[nodiscard]] Reply refuse_doubled();
    [[nodiscard]] TimePoint end_of_wait();
    [[nodiscard]] TimePoint end_of_wait_for_journal();
    [[nodiscard]] net::Task<Reply> look_up(Decision decision, LookUp& claim);
    [[nodiscard]] Reply reply_by(const Decision& decision);
    [[nodiscard]] Reply reply_too_long(std::string_view first_request_id);
    [[nodiscard]] Reply replay(const AnswerPtr& answer);
    [[nodiscard]] std::optional<std::string> decoded_for(const Answer& answer) const;
    [[nodiscard]] Reply error(const server::ErrorReply& what, std::string_view reason);
    [[nodiscard]] Reply gone();
    [[nodiscard]] server::Report report() const;

    void count(Repeat repeat) noexcept { guard_.stats_.repeats[repeat].add(); }

    [[nodiscard]] Subject subject() const;
    void hear_when_written(Reply& reply) const;

    Guard& guard_;
    const server::Request& request_;
    WatchedOnce app_;
    graphql::RequestView view_;
    std::string request_id_; ///< for log, journal, table and fleet, so without what could be a card number
    std::vector<std::string_view> header_keys_;
    Reading reading_;
    bool joined_ = false;                 ///< it has waited for a first one
    TimePoint end_of_wait_{};             ///< set when the first wait begins
    TimePoint end_of_wait_for_journal_{}; ///< likewise
};

// NOLINTNEXTLINE(readability-function-size): one parameter for each thing that outlives it
Guard::Guard(server::Handler& next, Table& table, const Identifier& identifier,
             const config::Settings& settings, reconcile::Reconciler* reconciler, net::Executor executor,
             net::DeadlineClock& clock, Stats& stats, const Events& events, FleetClaims* fleet)
    : next_{next},
      table_{table},
      identifier_{identifier},
      reconciler_{reconciler},
      executor_{std::move(executor)},
      clock_{clock},
      stats_{stats},
      events_{events},
      fleet_{fleet},
      account_{journal::account_of(settings)},
      login_field_{settings.auth.login_field},
      always_200_{settings.errors.always_200},
      // The first one may log in and be sent twice.
      longest_wait_{2 * (settings.auth.login_timeout + settings.upstream.connect_timeout +
                         settings.upstream.response_timeout) +
                    settings.transactions.look_up_for} {
    for (const config::TransactionRule& rule : settings.transactions.rules)
        arguments_.push_back(rule.key);
}

Events::Fields Guard::journal_fields(const std::vector<graphql::RootField>& fields) const {
    Events::Fields all;
    for (const graphql::RootField& field : fields)
        all.push_back({field.name, field.rule ? arguments_[*field.rule] : std::string{}, field.key});
    return all;
}

net::Task<Reply> Guard::handle(server::Request request) {
    if (!identifier_.may_concern(request.body))
        return next_.handle(request);
    return guarded(request);
}

net::Task<Reply> Guard::guarded(server::Request request) {
    GuardedRequest steps{*this, request};
    if (!steps.read()) {
        Reply reply = co_await next_.handle(request);
        co_return reply;
    }
    Reply reply = co_await steps.run();
    co_return reply;
}

bool Guard::GuardedRequest::read() {
    header_keys_ = guard_.identifier_.key_headers().keys(request_.head);
    auto reading = guard_.identifier_.read(view_, header_keys_);
    if (!reading) {
        note_unguarded();
        return false;
    }
    reading_ = std::move(*reading);
    return true;
}

net::Task<Reply> Guard::GuardedRequest::run() {
    using State = FleetAnswer::State;
    if (reading_.doubled)
        co_return refuse_doubled();
    const auto waiter = std::make_shared<ThreadWaiter>(guard_.executor_);
    auto claim = std::make_shared<LocalClaim>(guard_.table_, guard_.events_, subject());
    while (true) {
        // Claim it here, or wait for the request that has claimed it, or for the journal.
        Decision decision = guard_.table_.claim(reading_, request_id_, wall_ms(), BootClock::now(), waiter);
        if (decision.kind == Kind::wait ||
            (decision.kind == Kind::wait_for_journal && BootClock::now() < end_of_wait_for_journal())) {
            Waited waited = co_await wait(waiter, decision.kind);
            if (waited.end == Waited::End::app_gone)
                co_return gone();
            if (waited.end == Waited::End::too_long && decision.kind == Kind::wait)
                co_return reply_too_long(decision.first_request_id);
            if (waited.end == Waited::End::too_long)
                continue; // the table says what is known of the journal by now
            decision = std::move(waited.decision);
        }
        if (decision.kind == Kind::again)
            continue;
        // No other request of this process has it: claim it in the fleet too.
        Undecided undecided{guard_.table_};
        std::optional<FleetAnswer> answer;
        std::shared_ptr<SharedClaim> shared;
        if (decision.kind == Kind::ask_fleet || (decision.kind == Kind::first && guard_.fleet_ != nullptr)) {
            undecided.hold(std::move(decision.record), std::move(decision.other_owner));
            answer = co_await claim_in_fleet(undecided, decision);
            if (!answer)
                co_return gone();
            shared = answer->claim;
            if (shared != nullptr)
                decision.record = undecided.release();
        }
        // It is the first one: forward it, unless another replica turns out to have sent it before.
        if (shared != nullptr || (decision.kind == Kind::first && !answer)) {
            claim->hold(std::move(decision.record));
            auto reply = co_await forward(claim, shared.get());
            if (reply)
                co_return std::move(*reply);
            undecided.hold(claim->release(), {});
            answer = *shared->why_closed();
            if (answer->state != State::key_reused)
                undecided.seen = answer->elsewhere;
            if (answer->state == State::in_flight)
                continue; // it is waited for
        }
        // Another replica has it, or may have it.
        if (answer && answer->state != State::sent)
            co_return refuse(*answer);
        if (answer)
            decision = undecided.take_over(std::move(answer->elsewhere));
        if (decision.kind != Kind::look_up)
            co_return reply_by(decision);
        LookUp asked{guard_.table_, std::move(decision.record)}; // before anything can fail
        Reply reply = co_await look_up(std::move(decision), asked);
        co_return reply;
    }
}

/// So that the operator learns why a repeat of it would be executed.
void Guard::GuardedRequest::note_unguarded() const {
    if (!view_.is_get && guard_.identifier_.names_guarded(request_.body) &&
        graphql::classify(view_, guard_.login_field_).may_mutate() &&
        guard_.identifier_.may_miss(view_, header_keys_) && guard_.unguarded_lines_.is_due(BootClock::now()))
        log::warning("a mutation is not guarded, since the key of its transaction can't be read",
                     {{"request_id", std::string_view{request_id_}}});
}

/// Waits for the first one of the transaction, or for the journal of former processes, as `what` says.
net::Task<Waited> Guard::GuardedRequest::wait(std::shared_ptr<ThreadWaiter> waiter, Kind what) {
    const bool for_first = what == Kind::wait;
    joined_ = joined_ || for_first;
    const TimePoint until = for_first ? end_of_wait() : end_of_wait_for_journal();
    net::Event event{guard_.executor_};
    const EventOf listening{*waiter, event};
    for (bool app_gone = app_.note_end(); !app_gone; app_gone = app_.is_gone()) {
        if (BootClock::now() >= until)
            co_return Waited{Waited::End::too_long};
        co_await net::wait_until(event, guard_.clock_, std::min(BootClock::now() + look_every, until));
        auto decision = guard_.table_.decision_of(*waiter);
        if (!decision)
            continue;
        // A request whose app is gone claims nothing: its mutation would be sent for nobody.
        if (decision->kind == Kind::again && app_.is_gone())
            break;
        co_return Waited{Waited::End::woken, std::move(*decision)};
    }
    co_return Waited{Waited::End::app_gone};
}

/// Asks the fleet's store whether the request, which is the first one in this process, is the first one of
/// all replicas; if so, the table learns the claim. Waits as long as another replica's request is in flight;
/// the answer is in_flight if that took too long, and nullopt if the app is gone.
net::Task<std::optional<FleetAnswer>> Guard::GuardedRequest::claim_in_fleet(Undecided& undecided,
                                                                            const Decision& decision) {
    undecided.seen.request_id = decision.first_request_id;
    std::string request_id = request_id_; // nothing can fail between the claim and the table
    const std::string known = decision.replaces ? undecided.seen.owner : std::string{};
    auto answer = co_await poll_fleet(undecided.seen);
    const bool claimed = answer && answer->claim != nullptr;
    const std::string& owner = answer ? answer->elsewhere.owner : undecided.seen.owner;
    if (decision.replaces && !claimed && owner == known) { // nothing has changed there
        undecided.seen.owner = known;
        undecided.seen.request_id = decision.first_request_id;
        if (answer) {
            answer->state = FleetAnswer::State::key_reused;
            answer->elsewhere.request_id = decision.first_request_id;
        }
        co_return answer;
    }
    if (decision.replaces)
        guard_.table_.adopt(undecided.record(), reading_);
    if (claimed)
        guard_.table_.share(undecided.record(), answer->claim, std::move(request_id), wall_ms());
    co_return answer;
}

/// Asks the store, again and again as long as another replica's request is in flight. Returns the same as
/// claim_in_fleet(). `seen`: what is known of another replica's request, before and afterwards.
net::Task<std::optional<FleetAnswer>> Guard::GuardedRequest::poll_fleet(Elsewhere& seen) {
    using State = FleetAnswer::State;
    FleetAnswer answer;
    if (guard_.fleet_ == nullptr) { // it was switched off
        answer.state = State::sent;
        answer.elsewhere = seen;
        co_return answer;
    }
    const SharedRequestPtr shared = guard_.fleet_->prepare(view_, reading_, request_id_, wall_ms());
    for (std::size_t attempt = 0;; ++attempt) {
        auto claiming = guard_.fleet_->claim(shared, seen);
        answer = co_await std::move(claiming);
        if (answer.state != State::in_flight)
            break;
        seen = std::move(answer.elsewhere);
        joined_ = true;
        const bool app_gone = attempt == 0 ? app_.note_end() : app_.is_gone();
        if (app_gone)
            co_return std::nullopt;
        if (BootClock::now() >= end_of_wait()) {
            answer.elsewhere = seen;
            break;
        }
        net::Event event{guard_.executor_};
        const TimePoint next = BootClock::now() + guard_.fleet_->pause_before(attempt);
        co_await net::wait_until(event, guard_.clock_, std::min(next, end_of_wait()));
    }
    if (answer.state == State::key_reused)
        seen = {}; // it is another transaction
    co_return answer;
}

/// Forwards the first one of its transactions; its outcome settles `claim`. Returns nullopt if another
/// replica has sent it before this one did: then `shared`, its claim in the fleet, says why its gate is
/// closed.
net::Task<std::optional<Reply>> Guard::GuardedRequest::forward(std::shared_ptr<LocalClaim> claim,
                                                               SharedClaim* shared) {
    app_.set_gate(shared);
    const server::Request forwarded{request_.head, request_.target, request_.body, request_.context, app_};
    Reply reply = co_await guard_.next_.handle(forwarded);
    app_.set_gate(nullptr);
    if (shared != nullptr && shared->why_closed() != nullptr)
        co_return std::nullopt;
    auto done = [claim, head = std::string{reply.head}](const server::Report& how,
                                                        std::optional<std::string> body) {
        claim->settle(settlement_of(how, body ? answer_of(head, std::move(*body), how) : AnswerPtr{}));
    };
    if (auto* const source = std::get_if<std::unique_ptr<server::BodySource>>(&reply.body))
        reply.body = std::make_unique<GuardedBody>(std::move(*source), std::move(done));
    else if (!reply.head.empty())
        done(reply.report, std::string{server::whole_body(reply)});
    // Without a head it is no reply: the session says that the outcome is unknown, and so does the claim's
    // end.
    co_return reply;
}

/// The store does not let this request go on, which has sent nothing, and no outcome is known that it could
/// be answered with.
Reply Guard::GuardedRequest::refuse(const FleetAnswer& answer) {
    using State = FleetAnswer::State;
    if (answer.state == State::no_answer) {
        const bool stops = guard_.fleet_->is_stopping();
        server::ErrorReply what =
            server::error_reply(stops ? ErrorCode::shutting_down : ErrorCode::overloaded);
        what.executed = Executed::unknown; // another replica may have sent it
        what.sentence = stops ? shutting_down_sentence : store_away_sentence;
        return error(what, stops ? "bearerd is stopping" : "the fleet's store can't be reached");
    }
    if (answer.state == State::in_flight)
        return reply_too_long(answer.elsewhere.request_id);
    Decision refusal;
    refusal.kind = Kind::key_reused;
    refusal.first_request_id = answer.elsewhere.request_id;
    return reply_by(refusal);
}

Reply Guard::GuardedRequest::refuse_doubled() {
    count(Repeat::key_reused);
    server::ErrorReply what = server::error_reply(ErrorCode::key_reused);
    what.sentence = doubled_sentence;
    return error(what, "the same transaction twice in one request");
}

/// All waits for first ones end then, here and in the fleet.
TimePoint Guard::GuardedRequest::end_of_wait() {
    if (end_of_wait_ == TimePoint{})
        end_of_wait_ = BootClock::now() + guard_.longest_wait_;
    return end_of_wait_;
}

TimePoint Guard::GuardedRequest::end_of_wait_for_journal() {
    if (end_of_wait_for_journal_ == TimePoint{})
        end_of_wait_for_journal_ = BootClock::now() + longest_wait_for_journal;
    return end_of_wait_for_journal_;
}

/// Looks the first one up at the upstream, for this request and for those that wait with it.
net::Task<Reply> Guard::GuardedRequest::look_up(Decision decision, LookUp& claim) {
    static_cast<void>(app_.note_end());
    reconcile::Answer answer;
    bool asked = false;
    if (guard_.reconciler_ != nullptr && guard_.reconciler_->plan().can_ask(reading_.fields)) {
        asked = true;
        std::string id{request_.context.request_id};
        auto fields = reading_.fields;
        answer = co_await guard_.reconciler_->ask_all(std::move(fields), std::move(id));
        guard_.stats_.reconciliations[answer.result].add();
    }
    const bool found = asked && answer.result == Finding::found;
    server::ErrorReply what =
        server::error_reply(decision.executed ? ErrorCode::already_executed : ErrorCode::outcome_unknown);
    what.first_request_id = decision.first_request_id;
    if (found) {
        what.executed = Executed::yes;
        what.reconciled = answer.found;
    } else if (!decision.executed && asked && answer.result == Finding::not_found) {
        what.reconciled = "null"; // never "no": it may still be under way
    }
    count(decision.executed ? Repeat::already_executed : Repeat::unknown);
    Reply reply = error(what, found || decision.executed ? executed_reason : unknown_reason);
    LookUpResult result;
    result.conclusive = !asked || found || answer.result == Finding::not_found;
    if (found)
        result.found = answer.found;
    result.answer = answer_of(reply.head, std::string{server::whole_body(reply)}, reply.report);
    claim.end(std::move(result));
    if (found && !decision.executed && guard_.events_.found)
        guard_.events_.found(guard_.journal_fields(reading_.fields), guard_.account_);
    if (found || decision.executed)
        hear_when_written(reply);
    co_return reply;
}

Reply Guard::GuardedRequest::reply_by(const Decision& decision) {
    if (decision.kind == Kind::replay) {
        count(joined_ ? Repeat::joined : Repeat::replayed);
        return replay(decision.answer);
    }
    server::ErrorReply what = server::error_reply(ErrorCode::overloaded);
    std::string_view reason = "no room to remember another transaction";
    if (decision.kind == Kind::key_reused) {
        count(Repeat::key_reused);
        what = server::error_reply(ErrorCode::key_reused);
        reason = "the key of an earlier transaction with other values";
    } else if (decision.kind == Kind::already_executed) {
        count(Repeat::already_executed);
        what = server::error_reply(ErrorCode::already_executed);
        reason = executed_reason;
    } else if (decision.kind == Kind::unknown) {
        count(Repeat::unknown);
        what = server::error_reply(ErrorCode::outcome_unknown);
        reason = unknown_reason;
    }
    // It has waited for the journal, or there is no point in it.
    const bool no_history = decision.kind == Kind::wait_for_journal || decision.kind == Kind::no_history;
    if (no_history)
        reason = decision.not_sent_before ? "the journal is not open for writing"
                                          : "the journal of earlier requests has not been read";
    if (decision.kind == Kind::full && guard_.fleet_ != nullptr) {
        what.executed = Executed::unknown; // the other replicas were not asked
        what.sentence = full_sentence;
    } else if (no_history && (!decision.not_sent_before || guard_.fleet_ != nullptr)) {
        what.executed = Executed::unknown; // a former process may have sent it, or another replica
        what.sentence = journal_away_sentence;
    } else if (no_history) {
        what.sentence = journal_closed_sentence;
    }
    what.first_request_id = decision.first_request_id;
    if (!decision.reconciled.empty())
        what.reconciled = decision.reconciled;
    Reply reply = error(what, reason);
    if (decision.kind == Kind::already_executed)
        hear_when_written(reply);
    return reply;
}

/// Returns the reply to a request that has waited for the first one for as long as it may.
Reply Guard::GuardedRequest::reply_too_long(std::string_view first_request_id) {
    count(Repeat::unknown);
    server::ErrorReply what = server::error_reply(ErrorCode::outcome_unknown);
    what.sentence = joined_too_long_sentence;
    what.first_request_id = first_request_id;
    return error(what, "a repeat of a transaction that is still being executed");
}

Reply Guard::GuardedRequest::replay(const AnswerPtr& answer) {
    Reply reply;
    reply.report = report();
    reply.report.status = answer->status;
    reply.report.outcome = answer->outcome;
    reply.report.executed = answer->executed;
    if (!reply.report.outcome.is_answer())
        reply.report.detail = "the same error as for the request that it repeats";
    if (auto plain = decoded_for(*answer)) {
        reply.report.bytes_out = plain->size();
        http::append_kept_head(reply.head, http::without_coding(answer->head), request_.context,
                               replayed_field, plain->size());
        reply.body = std::move(*plain);
    } else {
        reply.report.bytes_out = answer->body.size();
        http::append_kept_head(reply.head, answer->head, request_.context, replayed_field,
                               answer->body.size());
        auto owner = std::make_unique<AnswerPtr>(answer);
        reply.body = server::BorrowedBody{
            answer->body, server::BorrowedBody::Owner{owner.release(), [](void* kept) noexcept {
                                                          delete static_cast<AnswerPtr*>(kept);
                                                      }}};
    }
    if (!request_.context.keep_alive)
        reply.after = server::AfterReply::close;
    if (answer->executed == Executed::yes)
        hear_when_written(reply);
    return reply;
}

/// Returns the decoded body if this app does not accept its coding, whatever the first one accepted.
std::optional<std::string> Guard::GuardedRequest::decoded_for(const Answer& answer) const {
    const std::string_view coding = http::kept_coding(answer.head);
    if (coding.empty())
        return std::nullopt;
    if (http::accepts_coding(request_.head.fields.combined(http::FieldId::accept_encoding), coding))
        return std::nullopt;
    std::string scratch;
    const auto plain = http::decoded_for_inspection(coding, answer.body, scratch);
    return plain ? std::optional{std::string{*plain}} : std::nullopt;
}

/// `reason`: for the log; it names no key and no secret.
Reply Guard::GuardedRequest::error(const server::ErrorReply& what, std::string_view reason) {
    server::Report known = report();
    known.detail = reason;
    return server::render(what, request_.context, request_.head.fields.value(http::FieldId::accept),
                          guard_.always_200_, std::move(known));
}

/// Returns the reply to an app that has left while its request waited; the first request, if there is one,
/// continues.
Reply Guard::GuardedRequest::gone() {
    Reply reply = error(server::error_reply(ErrorCode::outcome_unknown),
                        "the app closed its connection while its request waited");
    reply.report.outcome = outcome::RequestOutcome::client_closed();
    reply.after = server::AfterReply::close;
    return reply;
}

server::Report Guard::GuardedRequest::report() const {
    const graphql::Operation operation = graphql::classify(view_, guard_.login_field_);
    server::Report report;
    report.kind = operation.kind;
    report.name = operation.name;
    return report;
}

Subject Guard::GuardedRequest::subject() const {
    return {guard_.journal_fields(reading_.fields), guard_.account_, request_id_};
}

/// Called for a reply that says that the transaction was executed.
void Guard::GuardedRequest::hear_when_written(Reply& reply) const {
    if (guard_.events_.heard)
        reply.delivery = std::make_unique<HeardByRepeat>(guard_.events_, subject(), joined_);
}

} // namespace bearerd::transaction
