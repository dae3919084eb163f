#pragma once

#include <bearerd/graphql/operation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::graphql {

/// `auth.unauthorized` of CONTRACT 7, made ready for comparing.
struct RejectionRules {
    std::vector<std::string> messages; ///< compared without case (ASCII)
    std::vector<std::string> codes;    ///< compared exactly, with `extensions.code`
    std::vector<std::uint16_t> statuses;
};

enum class Verdict : std::uint8_t {
    ok,            ///< no `errors`, or not JSON
    graphql_error, ///< `errors` is non-empty, but the token was accepted
    rejected,      ///< the token was rejected: nothing was executed (CONTRACT 3.5)
};

struct Judgement {
    Verdict verdict = Verdict::ok;
    /// `extensions.cost.throttleStatus.currentlyAvailable`, where the answer tells it.
    std::optional<double> throttle_available;
};

/// Judges a whole answer by CONTRACT 3.5. `body` is already decoded (see http/coding) and at most 1 MiB;
/// `kind` is that of the request, since a mutation's error with a path below a root field is never a
/// rejection. A status in `rules.statuses` is a rejection whatever the body, HTTP 403 never. Parses JSON only
/// where a quick search finds something to judge. Never throws but for lack of memory; deeper than 512 levels
/// is `ok`.
[[nodiscard]] Judgement judge(std::uint16_t status, std::string_view body, OperationKind kind,
                              const RejectionRules& rules);

} // namespace bearerd::graphql
