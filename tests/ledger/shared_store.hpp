#pragma once

#include "support/redis_server.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::ledger {

/// By the wall clock, as the daemon's log has it.
struct Interval {
    using Clock = std::chrono::system_clock;
    Clock::time_point begin{};
    Clock::time_point end = Clock::time_point::max();

    [[nodiscard]] bool overlaps(const Interval& other) const {
        return begin <= other.end && other.begin <= end;
    }
};

/// When the store was away, by the log of a daemon.
struct StoreOutage {
    Interval time{};
    bool restarted = false; ///< the daemon ended meanwhile: the store never learns what it did
};

[[nodiscard]] std::vector<StoreOutage> outages_in(std::string_view log);

/// The store that several replicas share, and what is done to it. To be used on the thread that made it.
class SharedStore {
public:
    /// `keeps_all`: nothing is ever lost: it is not emptied, and its restarts keep all.
    explicit SharedStore(bool keeps_all) : server_{{.keeps_all = keeps_all}}, keeps_all_{keeps_all} {}

    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

    /// Kills it and starts it again, pauses it by SIGSTOP, or empties it.
    void disturb(std::uint64_t dice);

    /// When it forgot everything.
    [[nodiscard]] const std::vector<Interval>& losses() const { return losses_; }

private:
    test::RedisServer server_;
    bool keeps_all_;
    std::vector<Interval> losses_;
};

} // namespace bearerd::ledger
