#include <bearerd/proxy/forwarder.hpp>

#include <bearerd/auth/authorized_exchange.hpp>
#include <bearerd/base/cause.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/http/kept_head.hpp>
#include <bearerd/http/trace.hpp>
#include <bearerd/server/own_reply.hpp>
#include <bearerd/transaction/request_view.hpp>

#include "answer_judge.hpp"
#include "decision.hpp"
#include "held_answer.hpp"
#include "open_entry.hpp"
#include "streamed_answer.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace bearerd::proxy {
namespace {

using graphql::Verdict;
using http::FieldId;
using outcome::ErrorCode;
using outcome::Executed;
using server::ErrorReply;
using server::Reply;

/// A refused mutation's stream that stays open is read for this long: more of it might show something that
/// was done.
constexpr Duration refused_stream_time = std::chrono::seconds{1};

constexpr std::string_view intent_not_recorded =
    "This till's connection service could not write down in its journal that this transaction is about to be "
    "sent, so nothing was executed; check that the disk is not full and works, then try again.";

constexpr std::string_view guard_has_begun = "The configuration of this till's connection service has just "
                                             "changed, so nothing was executed; try again.";

constexpr std::string_view app_left =
    "This till closed its connection before its request was sent, so nothing was executed; it can be sent "
    "again.";

/// The reason in the request's log line if a rejection is passed on.
constexpr std::string_view permission_missing =
    "rejected, and another login would not help: the token is new (auth.fresh_for), or the same was rejected "
    "after a login, so the account seems to lack a permission";

/// Added to the reason in the request's log line.
constexpr std::string_view shared_key = "; not looked up: two of its mutations have the same key";
constexpr std::string_view unread_key =
    "; not looked up: the keys that it has by transactions.rules can't be read";
constexpr std::string_view no_key = "; not looked up: the argument that is its key by transactions.rules is "
                                    "no string of 1 to 4096 bytes and no "
                                    "integer";

ErrorReply no_token_error(const auth::NoToken& missing) {
    ErrorReply error = server::error_reply(ErrorCode::login_unavailable);
    switch (missing.reason) {
    case auth::NoToken::Reason::login_rejected:
        error.code = ErrorCode::login_rejected;
        break;
    case auth::NoToken::Reason::login_unavailable:
        if (missing.cause != nullptr)
            error.sentence = missing.cause->sentence;
        break;
    case auth::NoToken::Reason::overloaded:
        error.code = ErrorCode::overloaded;
        break;
    case auth::NoToken::Reason::shutting_down:
        error.code = ErrorCode::shutting_down;
        break;
    }
    error.executed = Executed::no; // without a token nothing is executed, and a rejected request was not
    error.retry_after = missing.retry_after;
    return error;
}

bool is_open_stream(const upstream::Exchange& exchange) {
    return !exchange.complete() &&
           http::is_streaming_type(exchange.head().fields.value(FieldId::content_type));
}

std::unique_ptr<Reply> as_pointer(Reply reply) {
    return std::make_unique<Reply>(std::move(reply));
}

/// Lends an answer's body to the session until it is written; then the connection is released.
server::BorrowedBody borrow(upstream::ExchangePtr exchange) {
    const std::string_view body = exchange->body();
    constexpr auto release = [](void* lent) noexcept { static_cast<upstream::Exchange*>(lent)->release(); };
    return {body, {exchange.release(), release}};
}

} // namespace

ForwardPlan::ForwardPlan(const config::Settings& settings)
    : head{auth::upstream_head_plan(settings)},
      rules{auth::rejection_rules(settings)},
      login_field{settings.auth.login_field},
      inspect_limit{static_cast<std::size_t>(settings.auth.unauthorized.inspect_limit)},
      errors_always_200{settings.errors.always_200},
      pending_requests{settings.limits.pending_requests},
      response_timeout{settings.upstream.response_timeout},
      key_headers{settings.transactions.rules} {}

Forwarder::Forwarder(const ForwardPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
                     std::atomic<std::uint32_t>& pending, Stats& stats, reconcile::Reconciler* reconciler,
                     journal::JournalClient* journal)
    : plan_{plan},
      transport_{transport},
      tokens_{tokens},
      pending_{pending},
      stats_{stats},
      reconciler_{reconciler},
      journal_{journal} {}

