#include "support/certificates.hpp"
#include "support/daemon.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bearerd::test {
namespace {

/// The server in yoga/server.js, over TLS.
class Yoga {
public:
    Yoga() {
        const auto line = server_.wait_for_line("listening on ");
        if (!line)
            throw std::runtime_error{"the server did not start:\n" + server_.output()};
        url_ = line->substr(line->find("https"));
    }

    [[nodiscard]] const std::string& url() const { return url_; }

    [[nodiscard]] const std::string& ca_pem() const { return authority_.pem(); }

    [[nodiscard]] std::string ca_file() const { return directory_.write("ca.pem", authority_.pem()); }

    [[nodiscard]] std::string password_file() const { return (directory_.path() / "password").string(); }

private:
    CertificateAuthority authority_;
    TemporaryDirectory directory_;
    Certificate certificate_ = authority_.issue();
    Process server_{NODE_PROGRAM,
                    {YOGA_DIRECTORY "/server.js", directory_.write("cert.pem", certificate_.pem),
                     directory_.write("key.pem", certificate_.key_pem),
                     directory_.write("password", std::string{password} + "\n")}};
    std::string url_;
};

/// What curl got: the arguments come before the URL.
HttpResponse curl(const std::string& url, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-sS", "-i", "--noproxy", "*", "--http1.1", "-H", "Expect:", url});
    const Finished finished = run("/usr/bin/curl", arguments);
    EXPECT_EQ(finished.exit.code, 0) << finished.output;
    const auto end = finished.standard_output.find("\r\n\r\n");
    HttpResponse response;
    response.status = std::atoi(finished.standard_output.substr(9, 3).c_str());
    response.body = finished.standard_output.substr(std::min(end + 4, finished.standard_output.size()));
    std::string head = finished.standard_output.substr(0, end + 2);
    for (auto at = head.find("\r\n") + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
        const auto colon = head.find(": ", at);
        response.headers.emplace_back(head.substr(at, colon - at),
                                      head.substr(colon + 2, head.find("\r\n", at) - colon - 2));
    }
    return response;
}

std::string document(const std::string& query, const nlohmann::json& more = nlohmann::json::object()) {
    nlohmann::json body{{"query", query}};
    body.update(more);
    return body.dump();
}

class Interop : public testing::Test {
protected:
    /// A token of the test's own, for the direct requests.
    std::string log_in() {
        const auto response =
            direct({"-d",
                    document("query($username:String,$password:String!){loginUser(username:"
                             "$username,password:$password){id}}",
                             {{"variables", {{"username", username}, {"password", password}}}}),
                    "-H", "Content-Type: application/json"});
        return response.header("X-Authorization").value_or("");
    }

    HttpResponse direct(std::vector<std::string> arguments, const std::string& suffix = "") {
        arguments.insert(arguments.end(), {"--cacert", yoga.ca_file()});
        return curl(yoga.url() + suffix, std::move(arguments));
    }

    HttpResponse proxied(std::vector<std::string> arguments, const std::string& suffix = "") {
        return curl("http://127.0.0.1:" + std::to_string(daemon.port()) + "/graphql" + suffix,
                    std::move(arguments));
    }

