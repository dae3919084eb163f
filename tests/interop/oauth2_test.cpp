#include "support/certificates.hpp"
#include "support/daemon.hpp"
#include "support/process.hpp"
#include "support/secrets.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace bearerd::test {
namespace {

constexpr std::string_view me = R"({"query":"{ me }"})";

/// The server in oauth2/server.js, over TLS. Its tokens live for 6 s.
class OAuth2Server {
public:
    OAuth2Server() {
        const auto line = server_.wait_for_line("listening on ");
        if (!line)
            throw std::runtime_error{"the server did not start:\n" + server_.output()};
        url_ = line->substr(line->find("https"));
    }

    [[nodiscard]] DaemonOptions options(const std::string& client) const {
        const std::string token_url = url_.substr(0, url_.rfind('/')) + "/token";
        return {.upstream_url = url_,
                .ca_pem = authority_.pem(),
                .config = "auth: {kind: oauth2_client_credentials, token_url: \"" + token_url +
                          "\", client_secret_file: password, scope: read write, fresh_for: 0s, " + client +
                          "}\n"};
    }

    /// What the server counted, asked through bearerd.
    [[nodiscard]] static std::int64_t count(const Daemon& daemon, const std::string& name) {
        const auto answer = nlohmann::json::parse(daemon.post(R"({"query":"{ counts }"})").body);
        return answer.at("data").at("counts").at(name).get<std::int64_t>();
    }

private:
    CertificateAuthority authority_;
    TemporaryDirectory directory_;
    Certificate certificate_ = authority_.issue();
    Process server_{NODE_PROGRAM,
                    {OAUTH2_DIRECTORY "/server.js", directory_.write("cert.pem", certificate_.pem),
                     directory_.write("key.pem", certificate_.key_pem),
                     directory_.write("password", std::string{password} + "\n")}};
    std::string url_;
};

class OAuth2Interop : public testing::TestWithParam<std::string> {
protected:
    OAuth2Server server;
};

TEST_P(OAuth2Interop, TokensComeAndAreRenewedAndReplacedOnceTheyAreRevoked) {
    Daemon daemon{server.options(GetParam())};
    const HttpResponse first = daemon.post(me);
    EXPECT_EQ(first.status, 200) << first.body << daemon.output();
    EXPECT_NE(first.body.find(R"("scope":"read write")"), std::string::npos) << first.body;
    EXPECT_EQ(OAuth2Server::count(daemon, "tokens"), 1);
    EXPECT_EQ(daemon.post(R"({"query":"mutation { revoke }"})").status, 200);
    EXPECT_EQ(daemon.post(R"({"query":"mutation { pay }"})").status, 200) << "after a login";
    EXPECT_EQ(OAuth2Server::count(daemon, "rejected"), 1);
    EXPECT_EQ(OAuth2Server::count(daemon, "tokens"), 2);
    EXPECT_TRUE(daemon.wait_for_metric(R"(bearerd_logins_total{result="ok"})", 3))
        << "renewed by its expires_in";
    EXPECT_EQ(daemon.post(me).status, 200);
    EXPECT_EQ(OAuth2Server::count(daemon, "rejected"), 1);
    EXPECT_EQ(OAuth2Server::count(daemon, "refusals"), 0);
}

INSTANTIATE_TEST_SUITE_P(ClientAuth, OAuth2Interop,
                         testing::Values("client_id: \"till 042:a&b=c%+/d\", client_auth: basic",
                                         "client_id: till-post, client_auth: post"),
                         [](const auto& row) {
                             return std::string{row.param.ends_with("basic") ? "Basic" : "Post"};
                         });

TEST(OAuth2InteropRefusal, AWrongSecretIsRejectedInTheServersOwnWords) {
    const OAuth2Server server;
    const TemporaryDirectory secrets;
    DaemonOptions options = server.options("client_id: till-post, client_auth: post");
    const std::string right = "client_secret_file: password";
    options.config.replace(options.config.find(right), right.size(),
                           "client_secret_file: " + secrets.write("wrong", "not-this-one\n"));
    Daemon daemon{options};
    const HttpResponse refused = daemon.post(me);
    EXPECT_EQ(refused.status, 502);
    EXPECT_NE(refused.body.find("LOGIN_REJECTED"), std::string::npos) << refused.body;
    EXPECT_TRUE(daemon.process().wait_for_line("invalid_client")) << daemon.output();
    expect_no_secrets(daemon.output(), {"not-this-one"});
}

} // namespace
} // namespace bearerd::test
