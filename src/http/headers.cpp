#include <bearerd/http/headers.hpp>

#include <bearerd/http/framing.hpp>

#include <boost/beast/http/status.hpp>
#include <boost/container/static_vector.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace bearerd::http {
namespace {

constexpr char folded(char c) noexcept {
    return c == '_' ? '-' : to_lower(c);
}

/// Compares names like a gateway that passes fields as variables (CGI), for which '_' equals '-'.
bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, folded, folded);
}

/// Returns the id that such a gateway takes this name for.
FieldId id_with_hyphens(std::string_view name) noexcept {
    constexpr std::size_t longest = 32; // of those that matter here, and some
    if (name.size() > longest)
        return FieldId::unknown;
    std::array<char, longest> hyphenated{};
    std::ranges::replace_copy(name, hyphenated.begin(), '_', '-');
    return boost::beast::http::string_to_field({hyphenated.data(), name.size()});
}

/// Returns the field's id as such a gateway sees it.
inline FieldId id_to_gateways(const Field& field) noexcept {
    const bool is_plain = field.id != FieldId::unknown || field.name.find('_') == std::string_view::npos;
    return is_plain ? field.id : id_with_hyphens(field.name);
}

/// Field lines that belong to one connection (RFC 9110 section 7.6.1) or that we write ourselves.
bool is_hop_by_hop(FieldId id) noexcept {
    switch (id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authentication_info:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::content_length:
        return true;
    default:
        return false;
    }
}

/// The fields that belong to the connection because Connection names them; nearly always none.
class NamedByConnection {
public:
    explicit NamedByConnection(const Fields& fields) noexcept {
        for (const Field& field : fields.list)
            if (field.id == FieldId::connection && !is_no_name(field.value))
                add(field.value);
    }

    [[nodiscard]] bool holds(const Field& field) const noexcept {
        return std::ranges::any_of(names_,
                                   [&field](std::string_view name) { return same_name(field.name, name); });
    }

private:
    static bool is_no_name(std::string_view option) noexcept {
        return equal_ignoring_case(option, "close") || equal_ignoring_case(option, "keep-alive");
    }

    void add(std::string_view options) noexcept {
        while (!options.empty()) {
            auto option = take_until(options, ',');
            const auto name = trim(take_until(option, ';'));
            // A message with more of them has been refused.
            if (!name.empty() && !is_no_name(name) && names_.size() < names_.capacity())
                names_.push_back(name);
        }
    }

    boost::container::static_vector<std::string_view, most_connection_options> names_;
};

bool is_one_of(std::string_view name, const std::vector<std::string>& names) noexcept {
    return std::ranges::any_of(names, [name](const std::string& other) { return same_name(name, other); });
}

bool is_private_to_us(const Field& field, FieldId id, const UpstreamHeadPlan& plan) noexcept {
    switch (id) {
    case FieldId::host:
    case FieldId::origin:
    case FieldId::authorization:
    case FieldId::proxy_authorization:
    case FieldId::expect:
    case FieldId::accept_encoding:
        return true;
    default:
        break;
    }
    if (id == FieldId::unknown &&
        (same_name(field.name, "X-Authorization") || same_name(field.name, "X-Request-Id")))
        return true;
    return is_one_of(field.name, plan.token_headers) || same_name(field.name, plan.token_header) ||
           std::ranges::any_of(plan.extra,
                               [&](const auto& extra) { return same_name(field.name, extra.first); });
}

bool is_cors_field(std::string_view name) noexcept {
    constexpr std::string_view prefix = "Access-Control-";
    return equal_ignoring_case(name.substr(0, prefix.size()), prefix);
}

/// All at once: four appends take twice as many instructions, for each field of both heads.
void append_line(std::string& out, std::string_view name, std::string_view value) {
    const std::size_t begin = out.size();
    out.resize(begin + name.size() + value.size() + 4);
    char* at = out.data() + begin;
    at = std::copy(name.begin(), name.end(), at);
    *at++ = ':';
    *at++ = ' ';
    at = std::copy(value.begin(), value.end(), at);
    *at++ = '\r';
    *at = '\n';
}

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

void append_length(std::string& out, std::uint64_t length) {
    out.append("Content-Length: ");
    append_number(out, length);
    out.append("\r\n");
}

void append_status_line(std::string& out, std::uint16_t status, std::string_view reason) {
    out.append("HTTP/1.1 ");
    append_number(out, status);
    out.append(" ").append(reason).append("\r\n");
}

/// Appends the fields that end every answer's head, and the empty line.
void append_context(std::string& out, const ReplyContext& context, bool keep_alive) {
    if (!context.request_id.empty())
        append_line(out, "X-Request-Id", context.request_id);
    out.append(context.cors);
    if (!keep_alive)
        out.append("Connection: close\r\n");
    else if (context.http_1_0)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
}

/// "q=0.85" as thousandths; 1000 if the element has none, 0 if it can't be read.
int quality(std::string_view parameters) noexcept {
    while (!parameters.empty()) {
        const auto parameter = trim(take_until(parameters, ';'));
        if (parameter.size() < 3 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=')
            continue;
        double value = 0;
        const auto parsed = std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), value);
        return parsed.ec == std::errc{} && value >= 0 && value <= 1 ? static_cast<int>(value * 1000) : 0;
    }
    return 1000;
}

