#include <bearerd/outcome/error_reply.hpp>

#include <bearerd/json/write.hpp>

#include <array>

namespace bearerd::outcome {
namespace {

struct Row {
    ErrorCode code;
    std::uint16_t status;
    Executed executed;
    std::string_view name;
    std::string_view label;
    std::string_view sentence;
};

// The table of contract 4. The sentences are read at a shop's counter: what happened; what to do now.
constexpr std::array<Row, error_code_count> rows{{
    {ErrorCode::bad_request, 400, Executed::no, "BAD_REQUEST", "bad_request",
     "The till sent a request that could not be understood, and nothing was executed; please report this "
     "to the till's software supplier."},
    {ErrorCode::forbidden_host, 403, Executed::no, "FORBIDDEN_HOST", "forbidden_host",
     "The till used a host name that is not allowed here, and nothing was executed; use localhost, or "
     "add the name to access.allowed_hosts."},
    {ErrorCode::forbidden_origin, 403, Executed::no, "FORBIDDEN_ORIGIN", "forbidden_origin",
     "A web page that is not allowed here sent this request, and nothing was executed; if it is the "
     "shop's own page, add its origin to access.allowed_origins."},
    {ErrorCode::forbidden_peer, 403, Executed::no, "FORBIDDEN_PEER", "forbidden_peer",
     "The till's program runs as a user that is not allowed here, and nothing was executed; add that "
     "user to access.allowed_users."},
    {ErrorCode::not_found, 404, Executed::no, "NOT_FOUND", "not_found",
     "The till used an address that is not served here, and nothing was executed; check the path in the "
     "till's settings."},
    {ErrorCode::method_not_allowed, 405, Executed::no, "METHOD_NOT_ALLOWED", "method_not_allowed",
     "The till used an HTTP method that is not allowed for this operation, and nothing was executed; it "
     "has to send it by POST."},
    {ErrorCode::request_timeout, 408, Executed::no, "REQUEST_TIMEOUT", "request_timeout",
     "The till took too long to send its request, and nothing was executed; please try again."},
    {ErrorCode::payload_too_large, 413, Executed::no, "PAYLOAD_TOO_LARGE", "payload_too_large",
     "The till's request is larger than allowed, and nothing was executed; send less at once, or raise "
     "limits.request_body."},
    {ErrorCode::headers_too_large, 431, Executed::no, "HEADERS_TOO_LARGE", "headers_too_large",
     "The till's request has larger headers than allowed, and nothing was executed; please report this "
     "to the till's software supplier."},
    {ErrorCode::login_rejected, 502, Executed::no, "LOGIN_REJECTED", "login_rejected",
     "The gift card service does not accept this till's credentials, and nothing was executed; please have "
     "them corrected."},
    {ErrorCode::login_unavailable, 503, Executed::no, "LOGIN_UNAVAILABLE", "login_unavailable",
     "The gift card service could not log this till in at the moment, and nothing was executed; please "
     "try again shortly."},
    {ErrorCode::upstream_unreachable, 502, Executed::no, "UPSTREAM_UNREACHABLE", "upstream_unreachable",
     "The gift card service could not be reached, and nothing was executed; check the internet "
     "connection and try again."},
    {ErrorCode::upstream_broken, 502, Executed::no, "UPSTREAM_BROKEN", "upstream_broken",
     "The gift card service's answer broke off or could not be read, but no change had been asked for and "
     "nothing was executed; please try again."},
    {ErrorCode::upstream_timeout, 504, Executed::no, "UPSTREAM_TIMEOUT", "upstream_timeout",
     "The gift card service did not answer in time, but no change had been asked for and nothing was "
     "executed; please try again."},
    {ErrorCode::outcome_unknown, 504, Executed::unknown, "OUTCOME_UNKNOWN", "outcome_unknown",
     "The gift card service gave no complete answer, so this transaction may or may not have gone "
     "through; check the card's balance or look up the transaction reference before trying again."},
    {ErrorCode::overloaded, 503, Executed::no, "OVERLOADED", "overloaded",
     "Too many requests are being handled at the moment, and this one was not executed; please try again "
     "in a few seconds."},
    {ErrorCode::shutting_down, 503, Executed::no, "SHUTTING_DOWN", "shutting_down",
     "The till's connection service is restarting, and nothing was executed; please try again in a few "
     "seconds."},
    {ErrorCode::already_executed, 409, Executed::yes, "ALREADY_EXECUTED", "already_executed",
     "This transaction was executed before, when it was sent with the same reference, and it was not "
     "executed "
     "again; please treat it as paid."},
    {ErrorCode::key_reused, 422, Executed::no, "KEY_REUSED", "key_reused",
     "The till used the reference of another transaction, so this one was not executed; please send it with "
     "a "
     "reference of its own."},
}};

consteval bool rows_are_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].code) != i)
            return false;
    return true;
}

static_assert(rows_are_in_order());

const Row& row(ErrorCode code) noexcept {
    return rows[static_cast<std::size_t>(code)];
}

} // namespace

std::string_view code_name(ErrorCode code) noexcept {
    return row(code).name;
}

std::string_view code_label(ErrorCode code) noexcept {
    return row(code).label;
}

std::uint16_t natural_status(ErrorCode code) noexcept {
    return row(code).status;
}

Executed table_executed(ErrorCode code) noexcept {
    return row(code).executed;
}

std::string_view support_sentence(ErrorCode code) noexcept {
    return row(code).sentence;
}

std::string_view executed_sentence() noexcept {
    return "The gift card service gave no complete answer, but this transaction was looked up by its "
           "reference "
           "and was executed; please do not send it again.";
}

std::string_view to_string(Executed executed) noexcept {
    switch (executed) {
    case Executed::no:
        return "no";
    case Executed::yes:
        return "yes";
    case Executed::answered:
        return "answered";
    case Executed::unknown:
        break;
    }
    return "unknown";
}

std::string error_body(ErrorCode code, Executed executed, std::string_view message,
                       std::string_view request_id, std::optional<std::string_view> reconciled,
                       std::string_view first_request_id) {
    std::string body;
    body.reserve(208 + message.size() + request_id.size() + reconciled.value_or("").size());
    body += R"({"errors":[{"message":)";
    json::append_string(body, message);
    body += R"(,"customer_facing":false,"extensions":{"code":)";
    json::append_string(body, code_name(code));
    body += R"(,"executed":)";
    json::append_string(body, to_string(executed));
    if (!first_request_id.empty()) {
        body += R"(,"first_request_id":)";
        json::append_string(body, first_request_id);
    }
    if (reconciled)
        body.append(R"(,"reconciled":)").append(*reconciled);
    body += R"(,"request_id":)";
    json::append_string(body, request_id);
    body += R"(,"source":"bearerd"}}]})";
    return body;
}

} // namespace bearerd::outcome