/// The steps of one request; lives in the coroutine frame of Forwarder::handle, which shows their order. A
/// step that nearly always completes at once is no coroutine.
class Forwarder::ForwardedRequest final : private upstream::Requester {
public:
    ForwardedRequest(Forwarder& forwarder, const server::Request& request);
    ForwardedRequest(const ForwardedRequest&) = delete;
    ForwardedRequest& operator=(const ForwardedRequest&) = delete;
    ~ForwardedRequest() = default;

    /// The reply that ends the request, or null if the request continues. As a value it would make the frame
    /// of every request larger than the blocks for which the allocator has free lists (1 KiB).
    using End = std::unique_ptr<Reply>;

    /// Returns why the request may not be sent at all, if so.
    [[nodiscard]] std::optional<ErrorCode> refusal() const;

    /// From here on an app that leaves cancels a request that may move money. A query is cheap, so its app is
    /// checked only if the request has to wait. Returns false if the app is gone already.
    [[nodiscard]] bool begin_watching() noexcept;
    /// Looks for the app if the request has waited since the last look, and at the gate. Returns false if the
    /// request is called off.
    [[nodiscard]] bool look_around() noexcept;

    [[nodiscard]] bool take_token(TimePoint now) { return authorized_.take_token(now); }

    [[nodiscard]] net::Task<End> wait_for_token();

    [[nodiscard]] bool is_journaled() const noexcept;
    [[nodiscard]] bool has_to_ask_gate() const noexcept;
    /// Records the intent, then asks the gate, each if need be.
    [[nodiscard]] net::Task<End> prepare_to_send();

    /// Returns the request for the upstream; sent() wipes its head.
    [[nodiscard]] upstream::OutgoingRequest outgoing(TimePoint now);
    void sent(Duration took) noexcept;

    /// Takes token and throttling from the answer, and judges it.
    [[nodiscard]] Verdict look_at(upstream::Exchange& exchange);
    /// Each is called after an attempt that ended so.
    [[nodiscard]] net::Task<End> after_failure(const upstream::Failure& failure);
    [[nodiscard]] net::Task<End> after_rejection(upstream::ExchangePtr exchange);

    [[nodiscard]] Reply relay(upstream::ExchangePtr exchange, Verdict verdict);
    [[nodiscard]] Reply reply_refusal(ErrorCode code);
    /// The reply to a request that is called off before it was sent, or before it was sent again.
    [[nodiscard]] Reply reply_called_off();
    /// Returns no reply, but a report of what is known about the request; its outcome is unknown.
    [[nodiscard]] Reply reply_nothing() noexcept;

private:
    /// Whether the request is still to be sent, as far as that is known.
    enum class Wanted : std::uint8_t {
        app_not_watched,
        app_present,       ///< nothing has been waited for since it was last looked at
        app_may_have_left, ///< something has been waited for since
        app_gone,          ///< called off: nothing is sent for it any more
        withdrawn,         ///< called off by the gate: another replica has the same transaction
    };

    void watch_app() noexcept;
    void about_to_wait() noexcept override;
    [[nodiscard]] bool gone() noexcept override;
    void broke_off(const http::ResponseHead& head) override;
    void look_at_gate() noexcept;

    [[nodiscard]] bool is_called_off() const noexcept {
        return wanted_ == Wanted::app_gone || wanted_ == Wanted::withdrawn;
    }

    /// Decodes the body of an answer that has arrived whole, into looked_at_.
    void decode(const upstream::Exchange& exchange);
    [[nodiscard]] std::optional<std::string_view> looked_at() const noexcept;

    [[nodiscard]] std::uint64_t document() const { return graphql::document_hash(judge_.view()); }

    [[nodiscard]] net::Task<auth::Advice> ask_for_advice();
    [[nodiscard]] End follow(const auth::Advice& advice);

    /// `failure`: why the attempt failed, if that should be reported.
    [[nodiscard]] net::Task<End> reply_decision(Decision decision, const upstream::Failure* failure);
    [[nodiscard]] net::Task<End> reply_broken_rejection(std::string_view doubt);
    [[nodiscard]] net::Task<std::optional<reconcile::Answer>> reconcile();
    [[nodiscard]] bool names_a_rule() const;
    [[nodiscard]] Reply pass_on(HeldAnswer held);
    [[nodiscard]] Reply reply_gone();
    [[nodiscard]] Reply reply_withdrawn();
    [[nodiscard]] Reply reply_overloaded(std::string_view sentence, std::string_view detail);
    [[nodiscard]] Reply reply_error(const ErrorReply& error);
    [[nodiscard]] Reply render(ErrorReply error, const http::ReplyContext& context);
    void note_answer(std::uint16_t status, Verdict verdict, Executed executed);

