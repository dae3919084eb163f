#include "passage.hpp"

#include <bearerd/auth/login_codec.hpp>
#include <bearerd/base/secret.hpp>
#include <bearerd/graphql/outcome.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/http/stream_start.hpp>
#include <bearerd/http/trace.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace bearerd::proxy {
namespace {

using graphql::ErrorCode;
using graphql::Executed;
using graphql::OperationKind;
using graphql::Verdict;
using http::FieldId;

/// An answer that is larger than the inspection limit is looked at to its end up to here: a rejection by its
/// status (HTTP 401 with a page), and what a mutation was answered.
constexpr std::size_t most_held = 1024 * 1024;

/// A refused mutation's stream that stays open is read on this long: more of it might tell of something that
/// was done.
constexpr Duration refused_stream_time = std::chrono::seconds{1};

constexpr std::string_view not_put_down =
    "This till's connection service could not write down in its journal that this transaction is about to be "
    "sent, so nothing was executed; check that the disk is not full and works, then try again.";

/// Keeps an answer as it passes, as far as it can be held, to judge it at its end.
class KeptAnswer {
public:
    /// `wanted`: whether anything is kept at all.
    KeptAnswer(bool wanted, const http::ResponseHead& head) : kept_{wanted} {
        if (wanted)
            coding_ = head.fields.combined(FieldId::content_encoding);
    }

    void add(std::string_view piece) {
        kept_ = kept_ && text_.size() + piece.size() <= most_held;
        if (kept_)
            text_ += piece;
    }

    [[nodiscard]] bool kept() const noexcept { return kept_; }

    /// Nothing if it can't be decoded.
    [[nodiscard]] std::optional<std::string_view> decoded(std::string& scratch) const {
        return http::decoded_for_inspection(coding_, text_, scratch);
    }

private:
    bool kept_;
    std::string coding_;
    std::string text_;
};

/// The hex size line of a chunk (RFC 9112 section 7.1).
void append_chunk_size(std::string& out, std::size_t size) {
    std::array<char, 16> digits{};
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    out.append(std::as_const(digits).data(), end).append("\r\n");
}

graphql::RequestView view_of(const AppRequest& request) noexcept {
    const auto& fields = request.head.fields;
    graphql::RequestView view;
    view.is_get = request.head.method == "GET";
    view.query_string = request.target.query;
    view.content_type = fields.value(FieldId::content_type);
    view.body = request.body;
    // A coded body can't be read here. The same where two Content-Type fields leave open which of them the
    // upstream believes.
    const auto coding = fields.value(FieldId::content_encoding);
    const bool plain = coding.empty() || equal_ignoring_case(coding, "identity");
    view.readable =
        plain && fields.count(FieldId::content_encoding) <= 1 && fields.count(FieldId::content_type) <= 1;
    return view;
}

std::string accept_encoding_of(const http::Fields& fields) {
    return http::narrowed_accept_encoding(fields.combined(FieldId::accept_encoding));
}

} // namespace

Forwarder::Passage::Passage(Forwarder& forwarder, const AppRequest& request, Responder& responder,
                            Report& report)
    : owner_{forwarder},
      request_{request},
      responder_{responder},
      report_{report},
      view_{view_of(request)},
      operation_{graphql::classify(view_, forwarder.plan_.login_field, &forwarder.memo_)},
      accept_encoding_{accept_encoding_of(request.head.fields)} {
    if (!owner_.spare_heads_.empty()) {
        out_ = std::move(owner_.spare_heads_.back());
        owner_.spare_heads_.pop_back();
    }
    report_.kind = operation_.kind;
    report_.name = operation_.name;
}

Forwarder::Passage::~Passage() {
    constexpr std::size_t worth_keeping = 16 * 1024;
    wipe(out_);
    if (out_.capacity() <= worth_keeping && owner_.spare_heads_.size() < owner_.spare_heads_.capacity())
        owner_.spare_heads_.push_back(std::move(out_));
}

