#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace bearerd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view api_only = "upstream: {url: https://api.example.com/graphql}\n";
constexpr std::string_view till_user = "credentials: {username: till-042, password: secret}\n";
constexpr std::string_view oauth2_auth =
    "auth: {kind: oauth2_client_credentials, token_url: https://login.example.com/token, client_id: till,\n"
    "       client_secret_file: /etc/secret";

/// A world with one more file.
FakeWorld world_with(std::string content, const std::string& path = "/etc/secret") {
    FakeWorld world;
    world.files[path] = std::move(content);
    return world;
}

std::string with_auth(std::string_view settings) {
    return std::string{api_only} + std::string{till_user} + "auth: {" + std::string{settings} + "}\n";
}

TEST(AuthKind, GraphqlTakesItsTokenFromTheBodyIfAPointerNamesIt) {
    const Settings settings = settings_of(with_auth(
        "login_url: https://login.example.com/graphql, token_pointer: /data/loginUser/token,\n"
        "expires_pointer: /data/loginUser/expires, expires_unit: ms, identity_pointer: /data/a~1b,\n"
        "refresh: {query: \"mutation($refresh_token:ID!){loginUser:r(t:$refresh_token){token}}\",\n"
        "          token_pointer: /data/loginUser/next},\n"
        "send: {header: X-Token, scheme: \"\"}, rejected_at: [/data/me/errors],\n"
        "unauthorized: {resend_mutations: false}"));
    const Auth& auth = settings.auth;
    EXPECT_EQ(auth.kind, LoginKind::graphql);
    ASSERT_TRUE(auth.login_url);
    EXPECT_EQ(auth.login_url->text, "https://login.example.com/graphql");
    EXPECT_EQ(login_url(settings).host, "login.example.com");
    EXPECT_TRUE(logs_in_elsewhere(settings));
    EXPECT_EQ(auth.token_pointer, "/data/loginUser/token");
    EXPECT_THAT(auth.token_headers, IsEmpty()) << "no answer's header replaces such a token";
    EXPECT_EQ(auth.expires_unit, 1ms);
    EXPECT_EQ(auth.identity_pointer, "/data/a~1b");
    ASSERT_TRUE(auth.refresh);
    EXPECT_EQ(auth.refresh->token_pointer, "/data/loginUser/next");
    EXPECT_EQ(auth.send.header, "X-Token");
    EXPECT_EQ(auth.send.scheme, "");
    EXPECT_THAT(auth.rejected_at, ElementsAre("/data/me/errors"));
    EXPECT_FALSE(auth.unauthorized.resend_mutations);
}

TEST(AuthKind, OAuth2HasItsClientInPlaceOfTheCredentials) {
    const Settings settings = settings_of(std::string{api_only} + std::string{oauth2_auth} +
                                              ", scope: a b, audience: https://api, client_auth: post}\n",
                                          world_with("\xef\xbb\xbfs3cret/ \xc3\xa4\r\n"));
    EXPECT_EQ(settings.auth.kind, LoginKind::oauth2_client_credentials);
    EXPECT_EQ(settings.auth.oauth2.token_url.text, "https://login.example.com/token");
    EXPECT_EQ(settings.auth.oauth2.scope, "a b");
    EXPECT_EQ(settings.auth.oauth2.audience, "https://api");
    EXPECT_EQ(settings.auth.oauth2.client_auth, OAuth2::ClientAuth::post);
    EXPECT_EQ(settings.credentials.user, "till");
    EXPECT_EQ(settings.credentials.password.reveal(), "s3cret/ \xc3\xa4");
    EXPECT_EQ(settings.credentials.password_file, "/etc/secret");
    EXPECT_THAT(settings.auth.token_headers, IsEmpty());
    EXPECT_TRUE(logs_in_elsewhere(settings));
}

TEST(AuthKind, StaticTakesATokenFromItsFile) {
    const Settings settings = settings_of(
        std::string{api_only} + "auth: {kind: static, secret_file: /etc/secret}\n", world_with("key-1234\n"));
    EXPECT_EQ(settings.auth.kind, LoginKind::static_token);
    EXPECT_EQ(settings.credentials.password.reveal(), "key-1234");
    EXPECT_FALSE(logs_in_elsewhere(settings));
    EXPECT_THAT(settings.auth.token_headers, IsEmpty());
}

