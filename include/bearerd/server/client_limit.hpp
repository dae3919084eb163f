#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace bearerd::server {

/// The number of clients connected over all threads and listeners, and its limit.
struct ClientLimit {
    std::atomic<std::uint32_t> connected{0};
    std::atomic<std::uint32_t> most{0};
};

/// A client's place among the connected ones, for its lifetime. Any thread.
class ConnectionSlot {
public:
    /// An empty slot, which is not counted.
    ConnectionSlot() noexcept = default;

    explicit ConnectionSlot(ClientLimit& limit) noexcept
        : limit_{&limit}, place_{limit.connected.fetch_add(1, std::memory_order_relaxed) + 1} {}

    ConnectionSlot(ConnectionSlot&& other) noexcept
        : limit_{std::exchange(other.limit_, nullptr)}, place_{other.place_} {}

    ConnectionSlot& operator=(ConnectionSlot&&) = delete;

    ~ConnectionSlot() {
        if (limit_ != nullptr)
            limit_->connected.fetch_sub(1, std::memory_order_relaxed);
    }

    /// Returns by how many the limit is exceeded with this client.
    [[nodiscard]] std::uint32_t excess() const noexcept {
        const std::uint32_t most = limit_ != nullptr ? limit_->most.load(std::memory_order_relaxed) : place_;
        return place_ > most ? place_ - most : 0;
    }

private:
    ClientLimit* limit_ = nullptr;
    std::uint32_t place_ = 0;
};

} // namespace bearerd::server
