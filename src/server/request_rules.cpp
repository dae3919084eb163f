#include "request_rules.hpp"

#include <bearerd/http/access.hpp>

#include <algorithm>

namespace bearerd::server {
namespace {

using http::FieldId;
using outcome::ErrorCode;

bool names_us(const http::RequestHead& head, const http::Target& target, const AcceptedConnection& accepted,
              const ServiceSettings& service) {
    const http::Field* host = head.fields.find(FieldId::host);
    const auto host_value = host != nullptr ? std::optional{host->value} : std::nullopt;
    return http::host_allowed(host_value, head.minor == 0, service.access, accepted.listener) &&
           (target.authority.empty() ||
            http::host_allowed(target.authority, false, service.access, accepted.listener));
}

} // namespace

/// The order keeps a stranger from learning anything about paths and methods before it has passed the access
/// rules.
std::optional<ErrorCode> judge_request(const http::RequestHead& head, const http::Target& target,
                                       bool body_too_large, const AcceptedConnection& accepted,
                                       const ServiceSettings& service, std::string& cors) {
    if (!http::request_framing_is_sound(head))
        return ErrorCode::bad_request;
    const auto origin = http::judge_origin(head.fields, service.access);
    const bool preflight = origin == http::OriginVerdict::allowed && http::is_preflight(head);
    if (preflight)
        http::append_preflight_headers(cors, head.fields, service.methods);
    else if (origin == http::OriginVerdict::allowed)
        http::append_cors_headers(cors, head.fields.value(FieldId::origin));
    if (accepted.over_limit)
        return ErrorCode::overloaded;
    if (accepted.listener.unix_socket && !http::peer_allowed(accepted.peer_uid, service.allowed_users))
        return ErrorCode::forbidden_peer;
    if (!names_us(head, target, accepted, service))
        return ErrorCode::forbidden_host;
    if (origin == http::OriginVerdict::forbidden)
        return ErrorCode::forbidden_origin;
    if (head.target == "*") // the OPTIONS of the whole server
        return ErrorCode::method_not_allowed;
    if (!service.paths.empty() && std::ranges::find(service.paths, target.path) == service.paths.end())
        return ErrorCode::not_found;
    if (!preflight && std::ranges::find(service.methods, head.method) == service.methods.end())
        return ErrorCode::method_not_allowed;
    if (body_too_large)
        return ErrorCode::payload_too_large;
    return std::nullopt;
}

} // namespace bearerd::server
