#pragma once

#include <bearerd/base/stats.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bearerd::graphql {

class DocumentCache;

using bearerd::OperationKind;

/// A request as received from the app. The views must outlive only the call.
struct RequestView {
    bool is_get = false;
    std::string_view query_string; ///< of the request target, without '?', still percent-encoded
    std::string_view content_type; ///< as sent; empty if there is none
    std::string_view body;
    /// False: the body is coded, or could be of several types, so what the upstream will read
    /// in it can't be known.
    bool readable = true;
};

/// The operation that would run upstream.
struct Operation {
    /// `unknown` if the document can't be read, is ambiguous, or is longer or deeper than the bounds.
    OperationKind kind = OperationKind::unknown;
    /// `operationName`, or the name of the only operation, or the first root field of a mutation without a
    /// name. At most 64 characters of [_A-Za-z0-9], else empty; with '*' for the digits of what may be a card
    /// number (base/mask), because it is logged. For a batch, the name of its first operation.
    std::string name;
    /// The name in `data` of a mutation's only root field. Empty if there are several, if it is in a
    /// fragment, if a directive may omit it, or if the request has several operations.
    std::string sole_field;
    bool batch = false;
    std::size_t count = 0; ///< number of operations in the request; 0 if it can't be read
    /// Whether a field named `login_field` (ignoring case) is, or may be, among the root fields of what would
    /// run, through aliases and fragments. Also true if the document can't be read (contract 3.4).
    bool has_login = false;

    /// Whether it is not certainly a query: a subscription counts, and whatever can't be classified (contract
    /// 4).
    [[nodiscard]] bool may_mutate() const noexcept { return kind != OperationKind::query; }
};

/// Returns the operation that would run (contract 4). Handles `operationName`, several operations, comments,
/// strings, block strings, fragments, a BOM, `application/graphql`, GET, multipart uploads (the `operations`
/// part, GraphQL multipart request specification) and batches (any mutation makes it a mutation; any unknown
/// makes it unknown). Duplicate JSON keys, unreadable JSON, and several operations without a name are
/// unknown. A batch of queries and subscriptions is a subscription. Linear in the input, bounded in depth and
/// memory, throws only if memory runs out. A document known to the cache, which must belong to this login
/// field, is not parsed again.
[[nodiscard]] Operation classify(const RequestView& request, std::string_view login_field,
                                 DocumentCache* cache = nullptr);

/// Returns a hash of operation name and query text without literals (of any kind), comments, white space and
/// variables' values: the same document with other values has the same hash (contract 3.7). Unkeyed, stable
/// within a process. For an unreadable request it hashes the parts of its JSON that may name a document (a
/// stored one has an id, or `extensions`), else all its bytes.
[[nodiscard]] std::uint64_t document_hash(const RequestView& request);

} // namespace bearerd::graphql
