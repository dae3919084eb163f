#include <bearerd/server/own_reply.hpp>

#include <bearerd/base/clock.hpp>

#include <algorithm>
#include <utility>

namespace bearerd::server {
namespace {

/// Follows the sentence that says why nothing was executed.
constexpr std::string_view others_sentence =
    " That is true of this request alone: the store that the replicas of bearerd share did not confirm it, "
    "so another replica may have executed an earlier request with the same reference. Please send it again a "
    "little later with the same reference to learn what became of it.";

} // namespace

Reply render(const ErrorReply& error, const http::ReplyContext& context, std::string_view accept,
             bool always_200, Report report) {
    const std::uint16_t natural = outcome::natural_status(error.code);
    const bool found =
        error.code == outcome::ErrorCode::outcome_unknown && error.executed == outcome::Executed::yes;
    const auto own = found ? outcome::executed_sentence() : outcome::support_sentence(error.code);
    const bool in_doubt = error.others_may_have_executed && error.executed == outcome::Executed::no;
    const auto executed = in_doubt ? outcome::Executed::unknown : error.executed;
    std::string sentence{error.sentence.empty() ? own : error.sentence};
    if (in_doubt)
        sentence += others_sentence;
    std::string body = outcome::error_body(error.code, executed, sentence, context.request_id,
                                           error.reconciled, error.first_request_id);
    std::string fields{error.extra_fields};
    if (natural == 503)
        fields.append("Retry-After: ")
            .append(std::to_string(
                std::max<std::int64_t>(1, ceil_seconds(error.retry_after.value_or(Duration{0})))))
            .append("\r\n");
    const auto* type = http::prefers_graphql_response_json(accept) ? "application/graphql-response+json"
                                                                   : "application/json";
    report.set_error(error.code, executed);
    report.not_executed_here = in_doubt;
    return own_reply(context, always_200 ? std::uint16_t{200} : natural, type, fields, std::move(body),
                     std::move(report));
}

Reply own_reply(const http::ReplyContext& context, std::uint16_t status, std::string_view content_type,
                std::string_view extra_fields, std::string body, Report report) {
    Reply reply;
    reply.report = std::move(report);
    reply.report.status = status;
    reply.report.bytes_out = body.size();
    http::append_own_head(reply.head, context, status, content_type, extra_fields, body.size());
    if (!context.head_only)
        reply.body = std::move(body);
    return reply;
}

} // namespace bearerd::server
