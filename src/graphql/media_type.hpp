#pragma once

#include <bearerd/base/ascii.hpp>

#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// A `Content-Type`, as views into it.
struct MediaType {
    std::string_view essence; ///< "application/json", as written; empty where the header is absent
    std::optional<std::string_view> charset;
    std::optional<std::string_view> boundary;
    bool plain = true; ///< each parameter is

    [[nodiscard]] bool is(std::string_view expected) const noexcept;
    /// No charset, or UTF-8: the only one that we, and GraphQL over HTTP, read.
    [[nodiscard]] bool is_utf8() const noexcept;
};

/// Nothing where readers could differ: a doubled charset or boundary, a comma outside quotes (two headers
/// joined), a backslash in quotes, an open quote, either of the two as RFC 2231 extends it, either word
/// anywhere else in the text (some servers search for it), a blank in the type. A parameter without a value
/// is passed over, as careless clients send some.
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view text) noexcept;

/// One parameter of a header's value: takes `; name=value` or `; name="value"` off the front of `rest`.
/// `name` is empty where there was nothing between two semicolons, `value` absent where there was no '='.
struct HeaderParameter {
    std::string_view name;
    std::optional<std::string_view> value;
    /// `name=token` or `name="text"`, without blanks around '=' and without what some servers take for
    /// quotes, escapes or separators: each server reads the same.
    bool plain = false;
};

[[nodiscard]] std::optional<HeaderParameter> take_parameter(std::string_view& rest) noexcept;

} // namespace bearerd::graphql
