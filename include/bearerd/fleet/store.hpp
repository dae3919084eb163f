#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/net/task.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::fleet {

/// One command for Redis or Valkey: its name and its arguments, which may hold any bytes. Each command names
/// at most one key, so that a cluster stays possible.
using Command = std::vector<std::string>;

/// What the store answered.
struct Value {
    enum class Kind : std::uint8_t { nil, text, integer, list, error };
    Kind kind = Kind::nil;
    std::string text{};        ///< text, error
    std::int64_t integer = 0;  ///< integer
    std::vector<Value> list{}; ///< list
};

/// The store that the replicas of a fleet share (contract 12). One per thread.
class Store {
public:
    enum class Presence : std::uint8_t {
        starting, ///< not reached yet since the start: commands wait for the first connection
        ready,    ///< it answers, or a connection that was idle is made again
        away,     ///< it does not answer: commands are not sent
    };

    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    /// Sends commands at once, in one round trip, and returns their answers in the same order, of kind error
    /// too. An answer is nullopt if the store has not given it `within` this time, or did not answer a short
    /// while ago and is not asked again yet: then the command may have been executed or not. Any of them may
    /// be executed although another one is not. Throws only for lack of memory.
    [[nodiscard]] virtual net::Task<std::vector<std::optional<Value>>> call_all(std::vector<Command> commands,
                                                                                Duration within) = 0;

    /// Returns whether the store answers. While it is `away`, a command is certainly not sent.
    [[nodiscard]] virtual Presence presence() const noexcept = 0;
};

} // namespace bearerd::fleet
