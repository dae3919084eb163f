#include "request_rules.hpp"

#include <bearerd/http/access.hpp>

#include <algorithm>

namespace bearerd::server {
namespace {

using graphql::ErrorCode;
using http::FieldId;

bool names_us(const http::RequestHead& head, const http::Target& target, const Arrival& arrival,
              const Site& site) {
    const http::Field* host = head.fields.find(FieldId::host);
    const auto host_value = host != nullptr ? std::optional{host->value} : std::nullopt;
    return http::host_allowed(host_value, head.minor == 0, site.access, arrival.listener) &&
           (target.authority.empty() ||
            http::host_allowed(target.authority, false, site.access, arrival.listener));
}

} // namespace

/// The order is that of what a stranger may learn: nothing about paths and methods before it may come in.
std::optional<ErrorCode> judge_request(const http::RequestHead& head, const http::Target& target,
                                       bool body_too_large, const Arrival& arrival, const Site& site,
                                       std::string& cors) {
    if (!http::request_framing_is_sound(head))
        return ErrorCode::bad_request;
    const auto origin = http::judge_origin(head.fields, site.access);
    const bool preflight = origin == http::OriginVerdict::allowed && http::is_preflight(head);
    if (preflight)
        http::append_preflight_headers(cors, head.fields, site.methods);
    else if (origin == http::OriginVerdict::allowed)
        http::append_cors_headers(cors, head.fields.value(FieldId::origin));
    if (arrival.over_limit)
        return ErrorCode::overloaded;
    if (arrival.listener.unix_socket && !http::peer_allowed(arrival.peer_uid, site.allowed_users))
        return ErrorCode::forbidden_peer;
    if (!names_us(head, target, arrival, site))
        return ErrorCode::forbidden_host;
    if (origin == http::OriginVerdict::forbidden)
        return ErrorCode::forbidden_origin;
    if (head.target == "*") // the OPTIONS of the whole server
        return ErrorCode::method_not_allowed;
    if (!site.paths.empty() && std::ranges::find(site.paths, target.path) == site.paths.end())
        return ErrorCode::not_found;
    if (!preflight && std::ranges::find(site.methods, head.method) == site.methods.end())
        return ErrorCode::method_not_allowed;
    if (body_too_large)
        return ErrorCode::payload_too_large;
    return std::nullopt;
}

} // namespace bearerd::server
