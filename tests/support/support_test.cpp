#include "support/http_client.hpp"
#include "support/notify_socket.hpp"
#include "support/process.hpp"
#include "support/scripted_upstream.hpp"
#include "support/secrets.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// Returns what a client reads from a server that plays `bytes` after one request.
HttpResponse answer_to(const std::string& bytes) {
    ScriptedUpstream upstream{std::nullopt, [&](UpstreamConnection& connection) {
                                  (void)connection.read();
                                  connection.write(bytes);
                              }};
    return HttpClient{upstream.port()}.post("{}");
}

TEST(Process, CapturesBothStreamsAndTheExitStatus) {
    const Finished finished = run("/bin/sh", {"-c", "echo out; echo error >&2; exit 7"});
    EXPECT_EQ(finished.exit.code, 7);
    EXPECT_EQ(finished.standard_output, "out\n");
    EXPECT_NE(finished.output.find("error\n"), std::string::npos);
}

TEST(Process, TellsTheSignalThatEndedIt) {
    Process process{"/bin/sh", {"-c", "echo ready; exec sleep 100"}};
    ASSERT_EQ(process.wait_for_line("rea"), "ready");
    process.signal(SIGTERM);
    const auto exit = process.wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->signal, SIGTERM);
    EXPECT_FALSE(process.running());
}

TEST(Process, WaitingForALineEndsWithTheProcess) {
    Process process{"/bin/sh", {"-c", "echo something else"}};
    EXPECT_EQ(process.wait_for_line("never said"), std::nullopt);
}

TEST(Process, TakesAndRemovesVariables) {
    const Finished finished = run("/usr/bin/env", {}, {{"ADDED", "yes"}, {"PATH", ""}});
    EXPECT_NE(finished.output.find("ADDED=yes\n"), std::string::npos);
    EXPECT_EQ(("\n" + finished.output).find("\nPATH="), std::string::npos);
}

TEST(FreePort, GivesPortsThatDiffer) {
    EXPECT_NE(free_port(), free_port());
}

TEST(HttpClient, ReadsEveryFraming) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n",
         "hello"},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "hello"},
        {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
    };
    for (const auto& [bytes, body] : cases) {
        const HttpResponse response = answer_to(bytes);
        EXPECT_EQ(response.body, body) << bytes;
        EXPECT_TRUE(response.complete) << bytes;
    }
}

TEST(HttpClient, TellsABodyThatWasCutShort) {
    for (const std::string framing :
         {"Content-Length: 9\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"})
        EXPECT_FALSE(answer_to("HTTP/1.1 200 OK\r\n" + framing).complete) << framing;
}

TEST(HttpClient, RefusesWhatIsNotHttp) {
    for (const std::string bytes :
         {"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"})
        EXPECT_THROW((void)answer_to(bytes), BadHttp) << bytes;
}

TEST(ScriptedUpstream, RecordsWhatItGot) {
    ScriptedUpstream upstream{std::nullopt,
                              serve_with("token", [](const UpstreamRequest&) { return http_answer("{}"); })};
    HttpClient client{upstream.port()};
    EXPECT_EQ(client.post(R"({"query":"{loginUser}"})").header("x-authorization"), "token");
    EXPECT_EQ(client.request("POST", "/x", "body", {{"Authorization", "Bearer abc"}}).body, "{}");
    const auto requests = upstream.app_requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].target, "/x");
    EXPECT_EQ(requests[0].body, "body");
    EXPECT_EQ(requests[0].token(), "abc");
    EXPECT_EQ(upstream.logins(), 1);
    EXPECT_EQ(upstream.connections(), 1);
}

/// curl judges the certificates, because it shares no code with them.
TEST(CertificateAuthority, IssuesWhatCurlVerifiesAndRefuses) {
    const CertificateAuthority authority;
    const CertificateAuthority other{"somebody else"};
    const TemporaryDirectory directory;
    const std::string ca = directory.write("ca.pem", authority.pem());

    struct Case {
        Certificate certificate;
        int curl_exit; ///< 60: can't be verified
    };

    const std::vector<Case> cases{
        {authority.issue(), 0},
        {other.issue(), 60},
        {authority.issue({.names = {"DNS:other.example"}}), 60},
        {authority.issue({.begins = std::chrono::hours{-48}, .ends = std::chrono::hours{-24}}), 60},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        ScriptedUpstream upstream{cases[i].certificate, serve_with("token", [](const UpstreamRequest&) {
                                      return http_answer("{}");
                                  })};
        const Finished curl =
            run("/usr/bin/curl", {"-sS", "--noproxy", "*", "--cacert", ca, "-d", "x", upstream.url()});
        EXPECT_EQ(curl.exit.code, cases[i].curl_exit) << "case " << i << ": " << curl.output;
    }
}

TEST(Secrets, AreFoundInEveryForm) {
    for (const std::string text : {"s3cret/one", "czNjcmV0L29uZQ==", "7333637265742f6f6e65", "s3cret%2fone"})
        EXPECT_NONFATAL_FAILURE(expect_no_secrets("before" + text + "after", {"s3cret/one"}),
                                "secret number 0");
    expect_no_secrets("nothing of it", {"s3cret/one"});
}

TEST(NotifySocket, GivesUpWhenTheProcessEnds) {
    const TemporaryDirectory directory;
    NotifySocket notify{directory.path() / "notify"};
    const Process process{"/bin/true", {}};
    EXPECT_FALSE(notify.wait_for("READY=1", process));
}

} // namespace
} // namespace bearerd::test
