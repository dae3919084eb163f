#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/outcome/error_reply.hpp>
#include <bearerd/server/handler.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Replies that bearerd makes itself.
namespace bearerd::server {

/// Everything that the sender of an error decides (contract 4).
struct ErrorReply {
    outcome::ErrorCode code;
    outcome::Executed executed;
    std::optional<Duration> retry_after;
    std::string_view extra_fields; ///< whole field lines, such as Allow
    /// JSON text: what a look-up of the mutation found, "null" for nothing. Absent: it was not looked up.
    std::optional<std::string_view> reconciled{};
    std::string_view sentence{};         ///< in place of the code's own
    std::string_view first_request_id{}; ///< of the request that this one repeats
    /// Another replica may have executed the same transaction (contract 12): if `executed` is `no`, that is
    /// true of this process alone, so that the app gets `unknown`, and the sentence says so.
    bool others_may_have_executed = false;
};

/// Returns the error with the values of contract 4's table.
[[nodiscard]] inline ErrorReply error_reply(outcome::ErrorCode code) noexcept {
    return {code, outcome::table_executed(code), std::nullopt, {}};
}

/// Returns the reply that carries the error (contract 4): status, content type by what the app accepts, body,
/// Retry-After. `report`: what is known of the request; outcome, executed, status and size are filled in.
[[nodiscard]] Reply render(const ErrorReply& error, const http::ReplyContext& context,
                           std::string_view accept, bool always_200, Report report = {});

/// Returns a reply with this content. `extra_fields`: whole field lines. `report`: as for render().
[[nodiscard]] Reply own_reply(const http::ReplyContext& context, std::uint16_t status,
                              std::string_view content_type, std::string_view extra_fields, std::string body,
                              Report report = {});

} // namespace bearerd::server