    Forwarder& owner_;
    const server::Request& request_;
    server::InFlight in_flight_;
    AnswerJudge judge_;
    server::Report report_;
    OpenEntry entry_;
    /// The decoded body of the answer passed to look_at(), valid until the next wait: a view of that answer
    /// or of the forwarder's scratch memory.
    std::string_view looked_at_;
    /// Its last bytes are unused, and hold the members after it: the frame of handle() must not grow
    /// (frame_size_test).
    [[no_unique_address]] auth::AuthorizedExchange authorized_;
    Wanted wanted_ = Wanted::app_not_watched;
    bool is_decoded_ = false; ///< looked_at_ is there
    bool resent_stale_ = false;
};

net::Task<Reply> Forwarder::handle(server::Request request) {
    ForwardedRequest forwarded{*this, request};
    try {
        if (const auto refusal = forwarded.refusal())
            co_return forwarded.reply_refusal(*refusal);
        const bool wanted = forwarded.begin_watching();
        // An app that is gone already still gets its intent recorded: log and journal say `no` (contract 4).
        if (!wanted && !forwarded.is_journaled())
            co_return forwarded.reply_called_off();
        ForwardedRequest::End end;
        TimePoint begin = BootClock::now();
        if (wanted && !forwarded.take_token(begin)) {
            end = co_await forwarded.wait_for_token();
            if (end)
                co_return std::move(*end);
            begin = BootClock::now();
        }
        if (forwarded.is_journaled() || forwarded.has_to_ask_gate()) {
            end = co_await forwarded.prepare_to_send();
            if (end)
                co_return std::move(*end);
            begin = BootClock::now();
        }
        while (true) {
            if (!forwarded.look_around())
                co_return forwarded.reply_called_off();
            auto sending = transport_.send(forwarded.outgoing(begin));
            auto result = co_await std::move(sending);
            if (const auto* failure = std::get_if<upstream::Failure>(&result)) {
                forwarded.sent(BootClock::now() - begin);
                end = co_await forwarded.after_failure(*failure);
            } else {
                auto& exchange = std::get<upstream::ExchangePtr>(result);
                forwarded.sent(exchange->answered_at() - begin);
                const Verdict verdict = forwarded.look_at(*exchange);
                if (verdict != Verdict::rejected)
                    co_return forwarded.relay(std::move(exchange), verdict);
                end = co_await forwarded.after_rejection(std::move(exchange));
            }
            if (end)
                co_return std::move(*end);
            begin = BootClock::now();
        }
    } catch (...) { // out of memory or a bug
        co_return forwarded.reply_nothing();
    }
}

Forwarder::ForwardedRequest::ForwardedRequest(Forwarder& forwarder, const server::Request& request)
    : owner_{forwarder},
      request_{request},
      in_flight_{forwarder.pending_, forwarder.stats_.requests_in_flight},
      judge_{forwarder.plan_.rules, transaction::request_view(request), forwarder.plan_.login_field,
             forwarder.cache_},
      authorized_{forwarder.tokens_, forwarder.plan_.head} {
    report_.kind = judge_.operation().kind;
    report_.name = judge_.operation().name;
}

std::optional<ErrorCode> Forwarder::ForwardedRequest::refusal() const {
    if (in_flight_.count() > owner_.plan_.pending_requests)
        return ErrorCode::overloaded;
    // A link or an image can cause a GET; it must not move money (contract 2).
    if (judge_.view().is_get && judge_.may_be_mutation())
        return ErrorCode::method_not_allowed;
    return std::nullopt;
}

bool Forwarder::ForwardedRequest::begin_watching() noexcept {
    if (judge_.operation().may_mutate())
        watch_app();
    return !is_called_off();
}

void Forwarder::ForwardedRequest::watch_app() noexcept {
    if (wanted_ == Wanted::app_not_watched)
        wanted_ = request_.app.note_end() ? Wanted::app_gone : Wanted::app_present;
}

void Forwarder::ForwardedRequest::about_to_wait() noexcept {
    watch_app();
    if (wanted_ == Wanted::app_present)
        wanted_ = Wanted::app_may_have_left;
}