std::optional<net::Task<void>> Forwarder::Passage::refuse_at_once(std::uint32_t in_hand) {
    if (in_hand > owner_.plan_.pending_requests)
        return reply_error(error_reply(ErrorCode::overloaded));
    // A link or an image can cause a GET; it must not move money (contract 2).
    const bool get_may_mutate = view_.is_get && (operation_.kind == OperationKind::mutation ||
                                                 operation_.kind == OperationKind::unknown);
    if (!get_may_mutate)
        return std::nullopt;
    ErrorReply refusal = error_reply(ErrorCode::method_not_allowed);
    refusal.extra_fields = "Allow: POST\r\n";
    return reply_error(refusal);
}

bool Forwarder::Passage::begin_watching() noexcept {
    if (operation_.may_mutate())
        watch_app();
    return app_ != AppWatch::gone;
}

void Forwarder::Passage::watch_app() noexcept {
    if (app_ == AppWatch::not_begun)
        app_ = responder_.note_end() ? AppWatch::gone : AppWatch::present;
}

void Forwarder::Passage::about_to_wait() noexcept {
    watch_app();
    if (app_ == AppWatch::present)
        app_ = AppWatch::waited;
}

bool Forwarder::Passage::gone() noexcept {
    if (app_ != AppWatch::gone && responder_.app_is_gone())
        app_ = AppWatch::gone;
    return app_ == AppWatch::gone;
}

bool Forwarder::Passage::look_for_app() noexcept {
    if (app_ == AppWatch::waited)
        app_ = responder_.app_is_gone() ? AppWatch::gone : AppWatch::present;
    return app_ != AppWatch::gone;
}

bool Forwarder::Passage::take_token(TimePoint now) {
    token_ = owner_.tokens_.current(now);
    return token_ != nullptr;
}

net::Task<bool> Forwarder::Passage::wait_for_token() {
    about_to_wait();
    auto result = co_await owner_.tokens_.acquire();
    if (auto* token = std::get_if<auth::TokenPtr>(&result)) {
        token_ = std::move(*token);
        co_return true;
    }
    co_await reply_no_token(std::get<auth::NoToken>(result));
    co_return false;
}

bool Forwarder::Passage::has_to_be_put_down() const noexcept {
    return owner_.scribe_ != nullptr && operation_.may_mutate();
}

net::Task<bool> Forwarder::Passage::put_down() {
    about_to_wait();
    entry_ = co_await owner_.scribe_->put_down(view_, operation_.name, request_.context.request_id,
                                               http::trace_id(request_.head.fields));
    if (entry_->durable || !owner_.scribe_->required())
        co_return true;
    ErrorReply error = error_reply(ErrorCode::overloaded);
    error.sentence = not_put_down;
    report_.detail = "the journal can't be written";
    co_await reply_error(error);
    co_return false;
}

void Forwarder::Passage::conclude(journal::Source source) {
    if (!entry_)
        return;
    owner_.scribe_->conclude(std::move(entry_), report_.executed, report_.status,
                             outcome_label(report_.outcome), source);
    entry_.reset();
}

upstream::OutgoingRequest Forwarder::Passage::outgoing(TimePoint now) {
    out_.clear();
    http::append_upstream_head(out_, owner_.plan_.head, request_.head, request_.target.query,
                               token_->value.reveal(), accept_encoding_, request_.context.request_id,
                               request_.body.size());
    return {.head = out_,
            .body = request_.body,
            .may_mutate = operation_.may_mutate(),
            .new_connection = new_connection_,
            .hold_limit = owner_.plan_.inspect_limit,
            .now = now,
            .requester = this};
}

/// `out_` holds the token.
void Forwarder::Passage::sent(Duration took) noexcept {
    wipe(out_);
    report_.upstream_time += took;
}

