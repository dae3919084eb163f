#include "scenario.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bearerd::test {
namespace {

TEST(Forwarding, RedeemsOnceAndShowsTheNewBalance) {
    const Simulator simulator;
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    const auto before = nlohmann::json::parse(daemon.post(balance_query()).body);
    const HttpResponse redeemed = daemon.post(redemption("ref-1"));
    EXPECT_EQ(redeemed.status, 200);
    EXPECT_NE(redeemed.body.find("\"value\":-1"), std::string::npos) << redeemed.body;
    const auto after = nlohmann::json::parse(daemon.post(balance_query()).body);
    const nlohmann::json::json_pointer balance{"/data/Cards/data/0/balance"};
    EXPECT_EQ(after.at(balance).get<int>(), before.at(balance).get<int>() - 1);
    EXPECT_EQ(simulator.executions("ref-1"), 1U);
    EXPECT_EQ(simulator.stat("without_token"), 0);
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
}

TEST(Forwarding, SendsTheBodyByteForByte) {
    Scene scene{plain_answer};
    const std::vector<std::pair<std::string, std::string>> bodies{
        {"application/json", std::string{some_query}},
        {"application/json", " \r\n\t{ \"query\" : \"mutation{a}\" , \"variables\":{\"x\":1.50}}  "},
        {"application/graphql", "query { a # not a mutation\n }"},
        {"text/plain", std::string{"not JSON \0\xff\xfe at all", 19}},
        {"application/json", "[{\"query\":\"{a}\"},{\"query\":\"mutation{b}\"}]"},
        {"multipart/form-data; boundary=x", "--x\r\n\r\nanything\r\n--x--\r\n"},
        {"application/json", ""},
        {"application/json", std::string(300'000, ' ') + std::string{some_query}},
    };
    HttpClient client = scene.daemon.client();
    for (const auto& [type, body] : bodies)
        EXPECT_EQ(client.post(body, {{"Content-Type", type}}).body, some_data) << type;
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        EXPECT_TRUE(requests[i].body == bodies[i].second) << "body " << i;
        EXPECT_EQ(requests[i].header("Content-Type"), bodies[i].first);
        EXPECT_EQ(requests[i].method, "POST");
    }
}

TEST(Forwarding, SendsAChunkedBodyWhole) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    client.send(client.format("POST", "/graphql",
                              "8\r\n{\"query\"\r\n7;x=y\r\n:\"{a}\"}\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
                              {{"Transfer-Encoding", "chunked"}, {"Content-Type", "application/json"}}));
    EXPECT_EQ(client.read_response().body, some_data);
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].body, "{\"query\":\"{a}\"}");
    EXPECT_EQ(requests[0].token(), first_token);
}

TEST(Forwarding, KeepsTheAppsHeadersButForItsCredentialsAndTheHops) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    client.post(some_query, {{"X-Shop", "17"},
                             {"x-shop", "18"},
                             {"Cookie", "a=b; c=d"},
                             {"User-Agent", "Till/1.0 (old)"},
                             {"Accept-Language", "de"},
                             {"Authorization", "Bearer the-apps-own"},
                             {"X-Authorization", "the-apps-own"},
                             {"Proxy-Authorization", "Basic dGhlLWFwcHMtb3du"},
                             {"Connection", "keep-alive, X-Hop"},
                             {"X-Hop", "only for the next hop"},
                             {"Keep-Alive", "timeout=5"},
                             {"TE", "trailers"},
                             {"Accept-Encoding", "br, gzip;q=0.5, zstd"}});
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 1U);
    const UpstreamRequest& request = requests[0];
    for (const auto& [name, value] : Headers{{"X-Shop", "17"},
                                             {"Cookie", "a=b; c=d"},
                                             {"User-Agent", "Till/1.0 (old)"},
                                             {"Accept-Language", "de"},
                                             {"Host", "localhost:" + std::to_string(scene.upstream.port())},
                                             {"Authorization", "Bearer " + std::string{first_token}}})
        EXPECT_EQ(request.header(name), value) << name;
    for (const std::string name :
         {"X-Authorization", "Proxy-Authorization", "X-Hop", "Keep-Alive", "TE", "Origin"})
        EXPECT_EQ(request.header(name), std::nullopt) << name;
    EXPECT_EQ(std::count_if(request.headers.begin(), request.headers.end(),
                            [](const auto& h) { return h.first == "Authorization"; }),
              1);
    EXPECT_EQ(std::count_if(request.headers.begin(), request.headers.end(),
                            [](const auto& h) { return h.second == "18"; }),
              1);
    const std::string coding = request.header("Accept-Encoding").value_or("");
    EXPECT_NE(coding.find("gzip"), std::string::npos);
    EXPECT_EQ(coding.find("br"), std::string::npos);
    EXPECT_EQ(coding.find("zstd"), std::string::npos);
}

TEST(Forwarding, HandsTheAnswerBackUnchanged) {
    const std::string body = R"({"errors":[{"message":"validation"}],"data":{"a":null}})";
    Scene scene{[&](const UpstreamRequest&) {
        return http_answer(body,
                           {{"X-Cost", "16"},
                            {"Set-Cookie", "a=1"},
                            {"Set-Cookie", "b=2"},
                            {"Connection", "X-Hop"},
                            {"X-Hop", "1"},
                            {"X-Authorization", std::string{second_token}},
                            {"Authorization", "Bearer " + std::string{second_token}}},
                           "422 Unprocessable");
    }};
    const HttpResponse response = scene.daemon.post(some_query);
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.header("Content-Type"), "application/json");
    EXPECT_EQ(response.header("X-Cost"), "16");
    EXPECT_EQ(std::count_if(response.headers.begin(), response.headers.end(),
                            [](const auto& h) { return h.first == "Set-Cookie"; }),
              2);
    for (const std::string name : {"X-Hop", "X-Authorization", "Authorization"})
        EXPECT_EQ(response.header(name), std::nullopt) << name;
    for (const auto& [name, value] : response.headers)
        EXPECT_EQ(value.find("token"), std::string::npos) << name;
}

TEST(Forwarding, AppendsTheAppsQueryString) {
    Scene scene{plain_answer};
    HttpClient client = scene.daemon.client();
    EXPECT_EQ(client.get("/graphql?query=%7Ba%7D&variables=%7B%7D").body, some_data);
    EXPECT_EQ(client.request("POST", "/?tag=1", some_query).body, some_data);
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].method, "GET");
    EXPECT_EQ(requests[0].target, "/graphql?query=%7Ba%7D&variables=%7B%7D");
    EXPECT_EQ(requests[1].target, "/graphql?tag=1");
}

} // namespace
} // namespace bearerd::test
