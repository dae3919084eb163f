#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bearerd::graphql {

class DocumentMemo;

enum class OperationKind : std::uint8_t { query, mutation, subscription, unknown };

[[nodiscard]] std::string_view to_string(OperationKind kind) noexcept;

/// A request as it came from the app. Views: they must outlive the call only.
struct RequestView {
    bool is_get = false;
    std::string_view query_string; ///< of the request target, without '?', still percent-encoded
    std::string_view content_type; ///< as sent; empty where there is none
    std::string_view body;
    /// False: the body is coded, or of one of several types, so that what the upstream will read in it can't
    /// be told.
    bool readable = true;
};

/// What would run upstream.
struct Operation {
    /// `unknown` where the document can't be read, is ambiguous, or is longer or deeper than the bounds.
    OperationKind kind = OperationKind::unknown;
    /// `operationName`, or the name of the only operation, or the first root field of a mutation that has no
    /// name; at most 64 characters of [_A-Za-z0-9], else empty;
    /// empty as well where it has twelve digits in a row, since it goes into the log and could be a card's.
    /// For a batch, that of its first operation.
    std::string name;
    bool batch = false;
    std::size_t count = 0; ///< of operations in the request; 0 where it can't be read
    /// A field named `login_field` (without case) is, or may be, among the root fields of what would run,
    /// through aliases and fragments; true as well where the document can't be read (contract 3.4).
    bool has_login = false;

    /// Whatever is not surely a query may move money (contract 4: "whatever can't be classified").
    [[nodiscard]] bool may_mutate() const noexcept { return kind != OperationKind::query; }
};

/// Reads the operation that would run (contract 4): `operationName`, several operations, comments, strings,
/// block strings, fragments, a BOM, `application/graphql`, GET, multipart uploads (the `operations` part,
/// GraphQL multipart request specification), batches (any mutation makes it a mutation; any unknown makes it
/// unknown). Doubled JSON keys, JSON that can't be read, and several operations without a name are unknown.
/// A batch of queries and subscriptions is a subscription. Linear in the input, bounded in depth and memory,
/// never throws but for lack of memory.
/// With a memo, which must have seen no other login field, a document that it knows is not parsed again.
[[nodiscard]] Operation classify(const RequestView& request, std::string_view login_field,
                                 DocumentMemo* memo = nullptr);

/// A hash of operation name and query text without its literals (whatever kind of value), comments, white
/// space and variables' values: the same document with other values has the same hash (contract 3.7). Keyed
/// by nothing, stable within a process. For a request that can't be read: of what in its JSON may name a
/// document (a stored one has an id, or `extensions`), else of all its bytes.
[[nodiscard]] std::uint64_t document_hash(const RequestView& request);

} // namespace bearerd::graphql
