#pragma once

#include <bearerd/graphql/operation.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace bearerd::graphql {

/// One GraphQL request: what a server is asked to run.
struct Envelope {
    std::string_view document;                      ///< decoded; valid UTF-8
    std::optional<std::string_view> operation_name; ///< nullopt: absent or null
    std::string_view variables{};                   ///< their JSON text; empty: absent
    bool clear_variables = true; ///< false: it has a member that some servers read as `variables`
};

class EnvelopeVisitor {
public:
    virtual ~EnvelopeVisitor() = default;
    /// Views into `envelope` live until it returns. False makes the request unreadable and ends the reading.
    virtual bool visit(const Envelope& envelope) = 0;
};

enum class RequestForm : std::uint8_t { unreadable, single, batch };

/// Finds the documents of a request, wherever GraphQL over HTTP puts them, and visits them in order. An error
/// may be found after some were visited, so they count only if the result isn't `unreadable`.
///
/// The rule for doubtful cases: if two servers could see different documents, it is uncertain what would run,
/// and the request is unreadable.
[[nodiscard]] RequestForm read_request(const RequestView& request, EnvelopeVisitor& visitor);

} // namespace bearerd::graphql
