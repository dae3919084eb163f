#include "api.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto login_query = "query($email:String,$username:String,$password:String!){loginUser(email:$email,"
                             "username:$username,password:$password){id}}";

HttpRequest post(const Json& body, std::string_view token = {}) {
    HttpRequest request;
    request.method = "POST";
    request.target = "/graphql";
    request.headers.emplace_back("Content-Type", "application/json");
    if (!token.empty())
        request.headers.emplace_back("Authorization", "Bearer " + std::string(token));
    request.body = body.dump();
    return request;
}

HttpRequest debit_request(std::string_view reference, std::string_view token) {
    return post({{"query", "mutation{createBalanceAdjustment(currency:\"GBP\",value:-1000,merchant_id:26,"
                           "unit_epos_reference:\"2251799825000010\",card_reference:\"6301190019990640662\","
                           "merchant_transaction_reference:\"" +
                               std::string(reference) + "\"){id LineItem{Card{balance}}}}"}},
                token);
}

std::string header(const HttpReply& reply, std::string_view name) {
    for (const auto& [key, value] : reply.headers)
        if (key == name)
            return value;
    return {};
}

class ApiTest : public testing::Test {
protected:
    HttpReply send(const HttpRequest& request) { return api.answer(request, api.plan(request)); }

    HttpReply log_in(const std::string& password = "demo-password", std::string_view key = "username",
                     std::string_view user = "till-042") {
        return send(post({{"query", login_query}, {"variables", {{key, user}, {"password", password}}}}));
    }

    std::string token() { return header(log_in(), "X-Authorization"); }

    void fault(const char* json) { ASSERT_EQ(api.faults().add(Json::parse(json)), ""); }

    Now now;
    std::string log;
    Api api{{}, [this] { return now; }, [this](const std::string& line) { log += line + "\n"; }};
};

TEST_F(ApiTest, ALoginTellsTheTokenInBothHeaders) {
    const auto reply = log_in();
    EXPECT_EQ(reply.status, 200U);
    EXPECT_FALSE(header(reply, "X-Authorization").empty());
    EXPECT_EQ(header(reply, "X-Authorization"), header(reply, "Authorization"));
    EXPECT_TRUE(reply.body.starts_with(R"({"data":{"loginUser":{"id":"1042"}},"extensions":{"cost":)"))
        << reply.body;
    EXPECT_FALSE(header(log_in("demo-password", "email", "till-042@example.com"), "X-Authorization").empty());
}

TEST_F(ApiTest, AWrongPasswordOrNameGetsAnErrorAndNoToken) {
    for (const auto& reply : {log_in("wrong"), log_in("demo-password", "username", "till-043")}) {
        EXPECT_EQ(reply.status, 200U);
        EXPECT_TRUE(header(reply, "X-Authorization").empty());
        EXPECT_TRUE(reply.body.starts_with(R"({"errors":[{"message":"Invalid username or password")"))
            << reply.body;
    }
    EXPECT_EQ(api.stats().logins_rejected, 2U);
    EXPECT_EQ(api.stats().login_attempts_ms.size(), 2U);
}

TEST_F(ApiTest, WithoutAGoodTokenTheAnswerIsTheDocumentedOneAndNothingIsExecuted) {
    const auto good = token();
    for (const std::string& bad : {std::string(), std::string("nonsense")})
        EXPECT_EQ(send(debit_request("a", bad)).body, unauthorized_body);
    now.steady = 60min;
    EXPECT_EQ(send(debit_request("a", good)).body, unauthorized_body);
    api.tokens().revoke_all();
    EXPECT_EQ(send(debit_request("a", good)).body, unauthorized_body);
    EXPECT_TRUE(api.shop().ledger().empty());
    EXPECT_EQ(api.stats().unauthorized, 4U);
    EXPECT_EQ(api.stats().without_token, 1U);
    EXPECT_EQ(api.stats().unknown_tokens, 1U);
    EXPECT_EQ(api.stats().expired_tokens, 1U);
    EXPECT_EQ(api.stats().revoked_tokens, 1U);
}