net::Task<bool> Forwarder::Passage::after_failure(const upstream::Failure& failure) {
    if (app_ == AppWatch::gone) {
        co_await reply_gone();
        co_return false;
    }
    const FailedAttempt attempt{failure.code,  failure.stage, failure.reused, operation_.may_mutate(),
                                resent_stale_, false};
    const Decision decision = decide(attempt);
    if (decision.kind == Decision::Kind::resend) {
        resent_stale_ = true;
        new_connection_ = true;
        owner_.stats_.resends[1].add();
        co_return true;
    }
    report_.detail = failure.detail.empty() ? failure.code.message() : failure.detail;
    co_await reply_decision(decision);
    co_return false;
}

Verdict Forwarder::Passage::look_at(upstream::Exchange& exchange) {
    owner_.stats_.upstream_duration.observe(exchange.response_time());
    adopt_token(exchange.head());
    looked_at_.reset();
    // A status says it without the body, which may be larger than what is held: then it is judged when whole.
    const http::ResponseHead& head = exchange.head();
    if (is_judged_by_its_start(head))
        return judge_stream_start(head, exchange.body());
    if (!exchange.complete())
        return told_by_status(head.status) ? Verdict::rejected : Verdict::ok;
    if (exchange.body().size() > owner_.plan_.inspect_limit && !told_by_status(head.status))
        return Verdict::ok;
    looked_at_ = http::decoded_for_inspection(head.fields.combined(FieldId::content_encoding),
                                              exchange.body(), scratch_);
    const graphql::Judgement judgement = judge(head.status, looked_at_.value_or(std::string_view{}));
    if (judgement.throttle_available)
        owner_.stats_.throttle_available.set(static_cast<std::int64_t>(*judgement.throttle_available));
    // The app's own login is served without a token, so it proves nothing of ours.
    if (judgement.verdict == Verdict::ok && looked_at_ && !operation_.has_login &&
        graphql::shows_data(head.status, *looked_at_))
        report_accepted();
    return judgement.verdict;
}

void Forwarder::Passage::report_accepted() {
    if (owner_.tokens_.awaits_proof(token_))
        owner_.tokens_.accepted(token_, graphql::document_hash(view_));
}

net::Task<bool> Forwarder::Passage::after_rejection(upstream::ExchangePtr exchange) {
    const bool open_stream = !exchange->complete() &&
                             http::is_streaming_type(exchange->head().fields.value(FieldId::content_type));
    if (open_stream && !moves_money()) {
        const bool again = co_await after_refused_stream(std::move(exchange));
        co_return again;
    }
    const Duration patience = owner_.plan_.response_timeout;
    HeldAnswer held =
        co_await hold(std::move(exchange), open_stream ? std::min(patience, refused_stream_time) : patience);
    if (held.verdict != Verdict::rejected) {
        co_await pass_on(std::move(held));
        co_return false;
    }
    if (!held.proven && operation_.may_mutate()) {
        report_doubt();
        co_await reply_broken_rejection();
        co_return false;
    }
    const auth::Advice advice = co_await take_advice();
    if (advice.kind != auth::Advice::Kind::pass) {
        const bool again = co_await follow(advice);
        co_return again;
    }
    if (held.whole)
        co_await pass_on(std::move(held));
    else
        co_await reply_broken_rejection();
    co_return false;
}

/// Of what can't move money, a stream that stays open after the refusal tells nothing more. It is kept open
/// until it is known whether the app gets it: a login may use one connection beyond the limit.
net::Task<bool> Forwarder::Passage::after_refused_stream(upstream::ExchangePtr exchange) {
    const auth::Advice advice = co_await take_advice();
    if (advice.kind == auth::Advice::Kind::pass) {
        auto rest = relay(std::move(exchange), Verdict::rejected);
        if (rest)
            co_await std::move(*rest);
        co_return false;
    }
    exchange.reset();
    const bool again = co_await follow(advice);
    co_return again;
}

/// To pass the answer on, if it is the second one.
net::Task<auth::Advice> Forwarder::Passage::take_advice() {
    if (resent_rejected_) {
        report_denied();
        co_return auth::Advice{};
    }
    about_to_wait();
    auto advice = co_await owner_.tokens_.rejected(token_, graphql::document_hash(view_));
    co_return advice;
}

