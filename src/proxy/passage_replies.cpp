// What the app is told in bearerd's own words.
#include "passage.hpp"

namespace bearerd::proxy {

using graphql::ErrorCode;
using graphql::Executed;

namespace {

constexpr std::string_view app_left =
    "This till closed its connection before its request was sent, so nothing was executed; it can be sent "
    "again.";

/// Added to the reason in the request's log line.
constexpr std::string_view no_key = "; not looked up: the argument that is its key by transactions.rules is "
                                    "no string of 1 to 4096 bytes and no "
                                    "integer";

} // namespace

net::Task<void> Forwarder::Passage::reply_error(ErrorReply error) {
    out_.clear();
    append_error_reply(out_, error, request_.context, request_.head.fields.value(http::FieldId::accept),
                       owner_.plan_.errors_always_200, report_);
    const bool looked_up = error.reconciled && error.executed == Executed::yes;
    conclude(looked_up ? journal::Source::lookup : journal::Source::answer);
    static_cast<void>(co_await responder_.write(out_, {}, {}));
}

/// A client that closed only its own direction can still read this answer.
net::Task<void> Forwarder::Passage::reply_gone() {
    responder_.close_after(); // whatever it sends is for nobody
    http::ReplyContext context = request_.context;
    context.keep_alive = false;
    ErrorReply error = error_reply(ErrorCode::upstream_unreachable);
    error.sentence = app_left;
    out_.clear();
    append_error_reply(out_, error, context, request_.head.fields.value(http::FieldId::accept),
                       owner_.plan_.errors_always_200, report_);
    report_.outcome = client_closed_outcome;
    report_.detail = "the app closed its connection before the request was sent";
    conclude();
    static_cast<void>(co_await responder_.write(out_, {}, {}));
}

net::Task<void> Forwarder::Passage::reply_decision(const Decision& decision) {
    ErrorReply error{decision.code, decision.executed, std::nullopt, {}};
    std::optional<reconcile::Answer> answer;
    if (decision.code == ErrorCode::outcome_unknown)
        answer = co_await reconcile();
    if (answer && answer->result == reconcile::Result::found) {
        error.executed = Executed::yes;
        error.reconciled = answer->found;
    } else if (answer && answer->result == reconcile::Result::not_found) {
        error.reconciled = "null"; // but never "no": it may still be under way
    }
    co_await reply_error(error);
}

net::Task<std::optional<reconcile::Answer>> Forwarder::Passage::reconcile() {
    if (owner_.reconciler_ == nullptr)
        co_return std::nullopt;
    auto fields = graphql::mutation_fields(view_, owner_.reconciler_->plan().keys);
    if (!fields || !owner_.reconciler_->plan().can_ask(*fields)) {
        if (fields && graphql::lacks_its_key(*fields))
            report_.detail += no_key;
        co_return std::nullopt;
    }
    const TimePoint begin = BootClock::now();
    std::string id{request_.context.request_id};
    auto answer = co_await owner_.reconciler_->ask_all(std::move(*fields), std::move(id));
    report_.upstream_time += BootClock::now() - begin;
    owner_.stats_.reconciliations[static_cast<std::size_t>(answer.result)].add();
    co_return answer;
}

net::Task<void> Forwarder::Passage::reply_no_token(auth::NoToken reason) {
    ErrorReply error = error_reply(ErrorCode::login_unavailable);
    switch (reason.reason) {
    case auth::NoToken::Reason::login_rejected:
        error.code = ErrorCode::login_rejected;
        break;
    case auth::NoToken::Reason::login_unavailable:
        break;
    case auth::NoToken::Reason::overloaded:
        error.code = ErrorCode::overloaded;
        break;
    case auth::NoToken::Reason::shutting_down:
        error.code = ErrorCode::shutting_down;
        break;
    }
    error.executed = Executed::no; // without a token nothing is executed, and a rejected request was not
    error.retry_after = reason.retry_after;
    co_await reply_error(error);
}

/// Cut by the upstream, too long to hold or not to be decoded: not to be passed off as the whole answer.
net::Task<void> Forwarder::Passage::reply_broken_rejection() {
    const Decision decision =
        decide({errc::truncated, upstream::Stage::reading, false, operation_.may_mutate(), false, false});
    report_.detail = "a rejection that broke off, exceeds 1 MiB or can't be read";
    co_await reply_decision(decision);
}

net::Task<void> Forwarder::Passage::pass_on(HeldAnswer held) {
    note_answer(held.status, held.verdict, held.executed);
    conclude();
    report_.bytes_out = held.body.size();
    static_cast<void>(co_await responder_.write(held.head, held.body, {}));
}

} // namespace bearerd::proxy
