#pragma once

#include <bearerd/graphql/arguments.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/outcome/error_reply.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace bearerd::outcome {

/// Whether an answer with this status can say what happened to a request. A gateway's "timed out" or "bad
/// gateway" says nothing about what the server after it has done, even in GraphQL's form. The same holds for
/// 408 and 499 ("client closed request"): servers also send them when they give up a handler that is still
/// running, and then they can report only an error without a path. A redirect may follow the execution.
[[nodiscard]] bool tells_of_execution(std::uint16_t status) noexcept;

/// Returns what a complete answer proves about a mutation (contract 4, the end). `body` is decoded.
/// `operation` is what classify() found in `request`, which is read again only if it may be a `yes`.
///
/// `yes`: `data` has a value, by its response name, for each root field that would run. `no`: a request error
/// (`errors` without a path, no `data`), which comes before any execution. `answered`: `data` is null, or
/// some of its fields are. With 408 or 5xx only `yes` is proven. `unknown`: everything else, above all what
/// is not a GraphQL answer. In a batch each element must prove it; elements that differ are `answered`.
///
/// Strict: a duplicate member, a missing field, or an error that is not a GraphQL error proves nothing.
/// Linear in the input; throws only if memory runs out.
[[nodiscard]] Executed proven_outcome(std::uint16_t status, std::string_view body,
                                      const graphql::RequestView& request,
                                      const graphql::Operation& operation);

/// Whether the errors of a rejection speak for each of these root fields: by a path that names it, or without
/// a path for all of its answer; false if one names another field. `body` is decoded, and graphql::judge()
/// has found each error to be a rejection, with no path below a root field.
[[nodiscard]] bool refuses_each(std::string_view body, std::span<const graphql::RootField> fields);

/// Whether a whole answer of which proven_outcome() says `answered` shows that nothing was executed (contract
/// 10): each `data` is null or an object of nulls, the status is below 500 and not 408, and no error's path
/// goes below a root field. If the request has more root fields than one, each is null by itself or named by
/// an error: one that fails may make all of `data` null, after those before it were executed. `body` is
/// decoded.
[[nodiscard]] bool ran_nothing(std::uint16_t status, std::string_view body,
                               const graphql::RequestView& request, const graphql::Operation& operation);

} // namespace bearerd::outcome