bool Forwarder::ForwardedRequest::gone() noexcept {
    look_at_gate();
    if (wanted_ == Wanted::app_may_have_left && request_.app.is_gone())
        wanted_ = Wanted::app_gone;
    return is_called_off();
}

/// Half an answer is none, but a new token in it is in force, and a status that rejects the token does so.
void Forwarder::ForwardedRequest::broke_off(const http::ResponseHead& head) {
    authorized_.adopt_token(head, judge_.operation().has_login);
    if (judge_.told_by_status(head.status))
        authorized_.rejected_in_doubt(document());
}

/// Calls the request off if its gate is closed.
void Forwarder::ForwardedRequest::look_at_gate() noexcept {
    server::SendGate* const gate = request_.app.gate();
    if (!is_called_off() && gate != nullptr && gate->check() == server::SendGate::State::closed)
        wanted_ = Wanted::withdrawn;
}

bool Forwarder::ForwardedRequest::has_to_ask_gate() const noexcept {
    server::SendGate* const gate = request_.app.gate();
    return gate != nullptr && gate->check() == server::SendGate::State::ask;
}

bool Forwarder::ForwardedRequest::look_around() noexcept {
    if (wanted_ == Wanted::app_may_have_left)
        wanted_ = request_.app.is_gone() ? Wanted::app_gone : Wanted::app_present;
    look_at_gate();
    return !is_called_off();
}

net::Task<Forwarder::ForwardedRequest::End> Forwarder::ForwardedRequest::wait_for_token() {
    about_to_wait();
    const auto missing = co_await authorized_.wait_for_token();
    if (missing)
        co_return as_pointer(reply_error(no_token_error(*missing)));
    co_return nullptr;
}

bool Forwarder::ForwardedRequest::is_journaled() const noexcept {
    return owner_.journal_ != nullptr && judge_.operation().may_mutate();
}

net::Task<Forwarder::ForwardedRequest::End> Forwarder::ForwardedRequest::prepare_to_send() {
    about_to_wait();
    if (is_journaled()) {
        journal::JournalClient& journal = *owner_.journal_;
        const auto keys = owner_.plan_.key_headers.keys(request_.head);
        auto entry = co_await journal.record_intent(judge_.view(), judge_.operation().name,
                                                    request_.context.request_id,
                                                    http::trace_id(request_.head.fields), keys);
        const bool may_be_sent = journal.may_be_sent(*entry);
        const bool superseded = entry->superseded;
        entry_ = OpenEntry{journal, std::move(entry)};
        if (is_called_off())
            co_return as_pointer(reply_called_off());
        if (superseded) // accepted before a reload changed what is guarded: the guard does not know it
            co_return as_pointer(reply_overloaded(guard_has_begun, "a reload has changed what is guarded"));
        if (!may_be_sent)
            co_return as_pointer(reply_overloaded(intent_not_recorded, "the journal can't be written"));
    }
    if (has_to_ask_gate())
        co_await request_.app.gate()->ask();
    co_return nullptr;
}

Reply Forwarder::ForwardedRequest::reply_overloaded(std::string_view sentence, std::string_view detail) {
    ErrorReply error = server::error_reply(ErrorCode::overloaded);
    error.sentence = sentence;
    report_.detail = detail;
    return reply_error(error);
}

upstream::OutgoingRequest Forwarder::ForwardedRequest::outgoing(TimePoint now) {
    const std::string codings =
        http::narrowed_accept_encoding(request_.head.fields.combined(FieldId::accept_encoding));
    const auto head = authorized_.head(request_.head, request_.target.query, codings,
                                       request_.context.request_id, request_.body.size());
    return {.head = head,
            .body = request_.body,
            .may_mutate = judge_.operation().may_mutate(),
            .new_connection = resent_stale_,
            .hold_limit = owner_.plan_.inspect_limit,
            .now = now,
            .requester = this};
}

void Forwarder::ForwardedRequest::sent(Duration took) noexcept {
    authorized_.sent();
    report_.upstream_time += took;
}