TEST_F(ApiTest, AMissingCurrencyGetsTheDocumentedValidation) {
    auto request = post({{"query", "mutation {\n  createBalanceAdjustment(value:-1,merchant_id:26,"
                                   "unit_epos_reference:\"Epos01\",card_reference:\"1\"){id}}"}},
                        token());
    EXPECT_TRUE(send(request).body.starts_with(
        R"({"errors":[{"message":"validation","locations":[{"line":2,"column":3}],)"
        R"("validation":{"currency":["This field is required"]},"customer_facing":false}],)"
        R"("data":{"createBalanceAdjustment":null},"extensions":)"));
}

TEST_F(ApiTest, ALineItemIsFoundByTheReferenceOfTheMutationThatMadeIt) {
    const auto good = token();
    const auto look_up = [&](std::string_view key) {
        return send(post({{"query", "query($key:String!){LineItems(merchant_transaction_reference:$key){"
                                    "data{id}}}"},
                          {"variables", {{"key", key}}}},
                         good))
            .body;
    };
    send(debit_request("sale-1", good));
    EXPECT_TRUE(look_up("sale-1").starts_with(R"({"data":{"LineItems":{"data":[{"id":11001614}]}},)"));
    EXPECT_TRUE(look_up("sale-2").starts_with(R"({"data":{"LineItems":{"data":[]}},)"));
}

TEST_F(ApiTest, WhatCostsMoreThanIsLeftIsRefusedAndNotExecutedButALoginIs) {
    const auto good = token();
    api.throttle().set(5, 1h, true);
    EXPECT_TRUE(send(debit_request("sale-1", good)).body.starts_with(R"({"data")"));
    EXPECT_EQ(send(debit_request("sale-2", good)).body,
              R"({"errors":[{"message":"Throttled","locations":[{"line":1,"column":10}],)"
              R"("customer_facing":false,"extensions":{"code":"THROTTLED"}}],)"
              R"("extensions":{"cost":{"requestedQueryCost":5,"actualQueryCost":null,)"
              R"("throttleStatus":{"maximumAvailable":5,"currentlyAvailable":0}}}})");
    EXPECT_EQ(api.shop().ledger().size(), 1U);
    EXPECT_EQ(api.stats().throttled, 1U);
    EXPECT_FALSE(token().empty());
}

