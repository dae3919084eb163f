#pragma once

#include <string>

namespace bearerd::fleet {

/// Returns a name that no other replica, lease or claim has: 128 random bits in hexadecimal digits. Throws
/// std::runtime_error if there are no random numbers: with the same name two replicas would renew, and
/// release, what is the other one's.
[[nodiscard]] std::string random_name();

} // namespace bearerd::fleet
