#include <bearerd/auth/login_codec.hpp>

#include "graphql_codec.hpp"
#include "login_text.hpp"
#include "oauth2_codec.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace bearerd::auth {
namespace {

using Json = nlohmann::json;

/// Whether a code is about a failure of the upstream itself and not about the credentials.
bool is_server_code(std::string_view code) {
    constexpr std::array<std::string_view, 6> words{"INTERNAL", "RATE_LIMIT",        "RATELIMIT",
                                                    "THROTTL",  "TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE"};
    std::string upper{code};
    for (char& c : upper)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : (c == '-' || c == ' ' ? '_' : c);
    return std::any_of(words.begin(), words.end(),
                       [&upper](auto word) { return upper.find(word) != std::string::npos; });
}

const Json* member(const Json& object, const char* name) {
    if (!object.is_object())
        return nullptr;
    const auto it = object.find(name);
    return it == object.end() ? nullptr : &*it;
}

bool has_server_code(const Json& errors) {
    return std::any_of(errors.begin(), errors.end(), [](const Json& error) {
        const auto* extensions = member(error, "extensions");
        const auto* code = extensions != nullptr ? member(*extensions, "code") : nullptr;
        return code != nullptr && code->is_string() && is_server_code(code->get_ref<const std::string&>());
    });
}

/// Returns the first error's message in a form fit for a log line.
std::string quote_message(const Json& errors, std::span<const Secret* const> secrets) {
    const auto* message = member(errors.front(), "message");
    if (message == nullptr || !message->is_string())
        return "the upstream answered with errors";
    return quoted(message->get_ref<const std::string&>(), secrets);
}

/// Returns the value at a pointer of `auth.rejected_at`; nullptr if there is none.
const Json* value_at(const Json& answer, const std::string& pointer) {
    const Json* found = nullptr;
    try {
        found = &answer.at(Json::json_pointer{pointer});
    } catch (const Json::exception&) { // there is none
        return nullptr;
    }
    const Json& value = *found;
    const auto* const text = value.get_ptr<const std::string*>();
    const bool nothing = value.is_null() || value == false || (text != nullptr && text->empty()) ||
                         (value.is_structured() && value.empty());
    return nothing ? nullptr : found;
}

/// Describes a refusal in such a value: a text, perhaps with a message beside it, an object with a message,
/// or a list of these.
std::string quote_refusal(const Json& answer, const std::string& pointer, const Json& value,
                          std::span<const Secret* const> secrets) {
    const Json* const holder = value_at(answer, pointer.substr(0, pointer.rfind('/')));
    if (value.is_string() && holder != nullptr && member(*holder, "message") != nullptr)
        return quote_message(Json::array({*holder}), secrets);
    if (value.is_string())
        return quoted(value.get_ref<const std::string&>(), secrets);
    return value.is_array() ? quote_message(value, secrets) : quote_message(Json::array({value}), secrets);
}

std::string_view find_flaw(const http::Fields& fields, const std::vector<std::string>& token_headers) {
    for (const auto& name : token_headers)
        for (const auto& field : fields.list)
            if (equal_ignoring_case(field.name, name))
                if (const auto flaw = token_flaw(field.value); !flaw.empty())
                    return flaw;
    return {};
}

/// Whether `data` holds anything but nulls.
bool holds_user(const Json& answer) {
    const auto* data = member(answer, "data");
    return data != nullptr && data->is_object() &&
           std::any_of(data->begin(), data->end(), [](const Json& field) { return !field.is_null(); });
}

} // namespace

LoginRequest make_login_request(const config::Upstream& upstream, const config::Credentials& credentials,
                                const std::string& login_query) {
    Secret body = graphql_body(login_query, {{credentials.by_email ? "email" : "username", credentials.user},
                                             {"password", credentials.password.reveal()}});
    LoginRequest request;
    request.head = login_head(upstream, "application/json", body.size(), {});
    request.body = std::move(body);
    return request;
}

LoginHead read_login_head(const http::ResponseHead& head, const std::vector<std::string>& token_headers) {
    LoginHead result;
    result.status = head.status;
    result.token = Secret{find_token(head.fields, token_headers)};
    if (result.token.empty())
        result.flaw = find_flaw(head.fields, token_headers);
    result.retry_after = retry_after_of(head);
    return result;
}

LoginOutcome judge_login(LoginHead head, std::string_view body, std::span<const Secret* const> secrets,
                         const std::vector<std::string>& rejected_at) {
    using Outcome = LoginOutcome::Kind;
    const auto status = "HTTP status " + std::to_string(head.status);
    std::vector<const Secret*> quotable{secrets.begin(), secrets.end()};
    quotable.push_back(&head.token);
    const auto fail = [&head](Outcome kind, std::string reason) {
        return failed_login(kind, std::move(reason), head.retry_after);
    };
    if (head.status != 200 && !may_reject(head.status))
        return fail(Outcome::unavailable, status);
    const auto answer =
        body.size() > max_login_answer ? Json(Json::value_t::discarded) : Json::parse(body, nullptr, false);
    if (!answer.is_object())
        return fail(Outcome::unavailable, status + " without a JSON object");
    const auto* errors = member(answer, "errors");
    if (errors != nullptr && !errors->is_null() && !errors->is_array())
        return fail(Outcome::unavailable, "the answer's errors are not a list");
    const bool has_errors = errors != nullptr && errors->is_array() && !errors->empty();
    if (has_errors && has_server_code(*errors))
        return fail(Outcome::unavailable, quote_message(*errors, quotable));
    const bool has_token = head.status == 200 && !head.token.empty();
    if (has_errors && (!has_token || !holds_user(answer)))
        return fail(Outcome::rejected, quote_message(*errors, quotable));
    // Even if a token came along: some servers give one to every client.
    for (const std::string& pointer : rejected_at)
        if (const Json* const refusal = value_at(answer, pointer))
            return fail(Outcome::rejected, quote_refusal(answer, pointer, *refusal, quotable));
    if (!has_token && !head.flaw.empty())
        return fail(Outcome::unavailable, status + " with " + std::string{head.flaw});
    if (!has_token)
        return fail(Outcome::unavailable, status + " with neither a token nor errors");
    LoginOutcome outcome;
    outcome.kind = Outcome::accepted;
    outcome.token = std::move(head.token);
    return outcome;
}

const LoginCodec* login_codec(config::LoginKind kind) noexcept {
    static const GraphqlCodec graphql;
    static const OAuth2Codec oauth2;
    switch (kind) {
    case config::LoginKind::graphql:
        return &graphql;
    case config::LoginKind::oauth2_client_credentials:
        return &oauth2;
    case config::LoginKind::static_token:
        break;
    }
    return nullptr;
}

std::optional<Duration> parse_retry_after(std::string_view value, std::string_view date) {
    constexpr std::int64_t longest = 86'400;
    if (!is_digits(value)) {
        const auto until = parse_http_date(value);
        const auto sent = parse_http_date(date);
        if (!until || !sent || *until < *sent)
            return std::nullopt;
        return std::min(*until - *sent, std::chrono::seconds{longest});
    }
    std::int64_t seconds = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return std::chrono::seconds{code == std::errc{} ? std::min(seconds, longest) : longest};
}

} // namespace bearerd::auth
