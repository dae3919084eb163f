#include "held_answer.hpp"

#include "streamed_answer.hpp"

#include <utility>

namespace bearerd::proxy {

net::Task<HeldAnswer> hold(upstream::ExchangePtr exchange, Duration patience, const AnswerJudge& judge,
                           const http::UpstreamHeadPlan& plan, const http::ReplyContext& context) {
    HeldAnswer held;
    held.body = exchange->body();
    const TimePoint give_up = BootClock::now() + patience;
    while (!exchange->complete() && held.body.size() <= most_held) {
        if (co_await exchange->read(give_up))
            break;
        held.body += exchange->body();
    }
    const http::ResponseHead& head = exchange->head();
    held.whole = exchange->complete() && held.body.size() <= most_held;
    held.status = head.status;
    const auto framing = http::framing_for(context, held.status, held.body.size());
    http::append_app_head(held.head, head, plan, context, framing, held.body.size());
    if (held.whole) {
        std::string scratch;
        held.judged = judge.judge_whole(head, held.body, scratch);
    }
    exchange.reset();
    co_return held;
}

} // namespace bearerd::proxy
