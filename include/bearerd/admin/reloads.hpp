#pragma once

#include <bearerd/base/stats.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace bearerd::admin {

/// How the reloads of the configuration ended. Written by the daemon, read by any thread.
class Reloads {
public:
    void succeeded() { add(ReloadResult::ok, std::nullopt); }

    /// `why` names file and position, and holds no secret. The running configuration stays.
    void failed(std::string why) { add(ReloadResult::failed, std::move(why)); }

    [[nodiscard]] Counters<ReloadResult::failed, std::uint64_t> counts() const {
        const std::lock_guard lock{mutex_};
        return counts_;
    }

    /// Returns why the last one failed; nullopt if it succeeded, or there was none.
    [[nodiscard]] std::optional<std::string> rejected() const {
        const std::lock_guard lock{mutex_};
        return rejected_;
    }

private:
    void add(ReloadResult result, std::optional<std::string> why) {
        const std::lock_guard lock{mutex_};
        ++counts_[result];
        rejected_ = std::move(why);
    }

    mutable std::mutex mutex_;
    Counters<ReloadResult::failed, std::uint64_t> counts_;
    std::optional<std::string> rejected_;
};

} // namespace bearerd::admin
