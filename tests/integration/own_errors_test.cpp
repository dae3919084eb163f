#include "scenario.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bearerd::test {
namespace {

TEST(OwnErrors, UnknownPathsAndMethodsAreToldSo) {
    Scene scene{plain_answer};
    const auto send = [&](std::string_view method, std::string_view target) {
        return scene.daemon.client().request(method, target, some_query);
    };
    expect_own_error(send("POST", "/other"), 404, "NOT_FOUND", "no");
    expect_own_error(send("GET", "/graphql/"), 404, "NOT_FOUND", "no");
    for (const std::string method : {"PUT", "DELETE", "PATCH"}) {
        const HttpResponse response = send(method, "/graphql");
        expect_own_error(response, 405, "METHOD_NOT_ALLOWED", "no");
        const std::string allowed = response.header("Allow").value_or("");
        EXPECT_NE(allowed.find("POST"), std::string::npos);
        EXPECT_NE(allowed.find("GET"), std::string::npos);
    }
    const HttpResponse mutation = scene.daemon.client().get("/graphql?query=mutation%7Ba%7D");
    expect_own_error(mutation, 405, "METHOD_NOT_ALLOWED", "no");
    EXPECT_NE(mutation.header("Allow").value_or("").find("POST"), std::string::npos);
    EXPECT_TRUE(scene.upstream.app_requests().empty());
}

TEST(OwnErrors, AmbiguousFramingIsAnsweredAndClosed) {
    Scene scene{plain_answer};
    const std::string start = "POST /graphql HTTP/1.1\r\nHost: localhost\r\n";
    for (const std::string& request :
         {start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
          start + "Transfer-Encoding: xchunked\r\n\r\n{}",
          start + "Content-Length: 99999999999999999999999\r\n\r\n",
          start + "X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
          start + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
          std::string{"POST /graphql HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"},
          start + "Host: localhost\r\nContent-Length: 2\r\n\r\n{}", std::string{"no HTTP at all\r\n\r\n"}}) {
        HttpClient client = scene.daemon.client();
        client.send(request);
        const HttpResponse response = client.read_response();
        SCOPED_TRACE(request);
        expect_own_error(response, 400, "BAD_REQUEST", "no");
        EXPECT_TRUE(client.ended());
    }
    EXPECT_TRUE(scene.upstream.app_requests().empty());
}

TEST(OwnErrors, LimitsAreToldSo) {
    Scene scene{plain_answer, "limits: {request_body: 1KiB, request_header: 4KiB}"};
    expect_own_error(scene.daemon.post(std::string(2'000, 'x')), 413, "PAYLOAD_TOO_LARGE", "no");
    expect_own_error(scene.daemon.post(some_query, {{"X-Long", std::string(8'000, 'x')}}), 431,
                     "HEADERS_TOO_LARGE", "no");
    EXPECT_TRUE(scene.upstream.app_requests().empty());
    EXPECT_EQ(scene.daemon.post(some_query).body, some_data);
}

TEST(OwnErrors, WebPagesAndForeignHostsStayOut) {
    Scene scene{plain_answer};
    expect_own_error(scene.daemon.post(some_mutation, {{"Origin", "https://evil.example"}}), 403,
                     "FORBIDDEN_ORIGIN", "no");
    expect_own_error(scene.daemon.post(some_mutation, {{"Sec-Fetch-Site", "cross-site"}}), 403,
                     "FORBIDDEN_ORIGIN", "no");
    expect_own_error(scene.daemon.post(some_mutation, {{"Host", "rebound.example:8080"}}), 403,
                     "FORBIDDEN_HOST", "no");
    EXPECT_TRUE(scene.upstream.app_requests().empty());
    for (const std::string host : {"localhost", "127.0.0.1:1", "[::1]", "127.9.9.9", "LOCALHOST:8080"})
        EXPECT_EQ(scene.daemon.post(some_query, {{"Host", host}}).status, 200) << host;
}

TEST(OwnErrors, ComeAsGraphqlResponseWhereTheAppPrefersThat) {
    Scene scene{plain_answer};
    const HttpResponse response = scene.daemon.client().request(
        "POST", "/other", some_query,
        {{"Accept", "application/graphql-response+json, application/json;q=0.9"}});
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.header("Content-Type"), "application/graphql-response+json");
}

TEST(OwnErrors, ComeWithStatus200WhereTheConfigurationSaysSo) {
    Scene scene{plain_answer, "errors: {status: 200}"};
    expect_own_error(scene.daemon.client().request("POST", "/other", some_query), 200, "NOT_FOUND", "no");
}

} // namespace
} // namespace bearerd::test