/// The quality that an Accept list gives a media type by its exact name; -1 if it does not name it.
int accept_quality(std::string_view accept, std::string_view type) noexcept {
    int best = -1;
    while (!accept.empty()) {
        auto element = take_until(accept, ',');
        if (equal_ignoring_case(trim(take_until(element, ';')), type))
            best = std::max(best, quality(element));
    }
    return best;
}

} // namespace

void append_upstream_head(std::string& out, const UpstreamHeadPlan& plan, const RequestHead& request,
                          std::string_view query, std::string_view token, std::string_view accept_encoding,
                          std::string_view request_id, std::size_t body_size) {
    out.append(request.method).append(" ").append(plan.target);
    if (!query.empty())
        out.append(plan.target.find('?') == std::string::npos ? "?" : "&").append(query);
    out.append(" HTTP/1.1\r\n");
    append_line(out, "Host", plan.authority);
    const NamedByConnection named{request.fields};
    for (const Field& field : request.fields.list) {
        const FieldId id = id_to_gateways(field);
        if (is_hop_by_hop(id) || is_private_to_us(field, id, plan) || named.holds(field))
            continue;
        append_line(out, field.name, field.value);
    }
    if (!accept_encoding.empty())
        append_line(out, "Accept-Encoding", accept_encoding);
    for (const auto& [name, value] : plan.extra)
        append_line(out, name, value);
    append_line(out, "X-Request-Id", request_id);
    // No reallocation from here on: it would leave a copy of the token in memory that nobody wipes.
    constexpr std::size_t rest = 64; // the separators, Content-Length and the end of the head
    out.reserve(out.size() + plan.token_header.size() + plan.token_scheme.size() + token.size() + rest);
    out.append(plan.token_header).append(": ").append(plan.token_scheme);
    out.append(plan.token_scheme.empty() ? "" : " ").append(token).append("\r\n");
    if (body_size != 0 || request.method != "GET")
        append_length(out, body_size);
    out.append("\r\n");
}

BodyFraming framing_for(const ReplyContext& context, std::uint16_t status,
                        std::optional<std::uint64_t> length) noexcept {
    if (status == 204 || status == 304)
        return BodyFraming::none;
    if (length)
        return BodyFraming::length;
    return context.http_1_0 ? BodyFraming::until_close : BodyFraming::chunked;
}

void append_app_head(std::string& out, const ResponseHead& response, const UpstreamHeadPlan& plan,
                     const ReplyContext& context, BodyFraming framing, std::uint64_t length) {
    append_status_line(out, response.status, response.reason);
    const NamedByConnection named{response.fields};
    for (const Field& field : response.fields.list) {
        const FieldId id = id_to_gateways(field);
        if (is_hop_by_hop(id) || id == FieldId::authorization ||
            (id == FieldId::unknown &&
             (same_name(field.name, "X-Authorization") || same_name(field.name, "X-Request-Id"))) ||
            is_one_of(field.name, plan.token_headers) || same_name(field.name, plan.token_header) ||
            named.holds(field))
            continue;
        // A browser ignores two Access-Control-Allow-Origin fields; only ours knows this origin.
        if (!context.cors.empty() && is_cors_field(field.name))
            continue;
        append_line(out, field.name, field.value);
    }
    if (framing == BodyFraming::length)
        append_length(out, length);
    else if (framing == BodyFraming::chunked)
        out.append("Transfer-Encoding: chunked\r\n");
    append_context(out, context, context.keep_alive && framing != BodyFraming::until_close);
}

void append_own_head(std::string& out, const ReplyContext& context, std::uint16_t status,
                     std::string_view content_type, std::string_view extra, std::size_t body_size) {
    append_status_line(out, status, reason_phrase(status));
    if (!content_type.empty())
        append_line(out, "Content-Type", content_type);
    out.append(extra);
    if (status != 204)
        append_length(out, body_size);
    append_context(out, context, context.keep_alive);
}

void append_connection(std::string& out, const ReplyContext& context) {
    append_context(out, context, context.keep_alive);
}

std::string_view reason_phrase(std::uint16_t status) noexcept {
    const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return {reason.data(), reason.size()};
}

bool prefers_graphql_response_json(std::string_view accept) noexcept {
    const int ours = accept_quality(accept, "application/graphql-response+json");
    return ours > 0 && ours >= accept_quality(accept, "application/json");
}

bool is_streaming_type(std::string_view content_type) noexcept {
    const auto type = trim(content_type.substr(0, content_type.find(';')));
    if (type == "application/json") // nearly every answer's
        return false;
    constexpr std::array<std::string_view, 10> streaming = {
        "text/event-stream",    "multipart/mixed",         "multipart/x-mixed-replace",
        "application/x-ndjson", "application/ndjson",      "application/jsonl",
        "application/x-jsonl",  "application/x-jsonlines", "application/stream+json",
        "application/json-seq"};
    return std::ranges::any_of(streaming, [&](auto name) { return equal_ignoring_case(type, name); });
}

bool is_acceptable_request_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= 128 &&
           std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace bearerd::http
