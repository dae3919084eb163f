#pragma once

#include <bearerd/base/ascii.hpp>

#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// A `Content-Type`, as views into it.
struct MediaType {
    std::string_view essence; ///< "application/json", as written; empty if the header is absent
    std::optional<std::string_view> charset;
    std::optional<std::string_view> boundary;
    bool plain = true; ///< whether every parameter is plain

    [[nodiscard]] bool is(std::string_view expected) const noexcept;
    /// No charset, or UTF-8, the only one that we, and GraphQL over HTTP, read.
    [[nodiscard]] bool is_utf8() const noexcept;
};

/// Returns nullopt if readers could differ: a duplicate charset or boundary, a comma outside quotes (two
/// headers joined), a backslash in quotes, an open quote, either parameter in RFC 2231's extended form,
/// either word anywhere else in the text (some servers search for it), a blank in the type. A parameter
/// without a value is skipped, because some careless clients send one.
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view text) noexcept;

/// One parameter of a header's value: `; name=value` or `; name="value"`, taken off the front of `rest`.
/// `name` is empty if there was nothing between two semicolons, `value` absent if there was no '='.
struct HeaderParameter {
    std::string_view name;
    std::optional<std::string_view> value;
    /// `name=token` or `name="text"`, without blanks around '=' and without characters that some servers take
    /// for quotes, escapes or separators: every server reads it the same way.
    bool plain = false;
};

[[nodiscard]] std::optional<HeaderParameter> take_parameter(std::string_view& rest) noexcept;

} // namespace bearerd::graphql
