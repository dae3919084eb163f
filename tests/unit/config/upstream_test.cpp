#include "fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr std::string_view credentials = "credentials: {username: till-042, password: secret}\n";

std::string with_url(std::string_view url) {
    return "upstream: {url: \"" + std::string{url} + "\"}\n" + std::string{credentials};
}

std::string with_upstream(std::string_view more) {
    return "upstream: {" + std::string{more} + ", url: \"https://a.example\"}\n" + std::string{credentials};
}

TEST(UpstreamUrl, IsTakenApart) {
    struct Case {
        std::string_view text;
        Url url;
        std::string_view authority;
    };

    const Case cases[] = {
        {"https://api.example.com/graphql",
         {true, "api.example.com", 443, "/graphql", "https://api.example.com/graphql"},
         "api.example.com"},
        {"HTTPS://API.Example.com",
         {true, "api.example.com", 443, "/", "https://api.example.com/"},
         "api.example.com"},
        {"https://api.example.com:443?a=b&c=%20",
         {true, "api.example.com", 443, "/?a=b&c=%20", "https://api.example.com/?a=b&c=%20"},
         "api.example.com"},
        {"https://api.example.com:8443/A/b?",
         {true, "api.example.com", 8443, "/A/b?", "https://api.example.com:8443/A/b?"},
         "api.example.com:8443"},
        {"https://[2001:DB8::0:1]/x",
         {true, "2001:db8::1", 443, "/x", "https://[2001:db8::1]/x"},
         "[2001:db8::1]"},
        {"https://192.0.2.1", {true, "192.0.2.1", 443, "/", "https://192.0.2.1/"}, "192.0.2.1"},
        {"http://localhost:4000/g",
         {false, "localhost", 4000, "/g", "http://localhost:4000/g"},
         "localhost:4000"},
        {"http://127.8.8.8/g", {false, "127.8.8.8", 80, "/g", "http://127.8.8.8/g"}, "127.8.8.8"},
        {"http://[::1]:81", {false, "::1", 81, "/", "http://[::1]:81/"}, "[::1]:81"},
    };
    for (const Case& each : cases) {
        const Url url = settings_of(with_url(each.text)).upstream.url;
        EXPECT_EQ(url.tls, each.url.tls) << each.text;
        EXPECT_EQ(url.host, each.url.host) << each.text;
        EXPECT_EQ(url.port, each.url.port) << each.text;
        EXPECT_EQ(url.target, each.url.target) << each.text;
        EXPECT_EQ(url.text, each.url.text) << each.text;
        EXPECT_EQ(url.authority(), each.authority) << each.text;
    }
}

TEST(UpstreamUrl, Faults) {
    const std::string whole = "must be a whole URL, such as https://api.example.com/graphql";
    const std::string clear =
        "must begin with https://: http:// sends password and token in the clear, and is only "
        "for this machine (localhost, 127.0.0.1, [::1])";
    const std::string host = "must name its host by a host name or an IP address";
    const std::string port = "must have a port from 1 to 65535, or none";
    const std::pair<std::string_view, std::string> cases[] = {
        {"", whole},
        {"api.example.com/graphql", whole},
        {"https:graphql", whole},
        {"https://a b", whole},
        {"https://a/%zz", whole},
        {"https://[::1", whole},
        {"ftp://a.example", "must begin with https://"},
        {"http://a.example", clear},
        {"http://127.evil.example", clear},
        {"http://localhost.evil.example", clear},
        {"http://0.0.0.0", clear},
        {"http://[::ffff:127.0.0.1]", clear},
        {"https://u:p@a.example", "must not hold a user or password: they belong under credentials"},
        {"https://@a.example", "must not hold a user or password: they belong under credentials"},
        {"https://a.example/#x", "must not hold a # and what follows it"},
        {"https:///graphql", host},
        {"https://%61.example", host},
        {"https://[v1.x]", host},
        {"http://127.0.0.1.evil.example", host},
        {"https://192.0.2.1x/graphql", host},
        {"https://127.1", host},
        {"https://a.example.", host},
        {"https://a.example:0", port},
        {"https://a.example:65536", port},
    };
    for (const auto& [url, message] : cases)
        EXPECT_THAT(faults_of(with_url(url)), ElementsAre("1:17: upstream.url: " + message)) << url;
}