TEST(AuthKind, NamesEachFaultAtItsPlace) {
    const std::string at_static = std::string{api_only} + "auth: {kind: static, secret_file: /etc/secret";

    const struct {
        std::string text;
        std::string secret;
        std::string fault; ///< the first one
    } cases[] = {
        {with_auth("kind: basic"), "s",
         "3:14: auth.kind: must be graphql, oauth2_client_credentials or static"},
        // keys of another kind
        {with_auth("client_id: till"), "s",
         "3:19: auth.client_id: belongs to auth.kind: oauth2_client_credentials, and the kind is graphql"},
        {with_auth("secret_file: /etc/secret"), "s", "3:21: auth.secret_file: belongs to auth.kind: static"},
        {std::string{api_only} + std::string{oauth2_auth} + ", login_url: https://a}", "s",
         "auth.login_url: belongs to auth.kind: graphql"},
        {std::string{api_only} + std::string{oauth2_auth} + ", refresh: {}}", "s",
         "auth.refresh: belongs to auth.kind: graphql"},
        {std::string{api_only} + std::string{oauth2_auth} + ", secret_file: /etc/secret}", "s",
         "auth.secret_file: belongs to auth.kind: static"},
        {at_static + ", token_pointer: /data/a}", "s", "auth.token_pointer: belongs to auth.kind: graphql"},
        {at_static + "}\ncredentials: {username: till-042}", "s",
         "credentials.username: belongs to auth.kind: graphql, and the kind is static"},
        // missing ones
        {std::string{api_only} + "auth: {kind: static}", "s", "2:1: auth.secret_file: is missing"},
        {std::string{api_only} + "auth: {kind: oauth2_client_credentials, client_id: a, client_secret_file: "
                                 "/etc/secret}",
         "s", "2:1: auth.token_url: is missing"},
        {std::string{api_only} + "auth: {kind: oauth2_client_credentials, token_url: https://a, "
                                 "client_secret_file: /etc/secret}",
         "s", "2:1: auth.client_id: is missing"},
        {std::string{api_only} +
             "auth: {kind: oauth2_client_credentials, token_url: https://a, client_id: a}",
         "s", "2:1: auth.client_secret_file: is missing"},
        {with_auth("refresh: {query: \"mutation($refresh_token:ID){r(t:$refresh_token)}\"}"), "s",
         "auth.refresh.token_pointer: is missing"},
        {with_auth("refresh: {token_pointer: /data/loginUser/r}"), "s", "auth.refresh.query: is missing"},
        // tokens that can't be sent
        {at_static + "}", "one,two", "must hold the token alone, in visible ASCII without a comma"},
        {at_static + "}", "null", "must hold the token alone"},
        {at_static + "}", "Bearer", "must hold the token alone"},
        {at_static + "}", std::string(16 * 1024 + 1, 'x'), "too long: more than 16 KiB"},
        // what does not parse
        {with_auth("token_pointer: data/a"), "s", "3:23: auth.token_pointer: must be a JSON pointer"},
        {with_auth("expires_pointer: /a~2"), "s", "auth.expires_pointer: must be a JSON pointer"},
        {with_auth("identity_pointer: a"), "s", "auth.identity_pointer: must be a JSON pointer"},
        {with_auth("expires_unit: m"), "s", "auth.expires_unit: must be s or ms"},
        {with_auth("refresh: {query: \"mutation($refresh_token:ID){\", token_pointer: /data/loginUser/r}"),
         "s", "auth.refresh.query: can't be read as GraphQL"},
        {with_auth("refresh: {query: \"{r}\", token_pointer: /data/loginUser/r}"), "s",
         "auth.refresh.query: must declare and use the variable $refresh_token, which brings the refresh "
         "token"},
        {with_auth("rejected_at: [/errors/0]"), "s",
         "auth.rejected_at: must be a JSON pointer that begins with /data/"},
        {with_auth("rejected_at: [/data/a~3]"), "s", "auth.rejected_at: must be a JSON pointer"},
        {with_auth("login_url: http://login.example.com/"), "s", "auth.login_url: must begin with https://"},
        {with_auth("token_pointer: /data/loginUser/a, token_headers: [X]"), "s",
         "auth.token_headers: stands next to token_pointer"},
        {std::string{api_only} + std::string{oauth2_auth} + ", client_auth: jwt}", "s",
         "auth.client_auth: must be basic or post"},
        {with_auth("unauthorized: {resend_mutations: maybe}"), "s",
         "auth.unauthorized.resend_mutations: must be true or false"},
        // pointers that the documents can't answer
        {with_auth("token_pointer: /data/login/token"), "s",
         "3:23: auth.token_pointer: points into /data/login, but login_query has no field or alias login"},
        {with_auth("expires_pointer: /data/login"), "s", "auth.expires_pointer: points into /data/login"},
        {with_auth("refresh: {query: \"mutation($refresh_token:ID!){r(t:$refresh_token)}\", token_pointer: "
                   "/data/loginUser/next}"),
         "s",
         "auth.refresh.token_pointer: points into /data/loginUser, but refresh.query has no field or alias "
         "loginUser at its root: write loginUser: before its field"},
        // the header of the token
        {with_auth("send: {header: \"X Token\"}"), "s", "auth.send.header: must be a header name"},
        {with_auth("send: {header: Host}"), "s",
         "auth.send.header: must not be a header that bearerd writes"},
        {with_auth("send: {header: content-type}"), "s",
         "auth.send.header: must not be a header that means something else"},
        {with_auth("send: {scheme: \"Bearer x\"}"), "s", "auth.send.scheme: must be one word"},
        {"upstream: {url: https://a, headers: {X-Token: a}}\n" + std::string{till_user} +
             "auth: {send: {header: x-token}}",
         "s", "1:38: upstream.headers.X-Token: must not be a header of the token's"},
        // files of secrets, as a password's
        {at_static + "}", "a\nb\n", "auth.secret_file: /etc/secret must hold one line"},
        {at_static + "}", " a\n", "auth.secret_file: /etc/secret begins with a blank"},
        {at_static + "}", "", "auth.secret_file: /etc/secret holds no token"},
        {at_static + "}", "Bearer abc\n", "auth.secret_file: /etc/secret must hold the token alone"},
        {at_static + "}", "gr\xc3\xbc\xc3\x9f", "auth.secret_file: /etc/secret must hold the token alone"},
        {std::string{api_only} + std::string{oauth2_auth} + "}", "a\n\n",
         "auth.client_secret_file: /etc/secret must hold one line: the secret"},
        {std::string{api_only} + std::string{oauth2_auth} + "}", "a \n", "/etc/secret ends with a blank"},
        {std::string{api_only} + std::string{oauth2_auth} + "}", "a\tb", "holds a control character"},
        {std::string{api_only} + "auth: {kind: static, secret_file: /missing}", "s",
         "auth.secret_file: /missing can't be read"},
        // an outbound proxy must not see what a login holds
        {"upstream: {url: https://a, proxy: http://p:1}\n" + std::string{till_user} +
             "auth: {login_url: http://localhost/}",
         "s", "upstream.proxy: takes an https:// URL for the login"},
    };

    for (const auto& each : cases) {
        SCOPED_TRACE(each.text);
        const auto faults = faults_of(each.text, world_with(each.secret));
        ASSERT_THAT(faults, testing::Not(IsEmpty()));
        EXPECT_THAT(faults.front(), HasSubstr(each.fault));
        EXPECT_THAT(faults, SizeIs(1));
    }
}

