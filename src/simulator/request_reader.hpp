#pragma once

#include "api.hpp"

namespace bearerd::sim {

/// Fills `operations`, `batch`, or `unreadable`, from a POST (JSON, a JSON array, application/graphql, or the
/// `operations` part of a multipart upload) or a GET with ?query=.
void read_request(const HttpRequest& request, Plan& plan);

} // namespace bearerd::sim
