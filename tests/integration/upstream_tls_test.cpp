#include "scenario.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

std::string secret_text() {
    return std::string{password};
}

/// Puts bearerd in front of a server that it must not trust: every request is refused, and the password is
/// not sent.
void expect_refused(const CertificateAuthority& trusted, const std::optional<Certificate>& certificate,
                    const std::string& host = "localhost") {
    ScriptedUpstream upstream{certificate, serve_with(std::string{first_token},
                                                      [](const auto&) { return http_answer(some_data); })};
    const std::string url = "https://" + host + ":" + std::to_string(upstream.port()) + "/graphql";
    const Daemon daemon{
        {.upstream_url = url, .ca_pem = trusted.pem(), .config = "upstream: {connect_timeout: 2s}"}};
    const HttpResponse response = daemon.post(some_mutation);
    expect_own_error(response, 503, "LOGIN_UNAVAILABLE", "no");
    EXPECT_GE(std::stoi(response.header("Retry-After").value_or("-1")), 0);
    EXPECT_GE(upstream.connections(), 1) << "it was never tried";
    EXPECT_TRUE(upstream.requests().empty());
    EXPECT_EQ(upstream.received().find(secret_text()), std::string::npos);
    EXPECT_EQ(upstream.received().find("loginUser"), std::string::npos);
}

TEST(UpstreamTls, RefusesACertificateOfAnotherAuthority) {
    expect_refused(CertificateAuthority{}, CertificateAuthority{"somebody else"}.issue());
}

TEST(UpstreamTls, RefusesACertificateForAnotherName) {
    const CertificateAuthority authority;
    expect_refused(authority, authority.issue({.names = {"DNS:api.example.com", "IP:127.0.0.2"}}));
}

TEST(UpstreamTls, RefusesANameWhereTheUrlHasAnAddress) {
    const CertificateAuthority authority;
    expect_refused(authority, authority.issue({.names = {"DNS:localhost"}}), "127.0.0.1");
}

TEST(UpstreamTls, RefusesAnExpiredCertificate) {
    const CertificateAuthority authority;
    expect_refused(authority,
                   authority.issue({.begins = std::chrono::hours{-48}, .ends = std::chrono::hours{-1}}));
}

TEST(UpstreamTls, RefusesACertificateThatIsNotValidYet) {
    const CertificateAuthority authority;
    expect_refused(authority,
                   authority.issue({.begins = std::chrono::hours{1}, .ends = std::chrono::hours{48}}));
}

TEST(UpstreamTls, RefusesPlainTextWhereTlsIsDue) {
    expect_refused(CertificateAuthority{}, std::nullopt);
}

TEST(UpstreamTls, AcceptsAnAddressThatTheCertificateNames) {
    const CertificateAuthority authority;
    ScriptedUpstream upstream{authority.issue(), serve_with(std::string{first_token}, [](const auto&) {
                                  return http_answer(some_data);
                              })};
    const Daemon daemon{{.upstream_url = upstream.url("127.0.0.1"), .ca_pem = authority.pem()}};
    EXPECT_EQ(daemon.post(some_query).body, some_data);
}

TEST(UpstreamTls, PlainHttpIsForLoopbackOnly) {
    const TemporaryDirectory directory;
    const std::string secret = directory.write("password", std::string{password});
    const auto check = [&](const std::string& url) {
        const std::string file = directory.write(
            "bearerd.yaml",
            "upstream: {url: \"" + url + "\"}\ncredentials: {username: x, password_file: " + secret + "}\n");
        return run_bearerd({"check", "--config", file});
    };
    for (const std::string url :
         {"http://api.example.com/graphql", "http://192.0.2.1/", "http://127.0.0.1.example.com/"}) {
        const Finished finished = check(url);
        EXPECT_EQ(finished.exit.code, 78) << url;
        EXPECT_NE(finished.output.find("bearerd.yaml:1:"), std::string::npos) << finished.output;
        EXPECT_EQ(finished.output.find(secret_text()), std::string::npos);
    }
    for (const std::string url : {"http://127.0.0.1:9/graphql", "http://[::1]:9/", "http://localhost:9/",
                                  "https://api.example.com/graphql"})
        EXPECT_EQ(check(url).exit.code, 0) << url;
}

TEST(UpstreamTls, PlainHttpOverLoopbackWorks) {
    const Simulator simulator{{"--plain"}};
    const Daemon daemon{{.upstream_url = simulator.url()}};
    EXPECT_EQ(daemon.post(redemption("plain")).status, 200);
    EXPECT_EQ(simulator.executions("plain"), 1U);
}

} // namespace
} // namespace bearerd::test
