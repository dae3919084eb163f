#pragma once

#include "value.hpp"
#include "wire.hpp"

#include <string>

namespace bearerd::sim {

/// Where a simulator's control port is expected by default.
inline constexpr auto default_control = "127.0.0.1:8444";

/// Asks the simulator with this control port which cases were exercised, and prints them. Exit status: 0
/// if each case was answered as documented at least once, 1 if not, 69 if no simulator answers within five
/// seconds.
int report(const asio::ip::tcp::endpoint& control, bool json);

/// The table for people, from the answer of GET /__cases; its last line says what is missing.
std::string report_table(const Json& cases);

/// How many cases were never answered as documented.
std::size_t missing(const Json& cases);

} // namespace bearerd::sim
