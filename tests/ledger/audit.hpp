#pragma once

#include "record.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace bearerd::ledger {

/// A time in which bearerd was ended. Its clients may meet closed connections then.
struct Outage {
    bool killed = false; ///< by SIGKILL; otherwise by SIGTERM, which must not lose what was read
    Clock::time_point begin{};
    Clock::time_point end{}; ///< when the process was reaped
};

/// What a profile promises beyond the rules that always hold.
struct Promises {
    bool all_answered_by_upstream = false;   ///< neither errors of bearerd's own nor a rejection passed on
    bool unknown_was_not_executed = false;   ///< only a lost race makes an outcome unknown
    std::optional<std::size_t> unknown_most; ///< this many requests were truly raced
    /// Of the executed mutations that were reported as unknown or found, the least share reported as found.
    double found = 0;
    double queries_answered = 0;     ///< share of the queries that got the upstream's answer, at least
    std::size_t queries_excused = 0; ///< in addition, this many may miss it
    std::chrono::milliseconds answer_time{0}; ///< every request is answered within it
};

/// How many times each reference was executed.
using Executions = std::map<std::string, std::size_t>;

/// Compares the outcomes that the clients got with what was executed. Returns one sentence with the reference
/// for each violation; none if everything is as it must be.
[[nodiscard]] std::vector<std::string> audit(const std::vector<Record>& records, const Executions& executions,
                                             const std::vector<Outage>& outages, const Promises& promises);

} // namespace bearerd::ledger
