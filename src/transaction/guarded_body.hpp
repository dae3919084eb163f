#pragma once

#include <bearerd/server/handler.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bearerd::transaction {

/// Passes a streamed body on, and keeps it if it can be replayed to repeats.
class GuardedBody final : public server::BodySource {
public:
    /// Receives the report and the whole body, or nullopt if it is not whole or too long to keep.
    using Done = std::function<void(const server::Report&, std::optional<std::string>)>;

    GuardedBody(std::unique_ptr<server::BodySource> inner, Done done)
        : inner_{std::move(inner)}, done_{std::move(done)} {}

    [[nodiscard]] net::Task<Piece> next() override {
        const Piece piece = co_await inner_->next();
        if (kept_ && kept_->size() + piece.bytes.size() <= longest)
            kept_->append(piece.bytes);
        else
            kept_.reset();
        whole_ = piece.state == State::last;
        co_return piece;
    }

    /// Reads on for the repeats, as long as the body is short enough to be kept.
    [[nodiscard]] net::Task<void> read_for_nobody() override {
        bool more = true;
        while (more && kept_ && inner_->expect_nobody()) {
            const Piece piece = co_await next();
            more = piece.state == State::more;
        }
        if (more)
            co_await inner_->read_for_nobody();
    }

    [[nodiscard]] server::Report finish() override {
        server::Report report = inner_->finish();
        done_(report, whole_ ? std::move(kept_) : std::nullopt);
        return report;
    }

private:
    static constexpr std::size_t longest = std::size_t{1} << 20U;

    std::unique_ptr<server::BodySource> inner_;
    Done done_;
    std::optional<std::string> kept_{std::in_place};
    bool whole_ = false;
};

} // namespace bearerd::transaction
