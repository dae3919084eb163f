#include "ingress.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

const std::string page_origin = "http://till.example:3000";
const std::string rules = "access: {allowed_origins: [\"" + page_origin + "\"], allowed_hosts: [pos.lan]}";

std::string answer_with_cors(const UpstreamRequest&) {
    return http_answer(some_data, {{"Access-Control-Allow-Origin", "*"}, {"X-Kept", "yes"}});
}

void expect_no_cors(const HttpResponse& response) {
    for (const auto& [name, value] : response.headers)
        EXPECT_FALSE(name.starts_with("Access-Control-")) << name << ": " << value;
}

std::size_t count_fields(const HttpResponse& response, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(response.headers.begin(), response.headers.end(),
                                                  [&](const auto& field) { return field.first == name; }));
}

TEST(Browsers, ReachUsUnderNoNameThatIsNotOurs) {
    Shop shop{rules};
    for (const std::string host : {"evil.example", "evil.example:8080", "10.0.0.1", "0.0.0.0",
                                   "localhost.evil.example", "127.0.0.1.nip.io", "pos.lan.evil.example",
                                   "xpos.lan", "[::2]", "[::ffff:127.0.0.1]", "127.1", "localhost:99999"}) {
        SCOPED_TRACE(host);
        expect_own_error(shop.daemon.post(redemption("x"), {{"Host", host}}), 403, "FORBIDDEN_HOST", "no");
        const auto get = shop.daemon.client().get("/?query=%7BCards%7Btotal%7D%7D", {{"Host", host}});
        expect_own_error(get, 403, "FORBIDDEN_HOST", "no");
        expect_no_cors(get);
    }
    EXPECT_EQ(shop.requests(), 0);
    for (const std::string host : {"localhost", "LocalHost:1", "127.0.0.1", "127.255.1.2:80", "[::1]",
                                   "[0::1]:80", "pos.lan", "POS.lan:8080", "localhost:", "[::1]:"})
        EXPECT_EQ(shop.daemon.post(balance_query(), {{"Host", host}}).status, 200) << host;
}

TEST(Browsers, OnOtherOriginsCauseNoRequest) {
    Shop shop{rules};
    const std::vector<Headers> strangers{
        {{"Origin", "https://evil.example"}},
        {{"Origin", "null"}},
        {{"Origin", ""}},
        {{"Origin", "http://till.example"}},
        {{"Origin", "http://till.example:30000"}},
        {{"Origin", "https://till.example:3000"}},
        {{"Origin", "http://till.example:3000.evil.example"}},
        {{"Origin", page_origin + "/"}},
        {{"Origin", page_origin + ", " + page_origin}},
        {{"Origin", page_origin}, {"Origin", "https://evil.example"}},
        {{"Origin", "http://127.0.0.1"}},
        {{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "same-origin"}},
        {{"Sec-Fetch-Site", "cross-site"}},
        {{"Sec-Fetch-Site", "Cross-Site"}},
        {{"Sec-Fetch-Site", "same-site"}},
        {{"Sec-Fetch-Site", "unheard-of"}},
        {{"Sec-Fetch-Site", ""}},
        {{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}},
        {{"Referer", "http://anywhere.example/"}}, // from a browser that sends no other header
    };
    int refused = 0;
    for (const Headers& stranger : strangers) {
        SCOPED_TRACE(stranger.back().first + ": " + stranger.back().second);
        for (const std::string type :
             {"application/json", "text/plain", "application/x-www-form-urlencoded", "application/graphql"}) {
            Headers headers = stranger;
            headers.emplace_back("Content-Type", type);
            const HttpResponse response = shop.daemon.post(redemption("x"), headers);
            expect_own_error(response, 403, "FORBIDDEN_ORIGIN", "no");
            expect_no_cors(response);
            ++refused;
        }
        for (const std::string method : {"GET", "OPTIONS", "PUT", "HEAD"}) {
            Headers headers = stranger;
            headers.emplace_back("Access-Control-Request-Method", "POST");
            headers.emplace_back("Access-Control-Request-Private-Network", "true");
            const HttpResponse response =
                shop.daemon.client().request(method, "/?query=%7BCards%7Btotal%7D%7D", {}, headers);
            EXPECT_EQ(response.status, 403) << method;
            expect_no_cors(response);
            ++refused;
        }
    }
    EXPECT_EQ(shop.requests(), 0);
    EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("forbidden_origin"), refused));
    EXPECT_TRUE(shop.simulator.ledger().empty());
}