Verdict Forwarder::ForwardedRequest::look_at(upstream::Exchange& exchange) {
    owner_.stats_.upstream_duration.observe(exchange.response_time());
    authorized_.adopt_token(exchange.head(), judge_.operation().has_login);
    is_decoded_ = false;
    // A status says it without the body, which may be larger than what is held; then it is judged when whole.
    const http::ResponseHead& head = exchange.head();
    if (judge_.is_judged_by_its_start(head))
        return judge_.judge_stream_start(head, exchange.body(), owner_.scratch_);
    if (!exchange.complete())
        return judge_.told_by_status(head.status) ? Verdict::rejected : Verdict::ok;
    if (exchange.body().size() > owner_.plan_.inspect_limit && !judge_.told_by_status(head.status))
        return Verdict::ok;
    decode(exchange);
    const graphql::Judgement judgement = judge_.judge(head.status, looked_at_);
    if (judgement.throttle_available)
        owner_.stats_.throttle_available.set(static_cast<std::int64_t>(*judgement.throttle_available));
    // The app's own login is served without a token, so it proves nothing about ours.
    if (judgement.verdict == Verdict::ok && is_decoded_ && !judge_.operation().has_login &&
        graphql::shows_data(head.status, looked_at_) && authorized_.awaits_proof())
        authorized_.accepted(document());
    return judgement.verdict;
}

void Forwarder::ForwardedRequest::decode(const upstream::Exchange& exchange) {
    constexpr std::size_t most_kept = 64 * 1024; // from one answer to the next
    std::string& scratch = owner_.scratch_;
    if (scratch.capacity() > most_kept)
        std::string{}.swap(scratch);
    const auto decoded = http::decoded_for_inspection(
        exchange.head().fields.combined(FieldId::content_encoding), exchange.body(), scratch);
    is_decoded_ = decoded.has_value();
    looked_at_ = decoded.value_or(std::string_view{});
}

std::optional<std::string_view> Forwarder::ForwardedRequest::looked_at() const noexcept {
    return is_decoded_ ? std::optional{looked_at_} : std::nullopt;
}

net::Task<Forwarder::ForwardedRequest::End>
Forwarder::ForwardedRequest::after_failure(const upstream::Failure& failure) {
    if (is_called_off())
        co_return as_pointer(reply_called_off());
    const bool may_mutate = judge_.operation().may_mutate();
    const FailedAttempt attempt{failure.code, failure.stage, failure.reused, may_mutate, resent_stale_};
    const Decision decision = decide(attempt);
    if (decision.kind == Decision::Kind::resend) {
        resent_stale_ = true;
        ++report_.resends;
        owner_.stats_.resends[ResendReason::stale_connection].add();
        co_return nullptr;
    }
    report_.detail = failure.detail.empty() ? failure.code.message() : failure.detail;
    co_return co_await reply_decision(decision, &failure);
}

net::Task<Forwarder::ForwardedRequest::End>
Forwarder::ForwardedRequest::after_rejection(upstream::ExchangePtr exchange) {
    const bool open_stream = is_open_stream(*exchange);
    if (open_stream && !judge_.may_be_mutation()) {
        // A stream that can't move money and stays open after the refusal says nothing more. It is kept open
        // until it is known whether the app gets it: a login may use one connection beyond the limit.
        const auth::Advice advice = co_await ask_for_advice();
        if (advice.kind == auth::Advice::Kind::pass)
            co_return as_pointer(relay(std::move(exchange), Verdict::rejected));
        exchange.reset();
        co_return follow(advice);
    }
    Duration patience = owner_.plan_.response_timeout;
    if (open_stream)
        patience = std::min(patience, refused_stream_time);
    HeldAnswer held =
        co_await hold(std::move(exchange), patience, judge_, owner_.plan_.head, request_.context);
    if (held.judged.verdict != Verdict::rejected)
        co_return as_pointer(pass_on(std::move(held)));
    if (!held.judged.proven && judge_.operation().may_mutate()) {
        authorized_.rejected_in_doubt(document());
        co_return co_await reply_broken_rejection(held.judged.doubt);
    }
    const auth::Advice advice = co_await ask_for_advice();
    if (advice.kind != auth::Advice::Kind::pass)
        co_return follow(advice);
    if (!held.whole)
        co_return co_await reply_broken_rejection(held.judged.doubt);
    co_return as_pointer(pass_on(std::move(held)));
}

net::Task<auth::Advice> Forwarder::ForwardedRequest::ask_for_advice() {
    about_to_wait();
    return authorized_.rejected(document());
}

