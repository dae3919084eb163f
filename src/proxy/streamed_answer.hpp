#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/upstream/transport.hpp>

#include "answer_judge.hpp"
#include "open_entry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace bearerd::proxy {

/// At most this many bytes of an answer are held to be judged when it is whole: a rejection by its status
/// (HTTP 401 with a page), and the answer to a mutation.
inline constexpr std::size_t most_held = 1024 * 1024;

/// An answer's body, passed on piece by piece as it arrives from the upstream. Keeps the answer to a
/// mutation, as far as it can be held, and judges it at the end.
class StreamedAnswer final : public server::BodySource {
public:
    /// `report`: what is known once the head has arrived. `patience`: how long to wait for the rest once the
    /// app is gone.
    StreamedAnswer(upstream::ExchangePtr exchange, const AnswerJudge& judge, OpenEntry entry,
                   server::Report report, Duration patience);

    [[nodiscard]] net::Task<Piece> next() override;
    [[nodiscard]] net::Task<void> read_for_nobody() override;
    [[nodiscard]] bool expect_nobody() override;
    [[nodiscard]] server::Report finish() override;

private:
    void keep(std::string_view piece);
    void judge_kept();
    void broke_off(error_code code);

    upstream::ExchangePtr exchange_;
    AnswerJudge judge_;
    OpenEntry entry_;
    server::Report report_;
    Duration patience_;
    TimePoint give_up_ = TimePoint::max();
    std::optional<std::string> kept_; ///< the body so far, coded; nullopt if it is too long or not wanted
    std::string coding_;              ///< of kept_
    State state_ = State::more;
    bool begun_ = false;
    bool for_nobody_ = false; ///< the app left before all of it was written
};

} // namespace bearerd::proxy
