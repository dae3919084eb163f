#include "scenario.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

const std::string refused_body = R"({"errors":[{"message":"Unauthorized","customer_facing":false}]})";

/// Logins return one token after the other. `first` answers the first token, `later` every other.
Script changing(std::string first, std::string later) {
    auto logins = std::make_shared<std::atomic<int>>(0);
    return [first, later, logins](UpstreamConnection& connection) {
        for (;;) {
            const UpstreamRequest request = connection.read();
            if (request.is_login())
                connection.write(login_answer(++*logins == 1 ? first_token : second_token));
            else
                connection.write(request.token() == first_token ? first : later);
        }
    };
}

TEST(Rejection, IsFollowedByALoginAndOneMoreTry) {
    for (const std::string& answer :
         {http_answer(refused_body), http_answer(refused_body, {}, "401 Unauthorized"),
          // A body that claims to be JSON and isn't proves nothing about a mutation (contract 3.5): see
          // InDoubt.
          http_answer(R"({"data":{"a":null},"errors":[{"message":"UNAUTHORIZED"}]})"),
          http_answer(R"({"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]})")}) {
        for (const std::string_view document : {some_query, some_mutation}) {
            Scene scene{changing(answer, http_answer(some_data)), never_fresh};
            EXPECT_EQ(scene.daemon.post(document).body, some_data) << answer;
            const auto requests = scene.upstream.app_requests();
            ASSERT_EQ(requests.size(), 2U) << answer;
            EXPECT_EQ(requests[0].body, requests[1].body);
            EXPECT_EQ(requests[1].token(), second_token);
            EXPECT_EQ(scene.upstream.logins(), 2);
        }
    }
}

// The first field may have moved money before the second was refused.
TEST(Rejection, OfOneMutationAmongSeveralIsPassedOn) {
    constexpr std::string_view two =
        R"({"query":"mutation { a: createReversal(id: 7) { id } b: createReversal(id: 8) { id } }"})";
    const std::string second_refused = R"({"errors":[{"message":"Unauthorized","path":["b"]}],"data":null})";
    const std::string beside_nulls =
        R"({"errors":[{"message":"Unauthorized","path":["b"]}],"data":{"a":null,"b":null}})";
    const std::string beside_data =
        R"({"errors":[{"message":"Unauthorized"}],"data":{"a":{"id":1},"b":null}})";
    for (const char* status : {"200 OK", "401 Unauthorized"}) {
        for (const std::string& body : {second_refused, beside_nulls, beside_data}) {
            Scene scene{[&](const UpstreamRequest&) { return http_answer(body, {}, status); }, never_fresh};
            EXPECT_EQ(scene.daemon.post(two).body, body) << status;
            EXPECT_EQ(scene.upstream.app_requests().size(), 1U) << status << body;
            EXPECT_EQ(scene.upstream.logins(), 1) << status << body;
        }
    }
}

// One refusal for two operations says nothing about the other one.
TEST(Rejection, OfOneOperationInABatchOfMutationsIsPassedOn) {
    constexpr std::string_view batch = R"([{"query":"mutation { createReversal(id: 7) { id } }"},)"
                                       R"({"query":"mutation { createReversal(id: 8) { id } }"}])";
    const std::string body = R"([{"errors":[{"message":"Unauthorized"}]}])";
    for (const char* status : {"200 OK", "401 Unauthorized"}) {
        Scene scene{[&](const UpstreamRequest&) { return http_answer(body, {}, status); }, never_fresh};
        EXPECT_EQ(scene.daemon.post(batch).body, body) << status;
        EXPECT_EQ(scene.upstream.app_requests().size(), 1U) << status;
    }
}

TEST(Rejection, IsNotWhatOnlyLooksLikeOne) {
    const std::vector<std::string> answers{
        R"({"data":{"note":"Unauthorized"}})",
        R"({"errors":[{"message":"Unauthorized","path":["b"]}],"data":{"a":{"id":1},"b":null}})",
        R"({"errors":[{"message":"Unauthorized"},{"message":"validation"}],"data":{"a":null}})",
        R"({"errors":[],"data":{"a":null}})",
        R"({"errors":[{"message":"Unauthorized card"}]})",
        R"([{"errors":[{"message":"Unauthorized"}]},{"data":{"a":1}}])",
    };
    for (const std::string& body : answers) {
        Scene scene{[&](const UpstreamRequest&) { return http_answer(body); }, never_fresh};
        EXPECT_EQ(scene.daemon.post(some_mutation).body, body);
        EXPECT_EQ(scene.upstream.app_requests().size(), 1U) << body;
        EXPECT_EQ(scene.upstream.logins(), 1) << body;
    }
}

TEST(Rejection, OfAMutationBelowARootFieldIsPassedOn) {
    const std::string body = R"({"errors":[{"message":"Unauthorized","path":["createReversal","id"]}],)"
                             R"("data":{"createReversal":null}})";
    Scene scene{[&](const UpstreamRequest&) { return http_answer(body); }, never_fresh};
    EXPECT_EQ(scene.daemon.post(some_mutation).body, body);
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
}

TEST(Rejection, ByStatus403IsPassedOn) {
    Scene scene{[&](const UpstreamRequest&) { return http_answer(refused_body, {}, "403 Forbidden"); },
                never_fresh};
    const HttpResponse response = scene.daemon.post(some_query);
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(response.body, refused_body);
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
}

TEST(Rejection, OfTheSecondTryGoesToTheApp) {
    Scene scene{[&](const UpstreamRequest&) { return http_answer(refused_body); }, never_fresh};
    EXPECT_EQ(scene.daemon.post(some_query).body, refused_body);
    EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
}

TEST(Rejection, AThousandTimesCausesOneLoginAtTheMost) {
    Scene scene{[&](const UpstreamRequest&) { return http_answer(refused_body); },
                "auth: {fresh_for: 500ms}"};
    const Deadline deadline; // the first token is fresh at first, and its rejections cause no login
    while (scene.upstream.logins() < 2 && !deadline.passed())
        EXPECT_EQ(scene.daemon.post(some_query).body, refused_body);
    const auto answers = in_parallel(20, [&](std::size_t) {
        HttpClient client = scene.daemon.client();
        bool same = true;
        for (int i = 0; i < 50; ++i)
            same = client.post(some_query).body == refused_body && same;
        return same ? 1 : 0;
    });
    EXPECT_EQ(std::count(answers.begin(), answers.end(), 1), 20);
    EXPECT_EQ(scene.upstream.logins(), 2) << "the one at start, and one more";
}

TEST(Rejection, WithAFreshTokenIsADeniedPermission) {
    Scene scene{[&](const UpstreamRequest&) { return http_answer(refused_body); }, "auth: {fresh_for: 55m}"};
    EXPECT_EQ(scene.daemon.post(some_query).body, refused_body);
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
    EXPECT_EQ(scene.upstream.logins(), 1);
}

TEST(Rejection, WhereTheLoginThenFailsIsTheLoginsError) {
    auto logins = std::make_shared<std::atomic<int>>(0);
    Scene scene{[logins](UpstreamConnection& connection) {
                    for (;;) {
                        const UpstreamRequest request = connection.read();
                        if (!request.is_login())
                            connection.write(http_answer(refused_body));
                        else if (++*logins == 1)
                            connection.write(login_answer(first_token));
                        else
                            connection.write(http_answer(R"({"errors":[{"message":"wrong password"}]})"));
                    }
                },
                never_fresh};
    expect_own_error(scene.daemon.post(some_mutation), 502, "LOGIN_REJECTED", "no");
    EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
}

} // namespace
} // namespace bearerd::test