/// Returns true to send again. False: the app has its answer. `advice` is not to pass the answer on.
net::Task<bool> Forwarder::Passage::follow(const auth::Advice& advice) {
    if (advice.kind == auth::Advice::Kind::fail) {
        co_await reply_no_token(advice.failure);
        co_return false;
    }
    token_ = advice.token;
    report_denied_ = advice.after_login;
    resent_rejected_ = true;
    owner_.stats_.resends[0].add();
    co_return true;
}

/// The token was rejected, which proves nothing of the mutation: a login is for the next request.
void Forwarder::Passage::report_doubt() {
    if (resent_rejected_)
        report_denied();
    else
        owner_.tokens_.rejected_in_doubt(token_, graphql::document_hash(view_));
}

/// Reads a rejected answer to its end and lets go of its connection: the login may need it.
net::Task<Forwarder::Passage::HeldAnswer> Forwarder::Passage::hold(upstream::ExchangePtr exchange,
                                                                   Duration patience) {
    HeldAnswer held;
    held.body = exchange->body();
    const TimePoint give_up = BootClock::now() + patience;
    while (!exchange->complete() && held.body.size() <= most_held) {
        if (co_await exchange->read(give_up))
            break;
        held.body += exchange->body();
    }
    held.whole = exchange->complete() && held.body.size() <= most_held;
    held.status = exchange->head().status;
    const auto framing = http::framing_for(request_.context, held.status, held.body.size());
    http::append_app_head(held.head, exchange->head(), owner_.plan_.head, request_.context, framing,
                          held.body.size());
    judge_whole(held, exchange->head());
    exchange.reset();
    co_return held;
}

void Forwarder::Passage::judge_whole(HeldAnswer& held, const http::ResponseHead& head) {
    held.verdict = Verdict::rejected;
    if (!held.whole)
        return;
    const std::string coding = head.fields.combined(FieldId::content_encoding);
    if (is_judged_by_its_start(head)) {
        held.verdict = judge_stream_start(head, held.body);
        const auto decoded = http::decoded_for_inspection(coding, held.body, scratch_);
        held.proven = decoded && is_one_unit(head, *decoded);
        held.executed = outcome_of(held.status, std::nullopt, held.verdict);
        return;
    }
    const auto decoded = http::decoded_for_inspection(coding, held.body, scratch_);
    if (!decoded)
        return;
    held.verdict = judge(held.status, *decoded).verdict;
    held.proven = is_proven(held, head, *decoded);
    held.executed = outcome_of(held.status, decoded, held.verdict);
}

/// Whether an answer of which all was read leaves no doubt of its verdict. A status can be wrong about a body
/// that can't be read.
bool Forwarder::Passage::is_proven(const HeldAnswer& held, const http::ResponseHead& head,
                                   std::string_view decoded) const {
    if (told_by_status(held.status) && !owner_.plan_.resend_mutations)
        return false;
    const bool by_status_alone = told_by_status(held.status) && held.verdict == Verdict::rejected;
    return !by_status_alone || graphql::hides_nothing(head.fields.combined(FieldId::content_type), decoded);
}

/// A stream, unless its status says already that the token was rejected.
bool Forwarder::Passage::is_judged_by_its_start(const http::ResponseHead& head) const noexcept {
    return http::is_streaming_type(head.fields.value(FieldId::content_type)) && !told_by_status(head.status);
}

/// Judges what has come of a stream by its first event, part or line (contract 2).
Verdict Forwarder::Passage::judge_stream_start(const http::ResponseHead& head, std::string_view body) {
    const auto start = http::stream_start(head.fields, body, scratch_);
    return start ? judge(head.status, start->text).verdict : Verdict::ok;
}

