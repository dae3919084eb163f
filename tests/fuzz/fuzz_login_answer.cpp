// Whatever answers a login, judging it never throws; a token is accepted only with status 200 and unchanged.
// Input: two bytes of status, one byte of the token's length, token, body.
#include <bearerd/auth/login_codec.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace {

bearerd::config::Settings settings_of(bearerd::config::LoginKind kind) {
    bearerd::config::Settings settings;
    settings.auth.kind = kind;
    settings.auth.token_headers.clear();
    settings.auth.token_pointer = "/data/a/0/t~1";
    settings.auth.expires_pointer = "/data/e";
    settings.auth.identity_pointer = "/data/a/1";
    settings.auth.refresh = {"", "/data/a/0/n"};
    settings.auth.rejected_at = {"/data/r/99999999999999999999", "/data/r"};
    return settings;
}

/// The other forms of an answer (contract 11).
void read_by_codec(const bearerd::config::Settings& settings, const bearerd::http::ResponseHead& head,
                   std::string body) {
    using namespace bearerd::auth;
    const bearerd::Secret none;
    const auto outcome =
        login_codec(settings.auth.kind)->read({settings, settings.credentials, none}, head, body);
    const bool accepted = outcome.kind == LoginOutcome::Kind::accepted;
    if (accepted && (head.status != 200 || !is_sendable_token(outcome.token.reveal())))
        std::abort();
    if (outcome.life && *outcome.life < bearerd::Duration::zero())
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bearerd::auth;
    if (size < 3)
        return 0;
    const auto* text = reinterpret_cast<const char*>(data);
    const std::size_t length = std::min<std::size_t>(data[2], size - 3);
    const std::string_view value{text + 3, length};
    bearerd::http::ResponseHead head;
    head.status = static_cast<std::uint16_t>(data[0] << 8 | data[1]);
    head.fields.list.push_back({bearerd::http::FieldId::unknown, "X-Authorization", value});
    head.fields.list.push_back({bearerd::http::FieldId::retry_after, "Retry-After", value});
    head.fields.list.push_back({bearerd::http::FieldId::date, "Date", value});
    const bearerd::Secret password{value};
    const std::array<const bearerd::Secret*, 1> secrets{&password};
    const auto outcome = judge_login(read_login_head(head, {"X-Authorization"}),
                                     {text + 3 + length, size - 3 - length}, secrets, {});
    const bool accepted = outcome.kind == LoginOutcome::Kind::accepted;
    if (accepted != !outcome.token.empty() || (accepted && head.status != 200))
        std::abort();
    using bearerd::config::LoginKind;
    static const auto body_login = settings_of(LoginKind::graphql);
    static const auto oauth2 = settings_of(LoginKind::oauth2_client_credentials);
    read_by_codec(body_login, head, {text + 3, size - 3});
    read_by_codec(oauth2, head, {text + 3, size - 3});
    return 0;
}