/// Returns the reply if the login has failed, or null to send again. `advice` must not be to pass the answer
/// on.
Forwarder::ForwardedRequest::End Forwarder::ForwardedRequest::follow(const auth::Advice& advice) {
    if (advice.kind == auth::Advice::Kind::fail)
        return as_pointer(reply_error(no_token_error(advice.failure)));
    ++report_.resends;
    owner_.stats_.resends[ResendReason::rejected].add();
    return nullptr;
}

Reply Forwarder::ForwardedRequest::relay(upstream::ExchangePtr exchange, Verdict verdict) {
    // The answer to a mutation must be passed on in any case.
    if (is_open_stream(*exchange) && !exchange->become_stream(judge_.may_be_mutation())) {
        exchange.reset(); // closes the connection, which would stay busy otherwise
        report_.detail = "streams hold half of upstream.max_connections already";
        return reply_error(server::error_reply(ErrorCode::overloaded));
    }
    const http::ResponseHead& head = exchange->head();
    if (!is_decoded_ && exchange->complete() && judge_.needs_body(verdict))
        decode(*exchange);
    note_answer(head.status, verdict, judge_.executed(head.status, looked_at(), verdict));
    report_.nothing_ran = judge_.ran_nothing(head.status, looked_at(), report_.executed);
    // What is larger is streamed, in the framing that it came in, whether all of it is there by chance or
    // not: to release the connection before the app has taken its answer is worth a copy of a small one only.
    const bool held = exchange->complete() && exchange->body().size() <= owner_.plan_.inspect_limit;
    const std::optional<std::uint64_t> length = held ? exchange->body().size() : head.content_length;
    Reply reply;
    reply.framing = http::framing_for(request_.context, head.status, length);
    http::append_app_head(reply.head, head, owner_.plan_.head, request_.context, reply.framing,
                          length.value_or(0));
    if (reply.framing == http::BodyFraming::until_close)
        reply.after = server::AfterReply::close;
    reply.in_flight = std::move(in_flight_);
    if (!held) {
        reply.report = report_;
        reply.body = std::make_unique<StreamedAnswer>(std::move(exchange), judge_, std::move(entry_),
                                                      std::move(report_), owner_.plan_.response_timeout);
        return reply;
    }
    reply.delivery = record_outcome_when_heard(entry_, report_, journal::Source::answer, request_.app);
    report_.bytes_out = exchange->body().size();
    reply.report = std::move(report_);
    if (reply.framing != http::BodyFraming::none)
        reply.body = borrow(std::move(exchange));
    return reply;
}

Reply Forwarder::ForwardedRequest::pass_on(HeldAnswer held) {
    note_answer(held.status, held.judged.verdict, held.judged.executed);
    report_.nothing_ran = held.judged.nothing_ran;
    Reply reply;
    reply.delivery = record_outcome_when_heard(entry_, report_, journal::Source::answer, request_.app);
    report_.bytes_out = held.body.size();
    // Not earlier: a shutdown may have begun during the login.
    http::append_kept_head(reply.head, held.head, request_.context, {}, held.body.size());
    reply.body = std::move(held.body);
    reply.report = std::move(report_);
    reply.in_flight = std::move(in_flight_);
    return reply;
}

Reply Forwarder::ForwardedRequest::reply_error(const ErrorReply& error) {
    Reply reply = render(error, request_.context);
    const bool looked_up = error.reconciled && error.executed == Executed::yes;
    const auto source = looked_up ? journal::Source::lookup : journal::Source::answer;
    reply.delivery = record_outcome_when_heard(entry_, reply.report, source, request_.app);
    return reply;
}

Reply Forwarder::ForwardedRequest::reply_refusal(ErrorCode code) {
    ErrorReply error = server::error_reply(code);
    if (code == ErrorCode::method_not_allowed)
        error.extra_fields = "Allow: POST\r\n";
    return reply_error(error);
}

Reply Forwarder::ForwardedRequest::reply_called_off() {
    return wanted_ == Wanted::withdrawn ? reply_withdrawn() : reply_gone();
}

/// A client that closed only its own direction can still read this reply.
Reply Forwarder::ForwardedRequest::reply_gone() {
    http::ReplyContext context = request_.context;
    context.keep_alive = false;
    ErrorReply error = server::error_reply(ErrorCode::upstream_unreachable);
    error.sentence = app_left;
    report_.detail = "the app closed its connection before the request was sent";
    Reply reply = render(error, context);
    reply.after = server::AfterReply::close; // whatever else it sends is for nobody
    reply.report.outcome = outcome::RequestOutcome::client_closed();
    reply.report.executed = reply.report.executed_here(); // for the log (contract 4)
    entry_.record_outcome(reply.report);
    return reply;
}

