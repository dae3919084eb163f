#pragma once

#include "snapshot.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// The state in words: what /readyz answers, and what the support desk reads at the top of the status page.
namespace bearerd::admin {

/// Whether requests can be served: started, not draining, and with a valid token (contract 8). The
/// upstream's health is not part of it.
struct Readiness {
    bool ready = false;
    std::string reason; ///< empty when ready
};

[[nodiscard]] Readiness readiness(const Snapshot& snapshot);

enum class Level : std::uint8_t { good, busy, warning, bad };

struct Summary {
    Level level = Level::good;
    std::string_view title; ///< two words, recognised at a glance
    std::string text;       ///< what is the matter
    std::string advice;     ///< what to do about it; empty if there is nothing to do
};

[[nodiscard]] Summary summarize(const Snapshot& snapshot);

[[nodiscard]] std::string_view to_string(Level level) noexcept;

} // namespace bearerd::admin
