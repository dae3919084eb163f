#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::outcome {

/// The errors that bearerd makes itself (contract 4).
enum class ErrorCode : std::uint8_t {
    bad_request,
    forbidden_host,
    forbidden_origin,
    forbidden_peer,
    not_found,
    method_not_allowed,
    request_timeout,
    payload_too_large,
    headers_too_large,
    login_rejected,
    login_unavailable,
    upstream_unreachable,
    upstream_broken,
    upstream_timeout,
    outcome_unknown,
    overloaded,
    shutting_down,
    already_executed,
    key_reused,
};
inline constexpr std::size_t error_code_count = 19;

/// Whether a mutation was executed. `answered`: the API's own answer says what happened; a word for log
/// and journal only, never for an error of ours.
enum class Executed : std::uint8_t { no, yes, unknown, answered };

/// code_name() returns "OUTCOME_UNKNOWN", code_label() "outcome_unknown" (for metrics and logs),
/// natural_status() the status of contract 4's table.
[[nodiscard]] std::string_view code_name(ErrorCode code) noexcept;
[[nodiscard]] std::string_view code_label(ErrorCode code) noexcept;
[[nodiscard]] std::uint16_t natural_status(ErrorCode code) noexcept;
[[nodiscard]] std::string_view to_string(Executed executed) noexcept;
/// Returns what that table gives for the code.
[[nodiscard]] Executed table_executed(ErrorCode code) noexcept;

/// Returns one sentence for a shop's support desk: what happened and what the till should do next.
[[nodiscard]] std::string_view support_sentence(ErrorCode code) noexcept;

/// Returns the sentence for an outcome that was unknown until the transaction was found upstream.
[[nodiscard]] std::string_view executed_sentence() noexcept;

/// Returns the whole body of contract 4. `message` is the sentence (support_sentence(), or a more exact one);
/// `request_id` may hold any bytes: it is escaped, and bytes that are not UTF-8 are replaced. `reconciled`:
/// JSON text for `extensions.reconciled`, which is absent if this is nullopt. `first_request_id`: of the
/// request that this one repeats; absent if empty.
[[nodiscard]] std::string error_body(ErrorCode code, Executed executed, std::string_view message,
                                     std::string_view request_id,
                                     std::optional<std::string_view> reconciled = std::nullopt,
                                     std::string_view first_request_id = {});

} // namespace bearerd::outcome
