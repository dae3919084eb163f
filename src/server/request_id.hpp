#pragma once

#include <string>

namespace bearerd::server {

/// Makes a new request id: 32 hexadecimal digits, unique across processes and machines. Any thread; no lock.
void make_request_id(std::string& out);

} // namespace bearerd::server