TEST(Browsers, AreNoneWhereTheyNameNoOtherSite) {
    Scene scene{answer_with_cors, rules};
    for (const Headers& headers : {Headers{{"sec-fetch-mode", "cors"}}, // node's fetch
                                   Headers{{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Mode", "navigate"}},
                                   Headers{{"Sec-Fetch-Site", "same-origin"}}}) {
        const HttpResponse response = scene.daemon.post(some_mutation, headers);
        EXPECT_EQ(response.body, some_data);
        EXPECT_EQ(response.header("Access-Control-Allow-Origin"), "*") << "the upstream's own words";
    }
}

TEST(Browsers, OnAllowedOriginsAreToldSoBeforeTheyAsk) {
    Scene scene{answer_with_cors, rules};
    HttpClient client = scene.daemon.client();
    const Headers preflight{{"Origin", page_origin},
                            {"Access-Control-Request-Method", "POST"},
                            {"Access-Control-Request-Headers", "content-type,x-request-id, x-(odd)"}};
    for (const bool private_network : {false, true}) {
        Headers headers = preflight;
        if (private_network)
            headers.emplace_back("Access-Control-Request-Private-Network", "true");
        const HttpResponse response = client.request("OPTIONS", "/graphql", {}, headers);
        EXPECT_EQ(response.status, 204);
        EXPECT_EQ(response.header("Access-Control-Allow-Origin"), page_origin);
        EXPECT_EQ(response.header("Access-Control-Allow-Methods"), "POST, GET");
        EXPECT_EQ(response.header("Access-Control-Allow-Headers"), "content-type, x-request-id");
        EXPECT_EQ(response.header("Access-Control-Allow-Private-Network"),
                  private_network ? std::optional<std::string>{"true"} : std::nullopt);
        EXPECT_EQ(response.header("Access-Control-Allow-Credentials"), std::nullopt);
        EXPECT_EQ(response.header("Vary"), "Origin");
        EXPECT_EQ(response.header("Content-Length"), std::nullopt);
    }
    expect_own_error(client.request("OPTIONS", "/other", {}, preflight), 404, "NOT_FOUND", "no");
    expect_own_error(client.request("OPTIONS", "/graphql"), 405, "METHOD_NOT_ALLOWED", "no");
    expect_own_error(client.request("OPTIONS", "/graphql", {}, {{"Origin", page_origin}}), 405,
                     "METHOD_NOT_ALLOWED", "no");
    EXPECT_TRUE(scene.upstream.app_requests().empty());
}

TEST(Browsers, OnAllowedOriginsReadAnswersAndErrors) {
    Scene scene{answer_with_cors, rules + "\nlimits: {request_body: 1KiB}"};
    const Headers headers{{"Origin", page_origin}, {"Sec-Fetch-Site", "cross-site"}};
    const auto expect_cors = [&](const HttpResponse& response) {
        EXPECT_EQ(count_fields(response, "Access-Control-Allow-Origin"), 1U);
        EXPECT_EQ(response.header("Access-Control-Allow-Origin"), page_origin);
        EXPECT_EQ(response.header("Access-Control-Expose-Headers"), "X-Request-Id, Retry-After");
        EXPECT_EQ(response.header("Vary"), "Origin");
    };
    const HttpResponse response = scene.daemon.post(some_mutation, headers);
    EXPECT_EQ(response.body, some_data);
    EXPECT_EQ(response.header("X-Kept"), "yes");
    expect_cors(response);
    ASSERT_EQ(scene.upstream.app_requests().size(), 1U);
    EXPECT_EQ(scene.upstream.app_requests()[0].header("Origin"), std::nullopt);

    const auto expect_error = [&](const HttpResponse& error, int status, std::string_view code) {
        expect_own_error(error, status, code, "no");
        expect_cors(error);
    };
    const auto send = [&](std::string_view method, std::string_view target, std::string_view body = {}) {
        return scene.daemon.client().request(method, target, body, headers);
    };
    expect_error(send("POST", "/other", some_query), 404, "NOT_FOUND");
    expect_error(send("DELETE", "/graphql"), 405, "METHOD_NOT_ALLOWED");
    expect_error(send("GET", "/?query=mutation%7Ba%7D"), 405, "METHOD_NOT_ALLOWED");
    expect_error(send("POST", "/", std::string(2'000, ' ')), 413, "PAYLOAD_TOO_LARGE");
    Headers elsewhere = headers;
    elsewhere.emplace_back("Host", "evil.example");
    expect_error(scene.daemon.post(some_mutation, elsewhere), 403, "FORBIDDEN_HOST");
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
}

TEST(Browsers, NeverMutateByGet) {
    Shop shop;
    for (const std::string target :
         {"/?query=mutation%7Ba%7D", "/graphql?query=mutation{a}", "/?x=1&query=%6dutation+A%7Ba%7D",
          "/?query=%23c%0Amutation%7Ba%7D", "/?query=query+A%7Ba%7D+mutation+B%7Ba%7D&operationName=B",
          "/?query=query+A%7Ba%7D+mutation+B%7Ba%7D", "/?query=%EF%BB%BFmutation%7Ba%7D",
          "/?query=,,,mutation{a}", "/?query=%7Ba%7D&query=mutation%7Ba%7D",
          "/?query=mutation%7Ba%7D&query=%7Ba%7D", "/?query=", "/", "/?", "/?query=%7B", "/?query=%zz",
          "/?quer%79=mutation%7Ba%7D", "/?query%00=x&query=mutation%7Ba%7D"}) {
        SCOPED_TRACE(target);
        const HttpResponse response = shop.daemon.client().get(target);
        expect_own_error(response, 405, "METHOD_NOT_ALLOWED", "no");
        EXPECT_EQ(response.header("Allow"), "POST");
    }
    HttpClient with_body = shop.daemon.client();
    EXPECT_EQ(
        with_body.request("GET", "/", redemption("by-get"), {{"Content-Type", "application/json"}}).status,
        405);
    EXPECT_EQ(shop.requests(), 0);
    EXPECT_EQ(shop.daemon.client().get("/?query=%7BCards%7Btotal%7D%7D").status, 200);
}

} // namespace
} // namespace bearerd::test