    Yoga yoga;
    Daemon daemon{{.upstream_url = yoga.url(), .ca_pem = yoga.ca_pem(), .config = "auth: {fresh_for: 0s}"}};
};

TEST_F(Interop, AnswersAreTheSameAsWithoutUs) {
    struct Case {
        std::vector<std::string> arguments;
        std::string suffix;
    };

    const std::string json = "Content-Type: application/json";
    const std::vector<Case> cases{
        {{"-d", document("{ echo(text: \"gr\u00fc\u00dfe \\u20ac\") }"), "-H", json}, ""},
        {{"-d",
          document("mutation($v:Int!){redeem(value:$v,note:\"x\"){id value note}}",
                   {{"variables", {{"v", -1000}}}}),
          "-H", json},
         ""},
        {{"-d",
          document("query A{echo(text:\"a\")} mutation B{redeem(value:1){id}}", {{"operationName", "B"}}),
          "-H", json},
         ""},
        {{"-d", "[" + document("{echo(text:\"1\")}") + "," + document("{echo(text:\"2\")}") + "]", "-H",
          json},
         ""},
        {{"-d", document("{ failing echo(text:\"beside\") }"), "-H", json}, ""},
        {{"-d", document("{ noSuchField }"), "-H", json}, ""},
        {{"-d", document("{ syntax error"), "-H", json}, ""},
        {{"-d", "not JSON", "-H", json}, ""},
        {{"-d", document("{ __schema { queryType { fields { name } } } }"), "-H", json}, ""},
        {{"-d", document("{ echo(text:\"new type\") }"), "-H", json, "-H",
          "Accept: application/graphql-response+json"},
         ""},
        {{"-d", document("{ noSuchField }"), "-H", json, "-H", "Accept: application/graphql-response+json"},
         ""},
        {{"-d", "{ echo(text:\"bare\") }", "-H", "Content-Type: application/graphql"}, ""},
        {{"-d", document("{ echo(text:\"" + std::string(100'000, 'x') + "\") }"), "-H", json}, ""},
        {{"-d", document("{ echo(text:\"packed\") }"), "-H", json, "--compressed"}, ""},
        {{}, "?query=%7Becho(text:%22by%20GET%22)%7D"},
        {{"-d", document("subscription{countdown(from:3)}"), "-H", json, "-H", "Accept: text/event-stream"},
         ""},
        {{"-F", R"(operations={"query":"mutation($f:File!){upload(file:$f)}","variables":{"f":null}})", "-F",
          R"(map={"0":["variables.f"]})", "-F", "0=some content;filename=a.txt"},
         ""},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE((each.arguments.empty() ? each.suffix : each.arguments[1]).substr(0, 100));
        auto with_token = each.arguments;
        with_token.insert(with_token.end(), {"-H", "Authorization: Bearer " + log_in()});
        const HttpResponse expected = direct(with_token, each.suffix);
        const HttpResponse seen = proxied(each.arguments, each.suffix);
        EXPECT_NE(expected.body, "");
        EXPECT_EQ(seen.status, expected.status);
        EXPECT_EQ(seen.body, expected.body);
        EXPECT_EQ(seen.header("Content-Type"), expected.header("Content-Type"));
        EXPECT_EQ(seen.header("X-Authorization"), std::nullopt);
        EXPECT_EQ(seen.header("Authorization"), std::nullopt);
    }
}

TEST_F(Interop, TokensAreFollowedThroughSwapsAndRevocation) {
    const auto logins = [&] {
        return nlohmann::json::parse(daemon.post(document("{ counts { logins } }")).body)
            .at("/data/counts/logins"_json_pointer)
            .get<int>();
    };
    for (int i = 0; i < 12; ++i) // with a new token after each five
        EXPECT_EQ(daemon.post(document("mutation { redeem(value: 5) { value } }")).body,
                  R"({"data":{"redeem":{"value":5}}})");
    EXPECT_EQ(logins(), 1);
    EXPECT_NE(daemon.post(document("mutation { revokeAll }")).body.find("true"), std::string::npos);
    EXPECT_EQ(daemon.post(document("mutation { redeem(value: 6) { value } }")).body,
              R"({"data":{"redeem":{"value":6}}})");
    EXPECT_EQ(logins(), 2);
}

/// GraphQL over HTTP, by graphql-http's own audits of a server (clients/npm/audits.js).
/// The audited server listens on 127.0.0.1 only, and Node tries ::1 first if /etc/hosts has it for localhost.
TEST_F(Interop, AuditsComeOutAsWithoutUs) {
    const Finished finished =
        run(NODE_PROGRAM,
            {NPM_CLIENTS "/audits.js", yoga.url(),
             "http://127.0.0.1:" + std::to_string(daemon.port()) + "/graphql", yoga.password_file()},
            {{"NODE_EXTRA_CA_CERTS", yoga.ca_file()}, {"NODE_OPTIONS", "--dns-result-order=ipv4first"}});
    EXPECT_EQ(finished.exit.code, 0) << finished.output;
    EXPECT_EQ(finished.output.find("DIFFERENT"), std::string::npos) << finished.output;
    EXPECT_NE(finished.output.find("AUDITS 60, OK 60"), std::string::npos) << finished.output;
}

} // namespace
} // namespace bearerd::test