/// Whether no JSON object follows the first unit of a whole stream, so that a refusal in it speaks for all.
/// Whatever else may follow (an end event, a closing delimiter) has no brace.
bool Forwarder::Passage::is_one_unit(const http::ResponseHead& head, std::string_view decoded) {
    const http::StreamStart start = http::stream_start(head.fields.value(FieldId::content_type), decoded);
    return start.rest.find('{') == std::string_view::npos;
}

/// Once more after the login that it asked for.
void Forwarder::Passage::report_denied() {
    if (report_denied_)
        owner_.tokens_.denied(token_, graphql::document_hash(view_));
}

void Forwarder::Passage::adopt_token(const http::ResponseHead& head) {
    const auto value = auth::find_token(head.fields, owner_.plan_.head.token_headers);
    if (!value.empty())
        owner_.tokens_.observed(token_, value, operation_.has_login);
}

bool Forwarder::Passage::told_by_status(std::uint16_t status) const noexcept {
    const auto& statuses = owner_.plan_.rules.statuses;
    return std::ranges::find(statuses, status) != statuses.end();
}

bool Forwarder::Passage::moves_money() const noexcept {
    return operation_.kind == OperationKind::mutation || operation_.kind == OperationKind::unknown;
}

graphql::Judgement Forwarder::Passage::judge(std::uint16_t status, std::string_view decoded) const {
    auto judgement =
        graphql::judge(status, decoded, operation_.kind, owner_.plan_.rules, operation_.has_login);
    if (judgement.verdict == Verdict::rejected && moves_money() && !speaks_for_all(judgement))
        judgement.verdict = Verdict::graphql_error;
    return judgement;
}

bool Forwarder::Passage::needs_body(Verdict verdict) const noexcept {
    return verdict != Verdict::rejected && moves_money();
}

Executed Forwarder::Passage::outcome_of(std::uint16_t status, std::optional<std::string_view> decoded,
                                        Verdict verdict) const {
    if (verdict == Verdict::rejected)
        return Executed::no;
    if (!moves_money()) // a gateway's words tell nothing of a subscription, either
        return operation_.may_mutate() && (status >= 500 || status == 408) ? Executed::unknown
                                                                           : Executed::yes;
    return decoded ? graphql::proven_outcome(status, *decoded, view_, operation_) : Executed::unknown;
}

/// Whether a rejection says of each mutation in the request that it was not executed. Root fields run one
/// after the other, so where one was refused, those before it may have moved money.
bool Forwarder::Passage::speaks_for_all(const graphql::Judgement& rejection) const {
    if (rejection.answers != 0 && rejection.answers < operation_.count)
        return false;
    if (!rejection.of_one_root_field)
        return true;
    const auto fields = graphql::mutation_fields(view_, {});
    return fields && fields->size() == 1;
}

std::optional<net::Task<void>> Forwarder::Passage::relay(upstream::ExchangePtr exchange, Verdict verdict) {
    if (is_stream_too_many(*exchange))
        return refuse_stream(std::move(exchange));
    const http::ResponseHead& head = exchange->head();
    if (!looked_at_ && exchange->complete() && needs_body(verdict))
        looked_at_ = http::decoded_for_inspection(head.fields.combined(FieldId::content_encoding),
                                                  exchange->body(), scratch_);
    note_answer(head.status, verdict, outcome_of(head.status, looked_at_, verdict));
    // What is larger is streamed, in the framing that it came in, whether all of it is there by chance or
    // not. To let go of the connection before the app has taken its answer is worth a copy of a small one
    // only.
    const bool held = exchange->complete() && exchange->body().size() <= owner_.plan_.inspect_limit;
    const std::optional<std::uint64_t> length = held ? exchange->body().size() : head.content_length;
    const auto framing = http::framing_for(request_.context, head.status, length);
    out_.clear();
    http::append_app_head(out_, head, owner_.plan_.head, request_.context, framing, length.value_or(0));
    if (framing == http::BodyFraming::until_close)
        responder_.close_after();
    if (exchange->complete())
        conclude();
    if (!held)
        return stream(std::move(exchange), framing);
    report_.bytes_out = exchange->body().size();
    const auto body = framing == http::BodyFraming::none ? std::string_view{} : exchange->body();
    return write(std::move(exchange), body);
}

