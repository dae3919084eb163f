#pragma once

#include "api.hpp"

#include <span>

namespace bearerd::sim {

/// A hard day by its name: faults and circumstances that belong together.
struct Scenario {
    std::string_view name;
    std::string_view summary;          ///< One sentence.
    std::chrono::milliseconds time{0}; ///< What the summary's T is without "=TIME"; 0: it takes none.
    void (*begin)(Api&, std::chrono::milliseconds);
};

std::span<const Scenario> scenarios();

/// Of "upstream-down" or "upstream-down=2s": ends whatever faults and scenario are in force and begins this
/// one; "none" only ends. Why it can't, or empty.
[[nodiscard]] std::string begin_scenario(Api& api, std::string_view text);

/// Why `begin_scenario` would refuse it; empty if it would not.
[[nodiscard]] std::string check_scenario(std::string_view text);

/// Each with its sentence, a line each.
std::string list_scenarios();

} // namespace bearerd::sim
