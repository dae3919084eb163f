#include "streamed_answer.hpp"

#include "decision.hpp"

#include <bearerd/http/coding.hpp>

#include <utility>

namespace bearerd::proxy {

StreamedAnswer::StreamedAnswer(upstream::ExchangePtr exchange, const AnswerJudge& judge, OpenEntry entry,
                               server::Report report, Duration patience)
    : exchange_{std::move(exchange)},
      judge_{judge},
      entry_{std::move(entry)},
      report_{std::move(report)},
      patience_{patience} {
    if (judge_.may_be_mutation() && !exchange_->complete()) {
        kept_.emplace();
        coding_ = exchange_->head().fields.combined(http::FieldId::content_encoding);
    }
}

net::Task<server::BodySource::Piece> StreamedAnswer::next() {
    if (begun_) { // the first piece came with the head
        if (const error_code code = co_await exchange_->read(give_up_)) {
            broke_off(code);
            co_return Piece{{}, state_};
        }
    }
    begun_ = true;
    const std::string_view piece = exchange_->body();
    report_.bytes_out += piece.size();
    keep(piece);
    if (exchange_->complete())
        state_ = State::last;
    co_return Piece{piece, state_};
}

/// The outcome of a mutation is worth knowing even if nobody waits for it, but not for ever.
bool StreamedAnswer::expect_nobody() {
    const bool expected = std::exchange(for_nobody_, true);
    if (!judge_.may_be_mutation())
        return false;
    if (!expected)
        give_up_ = BootClock::now() + patience_;
    return true;
}

net::Task<void> StreamedAnswer::read_for_nobody() {
    if (!expect_nobody())
        co_return;
    while (state_ == State::more)
        static_cast<void>(co_await next());
}

server::Report StreamedAnswer::finish() {
    const bool dropped = for_nobody_ && !judge_.may_be_mutation();
    if (state_ == State::more && !dropped)
        broke_off(errc::truncated); // an exception has ended it
    try {
        judge_kept();
    } catch (...) { // out of memory
        report_.set_error(outcome::ErrorCode::outcome_unknown, outcome::Executed::unknown);
    }
    const bool unheard =
        for_nobody_ && judge_.may_be_mutation() && may_have_been_executed(report_.executed_here());
    entry_.record_outcome(report_, journal::Source::answer, unheard);
    return std::move(report_);
}

void StreamedAnswer::judge_kept() {
    if (state_ != State::last || !kept_)
        return;
    std::string scratch;
    const auto decoded = http::decoded_for_inspection(coding_, *kept_, scratch);
    report_.executed = judge_.executed(report_.status, decoded, graphql::Verdict::ok);
    report_.nothing_ran = judge_.ran_nothing(report_.status, decoded, report_.executed);
}

void StreamedAnswer::keep(std::string_view piece) {
    if (!kept_)
        return;
    if (kept_->size() + piece.size() <= most_held)
        kept_->append(piece);
    else
        kept_.reset();
}

void StreamedAnswer::broke_off(error_code code) {
    state_ = State::broken;
    const Decision decision =
        decide({code, upstream::Stage::reading, false, judge_.operation().may_mutate(), false});
    report_.set_error(decision.code, decision.executed);
    report_.detail = code.message();
}

} // namespace bearerd::proxy
