#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace bearerd::admin {

/// How the reloads of the configuration ended. Written by the daemon, read by any thread.
class Reloads {
public:
    void succeeded() { add(0, std::nullopt); }

    /// `why` names file and position, and holds no secret. The running configuration stays.
    void failed(std::string why) { add(1, std::move(why)); }

    /// Returns how many succeeded, and how many failed.
    [[nodiscard]] std::array<std::uint64_t, 2> counts() const {
        return {counts_[0].load(std::memory_order_relaxed), counts_[1].load(std::memory_order_relaxed)};
    }

    /// Returns why the last one failed; nullopt if it succeeded, or there was none.
    [[nodiscard]] std::optional<std::string> rejected() const {
        const std::lock_guard lock{mutex_};
        return rejected_;
    }

private:
    void add(std::size_t result, std::optional<std::string> why) {
        const std::lock_guard lock{mutex_};
        counts_[result].fetch_add(1, std::memory_order_relaxed);
        rejected_ = std::move(why);
    }

    std::array<std::atomic<std::uint64_t>, 2> counts_{};
    mutable std::mutex mutex_;
    std::optional<std::string> rejected_;
};

} // namespace bearerd::admin