/// Nobody gets this reply: the guard answers. It is for the journal.
Reply Forwarder::ForwardedRequest::reply_withdrawn() {
    report_.detail = "another replica has sent the same transaction meanwhile";
    Reply reply =
        render({request_.app.gate()->closed_as(), Executed::no, std::nullopt, {}}, request_.context);
    entry_.record_outcome(reply.report);
    return reply;
}

Reply Forwarder::ForwardedRequest::reply_nothing() noexcept {
    entry_.abandon();
    Reply reply;
    report_.set_error(ErrorCode::outcome_unknown, Executed::unknown);
    reply.report = std::move(report_);
    reply.in_flight = std::move(in_flight_);
    return reply;
}

net::Task<Forwarder::ForwardedRequest::End>
Forwarder::ForwardedRequest::reply_decision(Decision decision, const upstream::Failure* failure) {
    ErrorReply error{decision.code, decision.executed, std::nullopt, {}};
    if (failure != nullptr && decision.code == ErrorCode::upstream_unreachable)
        error.sentence = cause_of(failure->code, failure->detail).sentence;
    std::optional<reconcile::Answer> answer;
    if (decision.code == ErrorCode::outcome_unknown)
        answer = co_await reconcile();
    if (answer && answer->result == Finding::found) {
        error.executed = Executed::yes;
        error.reconciled = answer->found;
    } else if (answer && answer->result == Finding::not_found) {
        error.reconciled = "null"; // but never "no": it may still be under way
    }
    co_return as_pointer(reply_error(error));
}

/// The rejection must not be passed on as if it were the whole answer. `doubt`: why not.
net::Task<Forwarder::ForwardedRequest::End>
Forwarder::ForwardedRequest::reply_broken_rejection(std::string_view doubt) {
    const bool may_mutate = judge_.operation().may_mutate();
    report_.detail = doubt;
    return reply_decision(decide({errc::truncated, upstream::Stage::reading, false, may_mutate, false}),
                          nullptr);
}

bool Forwarder::ForwardedRequest::names_a_rule() const {
    return std::ranges::any_of(owner_.reconciler_->plan().keys, [this](const graphql::KeyRule& rule) {
        return request_.body.find(rule.field) != std::string_view::npos;
    });
}

/// Looks up a mutation whose outcome is unknown; returns nullopt if the upstream was not asked.
net::Task<std::optional<reconcile::Answer>> Forwarder::ForwardedRequest::reconcile() {
    if (owner_.reconciler_ == nullptr)
        co_return std::nullopt;
    const auto keys = owner_.plan_.key_headers.keys(request_.head);
    auto fields = graphql::mutation_fields(judge_.view(), owner_.reconciler_->plan().keys, {nullptr, keys});
    if (!fields || !owner_.reconciler_->plan().can_ask(*fields)) {
        if (!fields && names_a_rule())
            report_.detail += unread_key;
        else if (fields && graphql::lacks_its_key(*fields))
            report_.detail += no_key;
        else if (fields && graphql::share_a_key(*fields))
            report_.detail += shared_key;
        co_return std::nullopt;
    }
    const TimePoint begin = BootClock::now();
    std::string id{request_.context.request_id};
    auto answer = co_await owner_.reconciler_->ask_all(std::move(*fields), std::move(id));
    report_.upstream_time += BootClock::now() - begin;
    owner_.stats_.reconciliations[answer.result].add();
    co_return answer;
}

Reply Forwarder::ForwardedRequest::render(ErrorReply error, const http::ReplyContext& context) {
    const server::SendGate* const gate = request_.app.gate();
    error.others_may_have_executed = gate != nullptr && gate->others_may_have_executed();
    Reply reply = server::render(error, context, request_.head.fields.value(FieldId::accept),
                                 owner_.plan_.errors_always_200, std::move(report_));
    reply.in_flight = std::move(in_flight_);
    return reply;
}

void Forwarder::ForwardedRequest::note_answer(std::uint16_t status, Verdict verdict, Executed executed) {
    report_.status = status;
    report_.outcome = verdict;
    report_.executed = executed;
    if (verdict == Verdict::rejected && report_.detail.empty())
        report_.detail = permission_missing;
}

} // namespace bearerd::proxy
