#pragma once

#include <bearerd/graphql/verdict.hpp>
#include <bearerd/outcome/error_reply.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bearerd::outcome {

/// How a request ended, for log, journal and metrics (contract 8): with an answer of the upstream, which was
/// judged; with an error that bearerd made; or without its app.
class RequestOutcome {
    static constexpr std::size_t verdicts = static_cast<std::size_t>(graphql::Verdict::rejected) + 1;

public:
    static constexpr std::size_t count = verdicts + error_code_count + 1;

    constexpr RequestOutcome(graphql::Verdict verdict = graphql::Verdict::ok) noexcept
        : index_{static_cast<std::uint8_t>(verdict)} {}

    constexpr RequestOutcome(ErrorCode code) noexcept
        : index_{static_cast<std::uint8_t>(verdicts + static_cast<std::size_t>(code))} {}

    /// The app left before the first byte of its request was sent.
    [[nodiscard]] static constexpr RequestOutcome client_closed() noexcept { return at(count - 1); }

    /// Returns each of them once, in the order of index().
    [[nodiscard]] static constexpr std::array<RequestOutcome, count> all() noexcept {
        std::array<RequestOutcome, count> outcomes{};
        for (std::size_t i = 0; i < count; ++i)
            outcomes[i] = at(i);
        return outcomes;
    }

    /// Whether the request ended with an answer of the upstream.
    [[nodiscard]] constexpr bool is_answer() const noexcept { return index_ < verdicts; }

    /// Returns "ok", "graphql_error", "rejected", "client_closed", or an error code in lower case.
    [[nodiscard]] std::string_view label() const noexcept;

    /// Returns a number below `count`, for tables.
    [[nodiscard]] constexpr std::size_t index() const noexcept { return index_; }

    [[nodiscard]] bool operator==(const RequestOutcome&) const = default;

private:
    [[nodiscard]] static constexpr RequestOutcome at(std::size_t index) noexcept {
        RequestOutcome outcome;
        outcome.index_ = static_cast<std::uint8_t>(index);
        return outcome;
    }

    std::uint8_t index_;
};

} // namespace bearerd::outcome
