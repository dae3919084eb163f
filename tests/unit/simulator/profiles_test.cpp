#include "api.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

/// An API of one profile, and what it answers.
class ProfileTest : public testing::Test {
protected:
    static std::unique_ptr<Api> api_of(std::string_view name) {
        ApiOptions options;
        options.profile = find_profile(name);
        return std::make_unique<Api>(std::move(options), [] { return Now{}; }, [](const std::string&) {});
    }

    static HttpReply post(Api& api, const std::string& target, std::string body, Headers headers) {
        HttpRequest request;
        request.method = "POST";
        request.target = target;
        request.headers = std::move(headers);
        request.body = std::move(body);
        const Plan plan = api.plan(request);
        return api.answer(request, plan);
    }

    static HttpReply graphql(Api& api, const std::string& query, const Json& variables,
                             Headers headers = {}) {
        headers.emplace_back("Content-Type", "application/json");
        return post(api, "/graphql", Json{{"query", query}, {"variables", variables}}.dump(),
                    std::move(headers));
    }

    static unsigned served_with(Api& api, const std::string& header, const std::string& value) {
        const auto before = api.stats().unauthorized;
        const HttpReply reply = graphql(api, "{Cards(card_reference:\"6301190019990640662\"){data{balance}}}",
                                        Json::object(), {{header, value}});
        return api.stats().unauthorized == before ? 200 : reply.status == 200 ? 1 : reply.status;
    }
};

TEST_F(ProfileTest, EachHasAName) {
    EXPECT_EQ(find_profile("nobody"), nullptr);
    EXPECT_EQ(profile_names().size(), 9U);
    for (const auto name : profile_names())
        EXPECT_EQ(find_profile(name)->name, name);
}

TEST_F(ProfileTest, TheBodyOfALoginBringsATokenThatIsServedByItsHeader) {
    const auto api = api_of("payload");
    const std::string query =
        "mutation($email:String!,$password:String!){loginUser(email:$email,password:$password){token}}";
    const HttpReply login =
        graphql(*api, query, {{"email", "till-042@example.com"}, {"password", "demo-password"}});
    const std::string token = Json::parse(login.body).at("/data/loginUser/token"_json_pointer);
    EXPECT_EQ(served_with(*api, "Authorization", "JWT " + token), 200U);
    EXPECT_EQ(served_with(*api, "Authorization", "Bearer " + token), 401U);
    const HttpReply wrong = graphql(*api, query, {{"email", "till-042@example.com"}, {"password", "x"}});
    EXPECT_EQ(Json::parse(wrong.body).at("data"), nullptr);
    EXPECT_EQ(api->stats().logins_rejected, 1U);
}

TEST_F(ProfileTest, ARefreshTokenIsGoodOnce) {
    const auto api = api_of("directus");
    const HttpReply login =
        graphql(*api, "mutation($username:String!,$password:String!){auth_login(username:$username){x}}",
                {{"username", "till-042"}, {"password", "demo-password"}});
    const std::string refresh = Json::parse(login.body).at("/data/auth_login/refresh_token"_json_pointer);
    const std::string query =
        "mutation($refresh_token:String!){auth_login:auth_refresh(refresh_token:$refresh_token){x}}";
    const HttpReply renewed = graphql(*api, query, {{"refresh_token", refresh}});
    EXPECT_NE(Json::parse(renewed.body).at("/data/auth_login/refresh_token"_json_pointer), refresh);
    EXPECT_NE(graphql(*api, query, {{"refresh_token", refresh}}).body.find("errors"), std::string::npos);
    EXPECT_EQ(api->stats().refreshes_ok, 1U);
    EXPECT_EQ(api->stats().refreshes_again, 1U);
}

TEST_F(ProfileTest, OAuth2TakesTheSecretByBasicOrInTheBody) {
    const Headers form{{"Content-Type", "application/x-www-form-urlencoded"}};
    Headers basic = form;
    basic.emplace_back("Authorization", "Basic dGlsbC0wNDI6ZGVtby1wYXNzd29yZA=="); // till-042:demo-password
    const std::string in_body =
        "grant_type=client_credentials&client_id=till%2D042&client_secret=demo-password";
    const auto tools = api_of("commercetools");
    EXPECT_EQ(post(*tools, "/oauth/token", "grant_type=client_credentials", basic).status, 200U);
    EXPECT_EQ(post(*tools, "/oauth/token", in_body, form).status, 401U);
    EXPECT_EQ(post(*tools, "/oauth/token", "grant_type=password", basic).status, 401U);
    const auto shop = api_of("shopify-admin");
    const HttpReply login = post(*shop, "/admin/oauth/access_token", in_body, form);
    const std::string token = Json::parse(login.body).at("access_token");
    EXPECT_EQ(served_with(*shop, "X-Shopify-Access-Token", token), 200U);
    EXPECT_EQ(served_with(*shop, "Authorization", "Bearer " + token), 401U);
}

TEST_F(ProfileTest, AStaticTokenIsThePassword) {
    const auto api = api_of("static");
    EXPECT_EQ(served_with(*api, "Authorization", "Bearer demo-password"), 200U);
    EXPECT_EQ(served_with(*api, "Authorization", "Bearer other"), 401U);
}

} // namespace
} // namespace bearerd::sim
