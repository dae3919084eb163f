#pragma once

#include <bearerd/base/ascii.hpp>

#include <boost/beast/http/field.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// HTTP/1.x message heads as they lie in a connection's buffer. Nothing is copied, and nothing is allocated
/// after the field vector has grown. All views point into the parsed buffer and are valid until it changes.
namespace bearerd::http {

using FieldId = boost::beast::http::field;

struct Field {
    FieldId id = FieldId::unknown; ///< unknown for names that Beast does not list
    std::string_view name;         ///< as received
    std::string_view value;        ///< without surrounding white space
};

/// Whether a comma-separated list, such as Connection's, has the token (ignoring case and parameters).
[[nodiscard]] bool list_has_token(std::string_view list, std::string_view token) noexcept;

struct Fields {
    std::vector<Field> list; ///< in the order received; trailers are never added

    [[nodiscard]] const Field* find(FieldId id) const noexcept;
    /// Finds a field by name, ignoring case. For names that Beast does not list.
    [[nodiscard]] const Field* find(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t count(FieldId id) const noexcept;
    /// Returns the value of the only field of this name, ignoring case; nullopt if there is none, or more
    /// than one, which sets `repeated`.
    [[nodiscard]] std::optional<std::string_view> only(std::string_view name,
                                                       bool* repeated = nullptr) const noexcept;
    /// Returns the value, or "" if the field is absent.
    [[nodiscard]] std::string_view value(FieldId id) const noexcept;
    [[nodiscard]] std::string_view value(std::string_view name) const noexcept;
    /// Returns the values of all fields of this id as one list (RFC 9110 section 5.3).
    [[nodiscard]] std::string combined(FieldId id) const;
    /// Whether any field of this id has the token in its list.
    [[nodiscard]] bool has_token(FieldId id, std::string_view token) const noexcept;
};

struct RequestHead {
    std::string_view method; ///< as received; methods are case-sensitive (RFC 9110 section 9.1)
    std::string_view target; ///< as received
    std::uint8_t minor = 1;  ///< HTTP/1.minor: 0 or 1
    Fields fields;
};

struct ResponseHead {
    std::uint16_t status = 0;
    std::string_view reason;
    std::uint8_t minor = 1;
    Fields fields;
    /// The value of Content-Length, if present. A body with neither this nor chunked ends with the stream.
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
};

} // namespace bearerd::http
