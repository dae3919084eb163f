#pragma once

#include "snapshot.hpp"

#include <array>
#include <chrono>
#include <string>

namespace bearerd::admin::test {

using namespace std::chrono_literals;

using graphql::Verdict;
using outcome::ErrorCode;

/// Sets the counters, in the order of their labels.
template<auto Last>
void set(Counters<Last, std::uint64_t>& counters, const std::array<std::uint64_t, Counters<Last>::size>& to) {
    for (const auto label : values_of<decltype(Last)>())
        counters[label] = to[static_cast<std::size_t>(label)];
}

/// A daemon that has served for a day and is logged in.
inline Snapshot working() {
    Snapshot snapshot;
    snapshot.version = "1.2.3";
    snapshot.upstream_url = "https://api.example.com/graphql";
    snapshot.uptime = 24h;
    snapshot.phase = Phase::serving;
    snapshot.auth.state = "valid";
    snapshot.auth.expires_in = 30min;
    snapshot.auth.identity = "till-042";
    snapshot.auth.last_login_result = "ok";
    snapshot.health.state = upstream::Health::View::State::up;
    return snapshot;
}

/// A daemon whose login has failed, without a valid token.
inline Snapshot without_token(std::string_view state, std::string_view last_result, std::string reason) {
    Snapshot snapshot = working();
    snapshot.auth.state = state;
    snapshot.auth.expires_in.reset();
    snapshot.auth.last_login_result = last_result;
    snapshot.auth.last_login_reason = std::move(reason);
    return snapshot;
}

inline Snapshot with_upstream_down(Snapshot snapshot, errc code) {
    snapshot.health.state = upstream::Health::View::State::down;
    snapshot.health.last_code = code;
    snapshot.health.last_error = snapshot.health.last_code.message();
    return snapshot;
}

} // namespace bearerd::admin::test