TEST(UpstreamProxy, IsTakenApart) {
    EXPECT_EQ(settings_of(with_upstream("proxy: \"\"")).upstream.proxy, std::nullopt);
    const Settings plain = settings_of(with_upstream("proxy: \"http://Proxy.example:3128/\""));
    EXPECT_EQ(plain.upstream.proxy->host, "proxy.example");
    EXPECT_EQ(plain.upstream.proxy->port, 3128);
    EXPECT_EQ(plain.upstream.proxy->user, "");
    EXPECT_TRUE(plain.upstream.proxy->password.empty());
    const Settings full = settings_of(with_upstream("proxy: \"http://us%20er:p%40%2Fs%25:s@[::1]:80\""));
    EXPECT_EQ(full.upstream.proxy->host, "::1");
    EXPECT_EQ(full.upstream.proxy->user, "us er");
    EXPECT_TRUE(full.upstream.proxy->password.equals(Secret{std::string_view{"p@/s%:s"}}));
}

TEST(UpstreamProxy, Faults) {
    const std::string form =
        "must be http://[user:password@]host:port, with %XX for special characters in user and "
        "password, or empty for none";
    for (const std::string_view proxy :
         {"proxy.example:3128", "https://proxy.example:3128", "http://proxy.example",
          "http://proxy.example:0", "http://proxy.example:3128/path", "http://proxy.example:3128?q",
          "http://:3128", "http://u:p/w@proxy:3128"})
        EXPECT_THAT(faults_of(with_upstream("proxy: \"" + std::string{proxy} + "\"")),
                    ElementsAre("1:19: upstream.proxy: " + form))
            << proxy;
    EXPECT_THAT(faults_of(with_upstream("proxy: \"http://a%3Ab:c@proxy:3128\"")),
                ElementsAre(HasSubstr("must not have a colon in the user name")));
    EXPECT_THAT(faults_of(with_upstream("proxy: \"http://:c@proxy:3128\"")),
                ElementsAre(HasSubstr("must have a user name before the password")));
    const std::string beside_http =
        "upstream: {url: \"http://localhost:4000/\", proxy: \"http://proxy:3128\"}\n";
    EXPECT_THAT(faults_of(beside_http + std::string{credentials}),
                ElementsAre(AllOf(HasSubstr("upstream.proxy: "), HasSubstr("https://"))));
}

TEST(UpstreamHeaders, KeepOrderAndLoseSurroundingBlanks) {
    const Settings settings =
        settings_of(with_upstream("headers: {X-Shop: 42, A: \"\", X-Till: \"  a b \", User-Agent: till}"));
    EXPECT_THAT(settings.upstream.headers, ElementsAre(Pair("X-Shop", "42"), Pair("A", ""),
                                                       Pair("X-Till", "a b"), Pair("User-Agent", "till")));
}

TEST(UpstreamHeaders, Faults) {
    EXPECT_THAT(faults_of(with_upstream("headers: [X-A]")),
                ElementsAre(HasSubstr("1:21: upstream.headers: must be a mapping")));
    EXPECT_THAT(
        faults_of(with_upstream("headers: {\"X A\": 1}")),
        ElementsAre("1:22: upstream.headers.X A: must be a header name: letters, digits and -, without colon "
                    "or blanks"));
    EXPECT_THAT(
        faults_of(with_upstream("headers: {X-A: 1, x-a: 2}")),
        ElementsAre(
            "1:30: upstream.headers.x-a: stands twice, upper and lower case being the same: leave one "
            "of the two"));
    EXPECT_THAT(faults_of(with_upstream("headers: {X-A: \"a\\r\\nB: c\"}")),
                ElementsAre("1:27: upstream.headers.X-A: must be one line without control characters"));
    EXPECT_THAT(faults_of(with_upstream("headers: {X-A: [1]}")),
                ElementsAre("1:27: upstream.headers.X-A: must be a single value, not a list or mapping"));
}