TEST_F(ApiTest, ALockedAccountIsToldOfToTheRightPasswordToo) {
    fault(R"({"kind":"account_locked","operations":"login","next":1})");
    const auto reply = log_in();
    EXPECT_TRUE(reply.body.starts_with(R"({"errors":[{"message":"This account has been locked.)"));
    EXPECT_TRUE(header(reply, "X-Authorization").empty());
    EXPECT_FALSE(token().empty());
}

TEST_F(ApiTest, ABatchIsAnsweredElementByElement) {
    const Json query = {{"query", "{Cards(card_reference:\"6301190019990640662\"){data{balance}}}"}};
    const auto body = send(post(Json::array({query, {{"query", "{nothing}"}}}), token())).body;
    const auto answers = Json::parse(body);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(member(answers[0], "data").dump(), R"({"Cards":{"data":[{"balance":10000}]}})");
    EXPECT_TRUE(answers[1].contains("errors"));
}

TEST_F(ApiTest, ReadsEveryWayToSendAnOperation) {
    const auto good = token();
    const std::string expected = R"({"data":{"Cards":{"total":51}},)";
    auto get = post("", good);
    get.method = "GET";
    get.target = "/graphql?query=%7BCards%7Btotal%7D%7D";
    auto plain = post("", good);
    plain.headers.front().second = "application/graphql";
    plain.body = "{Cards{total}}";
    auto multipart = post("", good);
    multipart.headers.front().second = "multipart/form-data; boundary=xyz";
    multipart.body = "--xyz\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n"
                     "{\"query\":\"{Cards{total}}\"}\r\n--xyz--\r\n";
    for (const auto& request : {get, plain, multipart})
        EXPECT_TRUE(send(request).body.starts_with(expected)) << request.body;
}

TEST_F(ApiTest, AMutationByGetIsRefused) {
    auto request = post("", token());
    request.method = "GET";
    request.target = "/graphql?query=mutation%7BcreateReversal%7Bid%7D%7D";
    EXPECT_EQ(send(request).status, 405U);
}

TEST_F(ApiTest, FaultsAfterExecutionShowInTheLedger) {
    const auto good = token();
    for (const auto* kind : {"unauthorized_in_data", "unauthorized_beside_data", "deep_path"}) {
        fault((std::string(R"({"kind":")") + kind + R"(","next":1})").c_str());
        EXPECT_NE(send(debit_request(kind, good)).body.find("Unauthorized"), std::string::npos) << kind;
    }
    EXPECT_EQ(api.shop().ledger().size(), 3U);
}

TEST_F(ApiTest, ARejectingFaultExecutesNothing) {
    const auto good = token();
    fault(
        R"([{"kind":"reject","next":1},{"kind":"status","status":503,"next":1,"after":1,"retry_after":7}])");
    EXPECT_EQ(send(debit_request("a", good)).body, unauthorized_body);
    const auto reply = send(debit_request("a", good));
    EXPECT_EQ(reply.status, 503U);
    EXPECT_EQ(header(reply, "Retry-After"), "7");
    EXPECT_TRUE(api.shop().ledger().empty());
}

TEST_F(ApiTest, LoginFaultsSpareTheCredentials) {
    fault(
        R"([{"kind":"bad_login","next":1},{"kind":"login_no_token","next":1,"after":1,"operations":"login"}])");
    EXPECT_NE(log_in().body.find("Invalid username"), std::string::npos);
    const auto reply = log_in();
    EXPECT_TRUE(reply.body.starts_with(R"({"data")"));
    EXPECT_TRUE(header(reply, "X-Authorization").empty());
    EXPECT_FALSE(token().empty());
}

TEST_F(ApiTest, TokenFaultsPlantATokenInTheAnswer) {
    const auto good = token();
    fault(R"([{"kind":"foreign_token","next":1},{"kind":"older_token","next":1,"after":1},
              {"kind":"new_token","next":1,"after":2}])");
    const auto foreign = header(send(debit_request("a", good)), "X-Authorization");
    const auto older = header(send(debit_request("b", good)), "X-Authorization");
    const auto newer = header(send(debit_request("c", good)), "X-Authorization");
    EXPECT_TRUE(api.tokens().judge(foreign, now).foreign);
    EXPECT_EQ(api.tokens().judge(older, now).state, Tokens::State::revoked);
    EXPECT_EQ(api.tokens().judge(newer, now).generation, 2U);
}

TEST_F(ApiTest, RecordsShowNoSecretAndNoLogDoesEither) {
    const auto good = token();
    log_in("a-wrong-password");
    auto get = post("");
    get.method = "GET";
    get.target =
        "/graphql?query=%7BloginUser(username:%22till-042%22,password:%22demo-password%22)%7Bid%7D%7D";
    send(get);
    send(debit_request("a", good));
    const auto requests = api.requests_json(10);
    ASSERT_EQ(requests.size(), 4U);
    const auto text = requests.dump() + log;
    for (const auto& secret : {good, std::string("demo-password"), std::string("a-wrong-password"),
                               base64(R"("password")").substr(0, 10)})
        EXPECT_EQ(text.find(secret), std::string::npos);
    EXPECT_EQ(log.find("6301190019990640662"), std::string::npos);
    EXPECT_EQ(member(requests[3], "token_generation"), 1);
    EXPECT_EQ(member(requests[3], "body_base64"), base64(debit_request("a", good).body));
    EXPECT_EQ(member(requests[3], "headers").back().dump(), R"(["Authorization","token 1"])");
}

TEST_F(ApiTest, CompressesWhatTheClientAccepts) {
    ApiOptions options;
    options.codings = {Coding::gzip};
    Api zipping(options, [this] { return now; }, [](const std::string&) {});
    auto request = post({{"query", "{Cards{total}}"}});
    EXPECT_EQ(header(zipping.answer(request, zipping.plan(request)), "Content-Encoding"), "");
    request.headers.emplace_back("Accept-Encoding", "gzip, deflate");
    const auto reply = zipping.answer(request, zipping.plan(request));
    EXPECT_EQ(header(reply, "Content-Encoding"), "gzip");
    EXPECT_TRUE(reply.body.starts_with("\x1f\x8b"));
}

} // namespace
} // namespace bearerd::sim
