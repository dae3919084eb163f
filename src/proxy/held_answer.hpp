#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/upstream/transport.hpp>

#include "answer_judge.hpp"

#include <cstdint>
#include <string>

namespace bearerd::proxy {

/// An answer that was read whole and has released its connection, so that a login can use it.
struct HeldAnswer {
    std::string head; ///< to be completed when the app gets it, by http::append_kept_head()
    std::string body; ///< with its content coding
    std::uint16_t status = 0;
    bool whole = false;        ///< all of it has arrived, and may be held
    AnswerJudge::Whole judged; ///< if it is not whole: a rejection without proof
};

/// Reads an answer that seems to be a rejection to its end, for at most `patience`, and judges it again. What
/// is passed by reference must outlive the task.
[[nodiscard]] net::Task<HeldAnswer> hold(upstream::ExchangePtr exchange, Duration patience,
                                         const AnswerJudge& judge, const http::UpstreamHeadPlan& plan,
                                         const http::ReplyContext& context);

} // namespace bearerd::proxy