TEST(UpstreamHeaders, ThoseThatBearerdWritesAreRefused) {
    for (const std::string name : {"Connection", "keep-alive", "Proxy-Connection", "Proxy-Authorization",
                                   "Proxy-Authenticate", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                                   "HOST", "Content-Length", "Expect", "X-Request-Id", "Accept-Encoding"})
        EXPECT_THAT(
            faults_of(with_upstream("headers: {" + name + ": x}")),
            ElementsAre("1:22: upstream.headers." + name +
                        ": must not be a header that bearerd writes itself or that concerns one connection "
                        "only"));
    for (const std::string name : {"authorization", "X-Authorization", "X-Token"})
        EXPECT_THAT(
            faults_of("auth: {token_headers: [x-token]}\n" + with_upstream("headers: {" + name + ": x}")),
            ElementsAre("2:22: upstream.headers." + name +
                        ": must not be a header of the token's: bearerd writes it itself"));
}

TEST(UpstreamTls, CertificateAndKeyComeTogether) {
    EXPECT_THAT(
        faults_of(with_upstream("tls: {client_certificate_file: a}")),
        ElementsAre("1:12: upstream.tls.client_key_file: is missing: a client certificate takes its key as "
                    "well"));
    EXPECT_THAT(faults_of(with_upstream("tls: {client_certificate_file: \"\", client_key_file: a}")),
                ElementsAre("1:43: upstream.tls.client_certificate_file: is missing: a client key takes its "
                            "certificate as well"));
    const Settings settings = settings_of(with_upstream(
        "tls: {client_certificate_file: a, client_key_file: b, server_name: A.example, ca_file: c, "
        "min_version: 1.3}"));
    EXPECT_EQ(settings.upstream.tls.client_certificate_file, "a");
    EXPECT_EQ(settings.upstream.tls.client_key_file, "b");
    EXPECT_EQ(settings.upstream.tls.server_name, "a.example");
    EXPECT_EQ(settings.upstream.tls.ca_file, "c");
    EXPECT_EQ(settings.upstream.tls.min_version, UpstreamTls::Version::tls13);
}

TEST(UpstreamTls, Faults) {
    EXPECT_THAT(
        faults_of(with_upstream("tls: {min_version: 1.1, server_name: \"a:1\"}")),
        ElementsAre("1:31: upstream.tls.min_version: must be 1.2 or 1.3",
                    "1:49: upstream.tls.server_name: must be a host name or an IP address, without scheme, "
                    "port, path or wildcard"));
    EXPECT_THAT(faults_of(with_upstream("tls: {verify: false}")),
                ElementsAre(HasSubstr("is not a known key")));
}

TEST(Upstream, EachThreadNeedsAConnection) {
    EXPECT_THAT(
        faults_of(with_upstream("max_connections: 3") + "threads: 4\n"),
        ElementsAre("1:29: upstream.max_connections: must not be less than threads (4): each has its own "
                    "share"));
    EXPECT_THAT(faults_of(with_upstream("max_connections: 4") + "threads: 4\n"), IsEmpty());
}

TEST(Upstream, OnlyTheReuseForMutationsMayBeZero) {
    EXPECT_EQ(settings_of(with_upstream("reuse_for_mutations: 0s")).upstream.reuse_for_mutations, 0s);
    for (const std::string key : {"connect_timeout", "response_timeout", "idle_timeout"})
        EXPECT_THAT(faults_of(with_upstream(key + ": 0s")),
                    ElementsAre(HasSubstr(key + ": must be a duration from 1ms")));
}

TEST(Upstream, KeepsOneConnectionWarmOrNone) {
    const Upstream upstream = settings_of(with_upstream("max_connections: 64")).upstream;
    EXPECT_EQ(upstream.keep_warm.connections, 1U);
    EXPECT_EQ(upstream.keep_warm.period, 15min);
    EXPECT_THAT(faults_of(with_upstream("keep_warm: {connections: 0, for: 0s}")), IsEmpty());
    EXPECT_THAT(faults_of(with_upstream("keep_warm: {connections: 2}")),
                ElementsAre(HasSubstr("upstream.keep_warm.connections: must be a")));
    EXPECT_THAT(faults_of(with_upstream("keep_warm: {for: 25h}")),
                ElementsAre(HasSubstr("upstream.keep_warm.for: must be a duration from 0s to 24h")));
    EXPECT_THAT(faults_of(with_upstream("keep_warm: {fro: 1m}")), ElementsAre(HasSubstr("for")));
}

std::string with_credentials(std::string_view text) {
    return "upstream: {url: \"https://a.example\"}\ncredentials: {" + std::string{text} + "}\n";
}

