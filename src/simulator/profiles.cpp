#include "profiles.hpp"

#include "encoding.hpp"
#include "value.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace bearerd::sim {
namespace {

using Form = Profile::Form;

const std::array<Profile, 9>& all_profiles() {
    static const std::array<Profile, 9> profiles = {{
        {.name = "toggle", .form = Form::header, .login = "loginUser"},
        {.name = "vendure",
         .form = Form::body,
         .login = "login",
         .answers = "vendure-auth-token",
         .refusal_in_data = true,
         .message = "You are not currently authorized to perform this action",
         .code = "FORBIDDEN"},
        {.name = "saleor",
         .form = Form::body,
         .login = "tokenCreate",
         .refusal_in_data = true,
         .message = "Signature has expired"},
        {.name = "adobe-commerce",
         .form = Form::body,
         .login = "generateCustomerToken",
         .message = "The current customer isn't authorized."},
        {.name = "directus",
         .form = Form::body,
         .login = "auth_login",
         .refresh = "auth_refresh",
         .path = "/graphql/system",
         .token = "access_token",
         .life = "expires",
         .life_in_ms = true,
         .message = "Token expired.",
         .code = "TOKEN_EXPIRED",
         .status = 401},
        {.name = "payload",
         .form = Form::body,
         .login = "loginUser",
         .scheme = "JWT",
         .life = "exp",
         .life_is_moment = true,
         .status = 401},
        {.name = "shopify-admin",
         .form = Form::oauth2,
         .login = "",
         .path = "/admin/oauth/access_token",
         .header = "X-Shopify-Access-Token",
         .scheme = "",
         .status = 401},
        {.name = "commercetools",
         .form = Form::oauth2,
         .login = "",
         .path = "/oauth/token",
         .basic_only = true,
         .status = 401},
        {.name = "static", .form = Form::fixed, .login = "", .status = 401},
    }};
    return profiles;
}

std::string form_value(std::string_view body, std::string_view name) {
    while (!body.empty()) {
        const auto pair = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(pair.size() + 1, body.size()));
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name)
            return percent_decoded(pair.substr(equals + 1));
    }
    return {};
}

std::string from_base64(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos)
            break;
        bits = bits << 6U | static_cast<unsigned>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU);
        }
    }
    return out;
}

bool calls(std::string_view query, std::string_view field) {
    return !field.empty() && query.find(std::string(field) + "(") != std::string_view::npos;
}

Json body_of(const HttpRequest& request) {
    const Json body = Json::parse(request.body, nullptr, false);
    return body.is_object() ? body : Json::object();
}

std::string text_at(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

LoginAttempt read_oauth2(const Profile& profile, const HttpRequest& request) {
    LoginAttempt attempt;
    attempt.well_formed = form_value(request.body, "grant_type") == "client_credentials" &&
                          request.header("Content-Type") == "application/x-www-form-urlencoded";
    constexpr std::string_view scheme = "Basic ";
    const auto value = request.header("Authorization");
    if (value.starts_with(scheme)) {
        const std::string pair = from_base64(value.substr(scheme.size()));
        const auto colon = std::min(pair.find(':'), pair.size());
        attempt.user = percent_decoded(std::string_view(pair).substr(0, colon));
        attempt.secret = percent_decoded(std::string_view(pair).substr(std::min(colon + 1, pair.size())));
    } else if (!profile.basic_only) {
        attempt.user = form_value(request.body, "client_id");
        attempt.secret = form_value(request.body, "client_secret");
    }
    return attempt;
}

} // namespace

const Profile* find_profile(std::string_view name) {
    const auto& all = all_profiles();
    const auto found =
        std::find_if(all.begin(), all.end(), [name](const Profile& p) { return p.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string_view> profile_names() {
    std::vector<std::string_view> names;
    for (const Profile& profile : all_profiles())
        names.push_back(profile.name);
    return names;
}

bool is_login(const Profile& profile, const HttpRequest& request) {
    if (profile.form == Form::oauth2)
        return request.path() == profile.path;
    if (profile.form != Form::body || request.method != "POST")
        return false;
    const std::string query = text_at(body_of(request), "query");
    return calls(query, profile.login) || calls(query, profile.refresh);
}

LoginAttempt read_login(const Profile& profile, const HttpRequest& request) {
    if (profile.form == Form::oauth2)
        return read_oauth2(profile, request);
    const Json body = body_of(request);
    const Json variables = body.value("variables", Json::object());
    LoginAttempt attempt;
    if (calls(text_at(body, "query"), profile.refresh)) {
        attempt.refresh_token = text_at(variables, "refresh_token");
        attempt.well_formed = !attempt.refresh_token.empty();
        return attempt;
    }
    attempt.user = text_at(variables, "username") + text_at(variables, "email");
    attempt.secret = text_at(variables, "password");
    return attempt;
}

HttpReply login_reply(const Profile& profile, const std::string& token, const std::string& next,
                      std::chrono::milliseconds life, std::chrono::seconds wall, const std::string& user) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(life).count();
    if (profile.form == Form::oauth2) {
        Json answer = {{"access_token", token}, {"scope", "all"}, {"expires_in", seconds}};
        if (profile.basic_only)
            answer["token_type"] = "Bearer";
        return json_reply(answer.dump());
    }
    Json login = {{"user", {{"name", user}, {"email", user}}}, {"errors", Json::array()}};
    if (profile.answers.empty())
        login[std::string(profile.token)] = token;
    if (!next.empty())
        login["refresh_token"] = next;
    if (!profile.life.empty())
        login[std::string(profile.life)] = profile.life_is_moment ? wall.count() + seconds
                                           : profile.life_in_ms   ? life.count()
                                                                  : seconds;
    HttpReply reply = json_reply(Json{{"data", {{std::string(profile.login), std::move(login)}}}}.dump());
    if (!profile.answers.empty())
        reply.headers.emplace_back(profile.answers, token);
    return reply;
}

HttpReply refusal_reply(const Profile& profile) {
    const std::string message = "Invalid user or password";
    if (profile.form == Form::oauth2)
        return json_reply(Json{{"error", "invalid_client"}, {"error_description", message}}.dump(), 401);
    if (profile.refusal_in_data)
        return json_reply(Json{{"data",
                                {{std::string(profile.login),
                                  {{"errorCode", "INVALID_CREDENTIALS_ERROR"},
                                   {"message", message},
                                   {"errors", Json::array({{{"message", message}}})}}}}}}
                              .dump());
    return json_reply(Json{
        {"errors", Json::array({{{"message", message}, {"extensions", {{"code", "INVALID_CREDENTIALS"}}}}})},
        {"data", nullptr}}.dump());
}

std::string rejection_body(const Profile& profile) {
    Json error = {{"message", profile.message}};
    if (!profile.code.empty())
        error["extensions"] = {{"code", profile.code}};
    return Json{{"errors", Json::array({std::move(error)})}}.dump();
}

std::string RefreshTokens::issue() {
    std::string token = "refresh-" + base64url(random_bytes(24));
    used_.emplace(token, false);
    return token;
}

RefreshTokens::Use RefreshTokens::use(const std::string& token) {
    const auto found = used_.find(token);
    if (found == used_.end())
        return Use::unknown;
    return std::exchange(found->second, true) ? Use::again : Use::good;
}

} // namespace bearerd::sim
