#pragma once

#include "audit.hpp"
#include "bearerd_process.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bearerd::ledger {

/// What is done to bearerd and the upstream while the clients send.
enum class Action {
    revoke,         ///< every token, once what is in flight is answered and the last login is not too fresh
    rotate,         ///< new tokens come with the answers from now on
    calm,           ///< no more of them
    refuse,         ///< the upstream refuses connections for a while
    stop_simulator, ///< SIGSTOP, and SIGCONT a while later
    close_idle,     ///< the upstream closes every idle connection
    terminate,      ///< SIGTERM, and bearerd is started again
    kill,           ///< kill -9, and it is started again
    reload,         ///< SIGHUP
    leave_at_login, ///< apps give up while their mutation waits for a login,
    leave_at_handshake, ///< for a handshake,
    leave_at_room,      ///< for a free connection,
    leave_at_journal,   ///< for the journal, if bearerd is built with held_journal.cpp
};

/// The most connections that a bearerd of the profile `leaving` has to its upstream.
inline constexpr std::size_t leaving_connections = 4;

[[nodiscard]] std::string_view name_of(Action action);

/// A kind of trouble, and what bearerd promises in it.
struct Profile {
    std::string name;
    std::vector<std::string> simulator; ///< its arguments
    DaemonSettings daemon;
    std::string faults = "[]"; ///< JSON list that is in force all the time
    std::string rotation;      ///< one fault more between `rotate` and `calm`
    std::vector<Action> cycle; ///< done one after the other, each after `spacing` mutations
    std::size_t spacing = 100;
    std::chrono::microseconds mean_pause{0}; ///< of a client between two requests
    bool count_raced = false;                ///< unknown outcomes are compared with the raced requests
    Promises promises;
};

[[nodiscard]] std::vector<std::string> profile_names();

/// Throws std::invalid_argument for an unknown name. `idle_limit`: the age at which the upstream
/// closes idle connections in the profiles that are about it.
[[nodiscard]] Profile make_profile(const std::string& name, std::uint64_t seed,
                                   std::chrono::milliseconds idle_limit = std::chrono::seconds{1});

} // namespace bearerd::ledger
