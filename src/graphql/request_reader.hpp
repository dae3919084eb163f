#pragma once

#include <bearerd/graphql/operation.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// One GraphQL request: what a server is told to run.
struct Envelope {
    std::string_view document;                      ///< decoded; valid UTF-8
    std::optional<std::string_view> operation_name; ///< nothing: absent or null
    std::string_view variables{};                   ///< their JSON text; empty: absent
    bool clear_variables = true; ///< false: a member stands there that some servers read as `variables`
};

class EnvelopeVisitor {
public:
    virtual ~EnvelopeVisitor() = default;
    /// Views into `envelope` live until it returns. False: the request counts as unreadable; no more is read.
    virtual bool visit(const Envelope& envelope) = 0;
};

enum class RequestForm : std::uint8_t { unreadable, single, batch };

/// Finds the documents of a request, wherever GraphQL over HTTP puts them, and shows them in order. A fault
/// may come to light after some were shown: what was seen counts only if the result isn't `unreadable`.
///
/// The rule for whatever is odd: if two servers could see different documents, nobody can say what would run,
/// and the request is unreadable.
[[nodiscard]] RequestForm read_request(const RequestView& request, EnvelopeVisitor& visitor);

} // namespace bearerd::graphql
