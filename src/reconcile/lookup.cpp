#include "lookup.hpp"

#include "answer.hpp"
#include "lookup_request.hpp"

#include <bearerd/base/version.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/net/wait_until.hpp>

#include <algorithm>

namespace bearerd::reconcile {
namespace {

using namespace std::chrono_literals;
using http::FieldId;

constexpr Duration first_pause = 100ms;
constexpr Duration longest_pause = 1s;

/// The fields that an app would send if it asked itself. Fields in upstream.headers replace them.
http::RequestHead own_head() {
    http::RequestHead head;
    head.method = "POST";
    head.fields.list.push_back({FieldId::content_type, "Content-Type", "application/json"});
    head.fields.list.push_back({FieldId::accept, "Accept", "application/json"});
    head.fields.list.push_back({FieldId::user_agent, "User-Agent", user_agent()});
    return head;
}

} // namespace

Reconciler::Lookup::Lookup(Reconciler& owner, const LookupRequest& request)
    : owner_{owner},
      request_{request},
      rule_{owner.plan_.rules[request.rule]},
      body_{rule_.before_key + json_string(request.key) + rule_.after_key},
      authorized_{owner.tokens_, owner.plan_.head},
      wake_{owner.executor_} {
    owner.group_.add(*this);
    hopeless_ = owner.group_.is_finishing_now();
}

net::Task<Answer> Reconciler::Lookup::run() {
    Answer last;
    if (request_.delay > Duration{0} && !hopeless_)
        co_await net::wait_until(wake_, owner_.clock_, BootClock::now() + request_.delay);
    if (hopeless_)
        co_return last;
    for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        Answer answer = co_await ask_once();
        if (answer.result == Finding::found)
            co_return answer;
        if (answer.result == Finding::not_found)
            last = std::move(answer);
        if (request_.once || hopeless_ || BootClock::now() + pause >= request_.deadline)
            co_return last;
        co_await net::wait_until(wake_, owner_.clock_, BootClock::now() + pause);
        if (hopeless_)
            co_return last;
    }
}

net::Task<Answer> Reconciler::Lookup::ask_once() {
    Answer failed;
    if (!co_await take_token())
        co_return failed;
    while (true) {
        auto result = co_await send();
        if (const auto* failure = std::get_if<upstream::Failure>(&result)) {
            new_connection_ = true;
            hopeless_ = hopeless_ || failure->code == errc::shutting_down;
            co_return failed;
        }
        auto exchange = std::get<upstream::ExchangePtr>(std::move(result));
        authorized_.adopt_token(exchange->head(), false);
        const std::uint16_t status = exchange->head().status;
        const auto body = decoded_body(*exchange);
        const auto judgement = graphql::judge(status, body.value_or(std::string_view{}), OperationKind::query,
                                              owner_.plan_.rejection);
        if (judgement.throttle_available)
            owner_.stats_.throttle_available.set(static_cast<std::int64_t>(*judgement.throttle_available));
        if (judgement.verdict == graphql::Verdict::rejected) {
            exchange.reset(); // the login may need the connection
            if (co_await log_in_again())
                continue;
            co_return failed;
        }
        hopeless_ = hopeless_ || !is_held(*exchange); // larger than may be held, which it will be again
        if (status != 200 || !body)
            co_return failed;
        if (judgement.verdict == graphql::Verdict::ok && graphql::shows_data(status, *body))
            authorized_.accepted(rule_.document);
        co_return read_answer(*body, rule_.found);
    }
}

bool Reconciler::Lookup::is_held(const upstream::Exchange& exchange) const noexcept {
    return exchange.complete() && exchange.body().size() <= owner_.plan_.inspect_limit;
}

std::optional<std::string_view> Reconciler::Lookup::decoded_body(upstream::Exchange& exchange) {
    if (!is_held(exchange))
        return std::nullopt;
    const auto coding = exchange.head().fields.value(FieldId::content_encoding);
    return http::decoded_for_inspection(coding, exchange.body(), scratch_);
}

/// Returns false if there is no token at present.
net::Task<bool> Reconciler::Lookup::take_token() {
    if (authorized_.take_token(BootClock::now()))
        co_return true;
    const auto missing = co_await authorized_.wait_for_token();
    if (!missing)
        co_return true;
    hopeless_ = hopeless_ || missing->reason == auth::NoToken::Reason::shutting_down;
    co_return false;
}

net::Task<upstream::SendResult> Reconciler::Lookup::send() {
    const LookupPlan& plan = owner_.plan_;
    const http::RequestHead own = own_head();
    upstream::OutgoingRequest outgoing;
    outgoing.head = authorized_.head(own, {}, "identity", request_.request_id, body_.size());
    outgoing.body = body_;
    outgoing.may_mutate = false;
    outgoing.new_connection = new_connection_;
    outgoing.hold_limit = plan.inspect_limit;
    outgoing.give_up = request_.deadline;
    outgoing.requester = this;
    auto result = co_await owner_.transport_.send(outgoing);
    authorized_.sent();
    co_return result;
}

/// Returns whether there is a token to ask again with, once (contract 3.6 and 3.7).
net::Task<bool> Reconciler::Lookup::log_in_again() {
    const auth::Advice advice = co_await authorized_.rejected(rule_.document);
    hopeless_ = hopeless_ || advice.kind == auth::Advice::Kind::pass;
    co_return advice.kind == auth::Advice::Kind::resend;
}

} // namespace bearerd::reconcile
