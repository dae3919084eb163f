#pragma once

#include "value.hpp"
#include "wire.hpp"

#include <string>

namespace bearerd::sim {

/// Where a simulator's control port is looked for unless told.
inline constexpr auto default_control = "127.0.0.1:8444";

/// Asks the simulator whose control port this is which cases were exercised, and prints it. The exit code: 0
/// if each case was answered as documented at least once, 1 if not, 69 if no simulator answers within five
/// seconds.
int report(const asio::ip::tcp::endpoint& control, bool json);

/// The table for people, by what GET /__cases answers; its last line says what is missing.
std::string report_table(const Json& cases);

/// How many cases were never answered as documented.
std::size_t missing(const Json& cases);

} // namespace bearerd::sim