TEST(Credentials, PasswordFromEachPlace) {
    FakeWorld world;
    world.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/bearerd.service";
    world.files["/run/credentials/bearerd.service/password"] = "from-systemd\r\n";
    world.files["/inner"] = "two words\n";
    world.files["/dollar"] = "${PASSWORD}";
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"password: 12345", "12345"},
        {"password: \"true\"", "true"},
        {"password: \"p\\n\"", "p\n"},
        {"password: \"${PASSWORD}!\"", "from-environment!"},
        {"password_file: /etc/bearerd/password", "from-file"},
        {"password_file: /inner", "two words"},
        {"password: \" p \"", " p "},
        {"password_file: /dollar", "${PASSWORD}"},
        {"", "from-systemd"},
    };
    for (const auto& [text, password] : cases) {
        const Settings settings = settings_of(with_credentials("username: a, " + std::string{text}), world);
        EXPECT_TRUE(settings.credentials.password.equals(Secret{password})) << text;
        EXPECT_FALSE(settings.credentials.by_email);
    }
}

TEST(Credentials, UserNameOrEmail) {
    const Settings settings = settings_of(with_credentials("email: Till@Shop.example, password: x"));
    EXPECT_TRUE(settings.credentials.by_email);
    EXPECT_EQ(settings.credentials.user, "Till@Shop.example");
    EXPECT_THAT(faults_of(with_credentials("username: a, email: b, password: x")),
                ElementsAre("2:35: credentials.email: stands next to username: leave one of the two"));
}

TEST(Credentials, PasswordFaults) {
    FakeWorld world;
    world.files["/empty"] = "\n";
    world.files["/binary"] = "a\xff";
    world.files["/two"] = "one\ntwo\n";
    world.files["/below"] = "one\n\n";
    world.files["/cr"] = "one\rtwo";
    world.files["/leading"] = " one\n";
    world.files["/trailing"] = "one\t\n";
    world.files["/blank"] = " \n";
    world.files["/wide"] = std::string{"o\0n\0e\0", 6}; // UTF-16, as an editor of Windows writes it
    const std::string lines =
        " must hold one line: the password, with nothing below it; an empty second line counts too";
    const std::string blank = " with a blank: remove it, or, if it is part of the password, write password: "
                              "${VARIABLE} instead";
    const std::pair<std::string_view, std::string> cases[] = {
        {"password: \"\"", "2:38: credentials.password: must not be empty"},
        {"password: \"${EMPTY}\"", "2:38: credentials.password: must not be empty"},
        {"password: \"${NOT_UTF8}\"", "2:38: credentials.password: must be UTF-8"},
        {"password: \"${NOPE}\"",
         "2:38: credentials.password: holds ${NOPE}, which is not set: set that environment variable"},
        {"password_file: \"\"", "2:43: credentials.password_file: must not be empty"},
        {"password_file: /none",
         "2:43: credentials.password_file: /none can't be read: No such file or directory"},
        {"password_file: /empty",
         "2:43: credentials.password_file: /empty holds no password: the file is empty"},
        {"password_file: /binary", "2:43: credentials.password_file: /binary must be UTF-8"},
        {"password_file: /two", "2:43: credentials.password_file: /two" + lines},
        {"password_file: /below", "2:43: credentials.password_file: /below" + lines},
        {"password_file: /cr", "2:43: credentials.password_file: /cr" + lines},
        {"password_file: /leading", "2:43: credentials.password_file: /leading begins" + blank},
        {"password_file: /blank", "2:43: credentials.password_file: /blank begins" + blank},
        {"password_file: /trailing", "2:43: credentials.password_file: /trailing ends" + blank},
        {"password_file: /wide",
         "2:43: credentials.password_file: /wide holds a control character: write the "
         "password as plain text in UTF-8"},
        {"password: a, password_file: /etc/bearerd/password",
         "2:56: credentials.password_file: stands next to password: leave one of the two"},
    };
    for (const auto& [text, fault] : cases)
        EXPECT_THAT(faults_of(with_credentials("username: a, " + std::string{text}), world),
                    ElementsAre(fault))
            << text;
    world.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/x";
    EXPECT_THAT(
        faults_of(with_credentials("username: a"), world),
        ElementsAre("2:1: credentials.password: is missing, and the systemd credential \"password\" in "
                    "/run/credentials/x/password can't be read: No such file or directory"));
}

} // namespace
} // namespace bearerd::config
