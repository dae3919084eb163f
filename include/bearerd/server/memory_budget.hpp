#pragma once

#include <atomic>
#include <cstdint>

namespace bearerd::server {

/// The total size of the large bodies that are being read or answered, over all threads and listeners. One
/// body is bounded by limits.request_body, but there can be as many as connections. Any thread.
class MemoryBudget {
public:
    /// Returns false, and changes nothing, if there would be more than `most`.
    [[nodiscard]] bool take(std::uint64_t bytes, std::uint64_t most) noexcept {
        if (taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= most)
            return true;
        release(bytes);
        return false;
    }

    void release(std::uint64_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> taken_{0};
};

/// One connection's reservation from the budget, released in the destructor. The budget must outlive it.
class MemoryReservation {
public:
    explicit MemoryReservation(MemoryBudget& budget) noexcept : budget_{budget} {}

    MemoryReservation(const MemoryReservation&) = delete;
    MemoryReservation& operator=(const MemoryReservation&) = delete;

    ~MemoryReservation() { clear(); }

    /// Returns false, and leaves the reservation unchanged, if the budget is too small.
    [[nodiscard]] bool grow_to(std::uint64_t bytes, std::uint64_t most) noexcept {
        if (bytes <= bytes_)
            return true;
        if (!budget_.take(bytes - bytes_, most))
            return false;
        bytes_ = bytes;
        return true;
    }

    void clear() noexcept {
        if (bytes_ != 0)
            budget_.release(bytes_);
        bytes_ = 0;
    }

private:
    MemoryBudget& budget_;
    std::uint64_t bytes_ = 0;
};

} // namespace bearerd::server