TEST(AuthKind, SendsNoHeadersOfTheApiToAnotherServer) {
    const std::string text = "upstream: {url: https://api.example.com/graphql, headers: {X-Key: a}, proxy: "
                             "http://u:p@proxy:1, tls: {server_name: other, ca_file: /ca, "
                             "client_certificate_file: /crt, client_key_file: /key}}\n";
    const Settings there = settings_of(text + std::string{oauth2_auth} + "}\n", world_with("s"));
    const Upstream login = login_upstream(there);
    EXPECT_EQ(login.url.host, "login.example.com");
    EXPECT_THAT(login.headers, IsEmpty());
    EXPECT_EQ(login.tls.server_name, "");
    EXPECT_EQ(login.tls.ca_file, "/ca");
    EXPECT_EQ(login.tls.client_certificate_file, "");
    EXPECT_EQ(login.tls.client_key_file, "");
    ASSERT_TRUE(login.proxy);
    EXPECT_EQ(login.proxy->password.reveal(), "p");
    const Settings here =
        settings_of(text + std::string{till_user} + "auth: {login_url: https://api.example.com/login}\n");
    EXPECT_FALSE(logs_in_elsewhere(here));
    EXPECT_THAT(login_upstream(here).headers, SizeIs(1));
    EXPECT_EQ(login_upstream(here).url.target, "/login");
    EXPECT_EQ(login_upstream(here).tls.client_certificate_file, "/crt");
    EXPECT_EQ(login_upstream(here).tls.client_key_file, "/key");
}

TEST(Profiles, AreValidAndNameTheirSources) {
    std::size_t profiles = 0;
    FakeWorld world = world_with("a-secret\n", "password");
    world.files["client-secret"] = "a-secret\n";
    for (const auto& entry :
         std::filesystem::directory_iterator{std::string{BEARERD_SOURCE_DIR} + "/config/profiles"}) {
        SCOPED_TRACE(entry.path());
        ++profiles;
        std::ifstream file{entry.path()};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        EXPECT_THAT(faults_of(text, world), IsEmpty());
        EXPECT_THAT(warnings_of(text, world.environment()), IsEmpty());
        EXPECT_THAT(text, HasSubstr("# Sources:"));
    }
    EXPECT_EQ(profiles, 8U);
}

} // namespace
} // namespace bearerd::config
