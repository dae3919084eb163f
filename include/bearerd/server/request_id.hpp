#pragma once

#include <string>

namespace bearerd::server {

/// A new request id: 32 hexadecimal digits, unique over processes and machines. Any thread; no lock.
void make_request_id(std::string& out);

} // namespace bearerd::server
