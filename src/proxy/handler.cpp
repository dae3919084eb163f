#include <bearerd/proxy/handler.hpp>

#include <bearerd/base/stats.hpp>
#include <bearerd/base/units.hpp>

#include <array>

namespace bearerd::proxy {
namespace {

static_assert(Stats::outcomes == client_closed_outcome + 1);

constexpr std::array<std::string_view, verdict_count> plain_labels{"ok", "graphql_error", "rejected"};

} // namespace

std::string_view outcome_label(std::size_t outcome) noexcept {
    if (outcome == client_closed_outcome)
        return "client_closed";
    return outcome < plain_labels.size()
               ? plain_labels[outcome]
               : graphql::code_label(static_cast<graphql::ErrorCode>(outcome - plain_labels.size()));
}

void append_error_reply(std::string& out, const ErrorReply& error, const http::ReplyContext& context,
                        std::string_view accept, bool always_200, Report& report) {
    report.set_error(error.code, error.executed);
    report.status = always_200 ? 200 : graphql::natural_status(error.code);
    const bool found =
        error.code == graphql::ErrorCode::outcome_unknown && error.executed == graphql::Executed::yes;
    const auto own = found ? graphql::executed_sentence() : graphql::support_sentence(error.code);
    const auto sentence = error.sentence.empty() ? own : error.sentence;
    const std::string body =
        graphql::error_body(error.code, error.executed, sentence, context.request_id, error.reconciled);
    report.bytes_out = body.size();
    std::string fields{error.extra_fields};
    if (graphql::natural_status(error.code) == 503)
        fields.append("Retry-After: ")
            .append(std::to_string(retry_after_seconds(error.retry_after.value_or(Duration{0}))))
            .append("\r\n");
    const auto* type = http::prefers_graphql_response_json(accept) ? "application/graphql-response+json"
                                                                   : "application/json";
    http::append_own_reply(out, context, report.status, type, fields, body);
}

} // namespace bearerd::proxy
