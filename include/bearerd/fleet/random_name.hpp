#pragma once

#include <string>

namespace bearerd::fleet {

/// Returns a name that no other replica, lease or claim has: 128 random bits as hexadecimal digits and a
/// hyphen. Throws std::runtime_error if OpenSSL has no random numbers: with the same name two replicas would
/// renew, and release, what is the other one's.
[[nodiscard]] std::string random_name();

} // namespace bearerd::fleet
