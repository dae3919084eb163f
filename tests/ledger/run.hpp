#pragma once

#include "profile.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bearerd::ledger {

struct RunOptions {
    std::string program;              ///< the bearerd that is judged
    bool journal_can_be_held = false; ///< it is built with held_journal.cpp
    std::uint64_t seed = 1;
    std::size_t mutations = 600;
    std::size_t clients = 8;
};

/// What one run with one seed saw.
struct RunResult {
    std::map<std::string, std::size_t> mutations; ///< by view, and by code if it is bearerd's error
    std::map<std::string, std::size_t> queries;
    std::map<std::string, std::size_t> faults; ///< that struck, and what was done, by name
    std::size_t executed = 0;
    std::size_t unknown_executed = 0; ///< of the unknown ones
    std::size_t raced = 0;            ///< requests that arrived on a connection that the upstream was closing
    std::chrono::milliseconds time{0};
    std::vector<std::string> violations;
    std::string bearerd_output;
};

/// Starts simulator and bearerd, lets the clients send while the profile's faults happen, and audits. Do
/// not run two at the same time in one process.
[[nodiscard]] RunResult run(const Profile& profile, const RunOptions& options);

} // namespace bearerd::ledger
