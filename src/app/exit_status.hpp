#pragma once

/// How bearerd ends (contract 6); the numbers are those of sysexits(3).
namespace bearerd::app {

inline constexpr int exit_fine = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 64;
inline constexpr int exit_unavailable = 69;
inline constexpr int exit_rejected = 77;
inline constexpr int exit_bad_configuration = 78;

} // namespace bearerd::app
