#pragma once

#include <bearerd/http/framing.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/server/service_settings.hpp>

#include "accepted_connection.hpp"

#include <optional>
#include <string>

namespace bearerd::server {

/// Judges whether a request whose head is complete may be served (contract 2 and 5); returns the error if
/// not. Pure. `cors` gets the field lines that every answer to an allowed origin carries, refusals included.
[[nodiscard]] std::optional<outcome::ErrorCode>
judge_request(const http::RequestHead& head, const http::Target& target, bool body_too_large,
              const AcceptedConnection& accepted, const ServiceSettings& service, std::string& cors);

} // namespace bearerd::server
