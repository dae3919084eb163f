#include "held_answer.hpp"

#include <bearerd/http/kept_head.hpp>

#include "streamed_answer.hpp"

namespace bearerd::proxy {

net::Task<HeldAnswer> hold(upstream::ExchangePtr exchange, Duration patience, const AnswerJudge& judge,
                           const http::UpstreamHeadPlan& plan, const http::ReplyContext& context) {
    HeldAnswer held;
    held.body = exchange->body();
    const TimePoint give_up = BootClock::now() + patience;
    while (!exchange->complete() && held.body.size() <= most_held) {
        if (const error_code code = co_await exchange->read(give_up)) {
            if (code == errc::timed_out)
                held.judged.doubt = "a rejection that did not end in time";
            break;
        }
        held.body += exchange->body();
    }
    if (held.body.size() > most_held)
        held.judged.doubt = "a rejection that exceeds 1 MiB";
    const http::ResponseHead& head = exchange->head();
    held.whole = exchange->complete() && held.body.size() <= most_held;
    held.status = head.status;
    const auto framing = http::framing_for(context, held.status, held.body.size());
    std::string whole_head;
    http::append_app_head(whole_head, head, plan, context, framing, held.body.size());
    held.head = http::head_to_keep(whole_head);
    if (held.whole) {
        std::string scratch;
        held.judged = judge.judge_whole(head, held.body, scratch);
    }
    exchange.reset();
    co_return held;
}

} // namespace bearerd::proxy