/// What a mutation was answered has to be passed on in any case.
bool Forwarder::Passage::is_stream_too_many(upstream::Exchange& exchange) const noexcept {
    return !exchange.complete() &&
           http::is_streaming_type(exchange.head().fields.value(FieldId::content_type)) &&
           !exchange.become_stream(moves_money());
}

net::Task<void> Forwarder::Passage::refuse_stream(upstream::ExchangePtr exchange) {
    exchange.reset(); // closes the connection, which would stay busy otherwise
    report_.detail = "streams hold half of upstream.max_connections already";
    co_await reply_error(error_reply(ErrorCode::overloaded));
}

/// A whole answer: `out_`, then the body.
std::optional<net::Task<void>> Forwarder::Passage::write(upstream::ExchangePtr exchange,
                                                         std::string_view body) {
    const std::size_t taken = responder_.write_now(out_, body);
    if (taken == out_.size() + body.size())
        return std::nullopt;
    // The next request may have the connection while the app takes its answer.
    std::string left;
    left.reserve(out_.size() + body.size() - taken);
    if (taken < out_.size())
        left.append(out_, taken).append(body);
    else
        left.append(body.substr(taken - out_.size()));
    exchange.reset();
    return write_rest(std::move(left));
}

net::Task<void> Forwarder::Passage::write_rest(std::string left) {
    static_cast<void>(co_await responder_.write(left, {}, {}));
}

net::Task<void> Forwarder::Passage::stream(upstream::ExchangePtr exchange, http::BodyFraming framing) {
    const bool chunked = framing == http::BodyFraming::chunked;
    TimePoint give_up = TimePoint::max();
    bool app_is_there = true;
    KeptAnswer answer{moves_money() && !exchange->complete(), exchange->head()};
    while (true) {
        const std::string_view piece = exchange->body();
        report_.bytes_out += piece.size();
        answer.add(piece);
        if (app_is_there)
            app_is_there = co_await write_piece(piece, chunked, exchange->complete());
        if (exchange->complete()) {
            if (answer.kept())
                report_.executed = outcome_of(report_.status, answer.decoded(scratch_), Verdict::ok);
            break;
        }
        if (!app_is_there) {
            // The outcome of a mutation is worth knowing even when nobody waits for it, but not for ever.
            if (operation_.kind == OperationKind::query || operation_.kind == OperationKind::subscription)
                co_return;
            give_up = std::min(give_up, BootClock::now() + owner_.plan_.response_timeout);
        }
        if (const error_code code = co_await exchange->read(give_up)) {
            const Decision decision =
                decide({code, upstream::Stage::reading, false, operation_.may_mutate(), false, true});
            report_.set_error(decision.code, decision.executed);
            report_.detail = code.message();
            if (framing == http::BodyFraming::until_close)
                responder_.reset_after(); // a plain close would make the half look whole
            else
                responder_.close_after();
            co_return;
        }
    }
}

/// Behind what is in `out_`: the head goes out with the first piece.
net::Task<bool> Forwarder::Passage::write_piece(std::string_view piece, bool chunked, bool last) {
    std::string_view behind;
    if (chunked && !piece.empty()) {
        append_chunk_size(out_, piece.size());
        behind = last ? "\r\n0\r\n\r\n" : "\r\n";
    } else if (chunked && last) {
        out_.append("0\r\n\r\n");
    }
    if (out_.empty() && piece.empty())
        co_return true;
    const bool app_is_there = co_await responder_.write(out_, piece, behind);
    out_.clear();
    co_return app_is_there;
}

void Forwarder::Passage::note_answer(std::uint16_t status, Verdict verdict, Executed executed) noexcept {
    report_.status = status;
    report_.outcome = static_cast<std::size_t>(verdict); // the labels begin with the verdicts
    report_.executed = executed;
}

} // namespace bearerd::proxy
