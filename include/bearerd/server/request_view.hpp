#pragma once

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/server/handler.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::server {

/// Returns the request in the form that module graphql reads.
[[nodiscard]] inline graphql::RequestView request_view(const Request& request) noexcept {
    using http::FieldId;
    const auto& fields = request.head.fields;
    graphql::RequestView view;
    view.is_get = request.head.method == "GET";
    view.query_string = request.target.query;
    view.content_type = fields.value(FieldId::content_type);
    view.body = request.body;
    // A coded body can't be read here. The same if two Content-Type fields leave open which of them the
    // upstream believes.
    const auto coding = fields.value(FieldId::content_encoding);
    const bool plain = coding.empty() || equal_ignoring_case(coding, "identity");
    view.readable =
        plain && fields.count(FieldId::content_encoding) <= 1 && fields.count(FieldId::content_type) <= 1;
    return view;
}

/// Returns the transaction's key in the header `name`; empty if there is no such header, more than one, or
/// one that is not UTF-8.
[[nodiscard]] inline std::string_view header_key(const http::RequestHead& head,
                                                 std::string_view name) noexcept {
    const auto key = head.fields.only(name);
    return key && is_utf8(*key) ? *key : std::string_view{};
}

/// Returns one key for each name; empty for an empty name.
[[nodiscard]] inline std::vector<std::string_view> header_keys(const http::RequestHead& head,
                                                               std::span<const std::string> names) {
    std::vector<std::string_view> keys;
    for (const std::string& name : names)
        keys.push_back(name.empty() ? std::string_view{} : header_key(head, name));
    return keys;
}

} // namespace bearerd::server
