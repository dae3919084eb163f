#pragma once

#include <bearerd/base/ascii.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/server/handler.hpp>

namespace bearerd::transaction {

/// Returns the request in the form that module graphql reads.
[[nodiscard]] inline graphql::RequestView request_view(const server::Request& request) noexcept {
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

} // namespace bearerd::transaction
