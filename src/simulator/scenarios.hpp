#pragma once

#include "api.hpp"

#include <span>

namespace bearerd::sim {

/// A hard day: faults and circumstances that belong together, under a name.
struct Scenario {
    std::string_view name;
    std::string_view summary;          ///< One sentence.
    std::chrono::milliseconds time{0}; ///< What the summary's T is without "=TIME"; 0: it takes none.
    void (*begin)(Api&, std::chrono::milliseconds);
};

std::span<const Scenario> scenarios();

/// Takes "upstream-down" or "upstream-down=2s": ends all faults and the scenario in force and begins this
/// one; "none" only ends. Returns why it can't, or "".
[[nodiscard]] std::string begin_scenario(Api& api, std::string_view text);

/// Why `begin_scenario` would refuse it; empty if it would not.
[[nodiscard]] std::string check_scenario(std::string_view text);

/// Each with its sentence, one per line.
std::string list_scenarios();

} // namespace bearerd::sim
