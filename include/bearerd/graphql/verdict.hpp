#pragma once

#include <bearerd/graphql/operation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::graphql {

/// `auth.unauthorized` of contract 7, prepared for comparing.
struct RejectionRules {
    std::vector<std::string> messages; ///< compared ignoring case (ASCII)
    std::vector<std::string> codes;    ///< compared exactly, with `extensions.code`
    std::vector<std::uint16_t> statuses;
    std::vector<std::string> pointers = {}; ///< `auth.rejected_at`: JSON pointers below /data
    bool resend_mutations = true;           ///< false: a status in `statuses` proves nothing about a mutation
};

enum class Verdict : std::uint8_t {
    ok,            ///< no `errors`, or not JSON
    graphql_error, ///< `errors` is non-empty, but the token was accepted
    rejected,      ///< the token was rejected: nothing was executed (contract 3.5)
};

/// What a rejection says was not executed. Of a mutation with more root fields, the others may have been.
enum class SpeaksFor : std::uint8_t {
    all,
    only_field,   ///< as named_fields, and `data` has one field
    named_fields, ///< each error of an answer has the path of a root field, so it speaks for that field only
    one_field,    ///< it was found by `RejectionRules::pointers`
};

struct Judgement {
    Verdict verdict = Verdict::ok;
    /// This holds for a rejection by the status alone, too.
    SpeaksFor speaks_for = SpeaksFor::all;
    std::size_t answers = 0; ///< number of answers in a batch; 0: a single answer, or an empty array
    /// `extensions.cost.throttleStatus.currentlyAvailable`, if the answer has it.
    std::optional<double> throttle_available;
};

/// Judges a whole answer by contract 3.5. `body` is already decoded (see http/coding) and at most 1 MiB;
/// `kind` is that of the request, since a mutation's error with a path below a root field is never a
/// rejection. Root fields of a mutation run one after the other, so an error at one of them says nothing
/// about the others; a caller that knows which there are checks `speaks_for`. A status in
/// `rules.statuses` is a rejection whatever the body, unless the request may mutate and the body shows that
/// something ran (data, or a path below a root field); what it speaks for is still read from the body.
/// HTTP 403 never is. Parses JSON only where a quick search finds something to judge. With `rules.pointers`,
/// an answer without errors is a rejection too if there is a value at one of them and `data` holds nothing
/// else; it applies to one root field. An app's own login (`own_login`) is not judged by them: there it is
/// that login which failed. Throws only if memory runs out; JSON deeper than 512 levels is `ok`.
[[nodiscard]] Judgement judge(std::uint16_t status, std::string_view body, OperationKind kind,
                              const RejectionRules& rules, bool own_login = false);

/// Whether a complete answer, judged as `ok`, shows that the API has served the request: a 2xx status, and
/// JSON that has `data`. A gateway's page shows nothing.
[[nodiscard]] bool shows_data(std::uint16_t status, std::string_view body) noexcept;

/// Whether a complete answer that is rejected by its status can't hide data. It must be UTF-8 text, and not
/// of a streaming type. If its type or its first byte (after a BOM) indicates JSON, it must be JSON to the
/// last byte. Text that is not JSON must not name "data": another reader may skip the text before it.
[[nodiscard]] bool hides_nothing(std::string_view content_type, std::string_view body) noexcept;

} // namespace bearerd::graphql
