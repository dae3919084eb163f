#include <bearerd/graphql/verdict.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd::graphql {
namespace {

const RejectionRules with_pointers{
    {"Unauthorized"}, {}, {401}, {"/data/me/errors", "/data/pay/errorCode", "/data/a~1b/0/x~0y"}};

Judgement judged(std::string_view body, OperationKind kind = OperationKind::mutation,
                 std::uint16_t status = 200, bool own_login = false) {
    return judge(status, body, kind, with_pointers, own_login);
}

TEST(DataRejection, IsAValueAtAPointerAndNoneElsewhere) {
    const struct {
        const char* body;
        bool rejected;
    } cases[] = {
        {R"({"data":{"me":{"errors":[{"code":"UNAUTHENTICATED"}]}}})", true},
        {R"({"data":{"me":{"id":null,"errors":["x"],"__typename":"Me","list":[],"name":"","o":{}}}})", true},
        {R"({"data":{"pay":{"errorCode":"EXPIRED"}},"extensions":{"cost":1}})", true},
        {R"({"data":{"pay":{"errorCode":7}}})", true},
        {R"({"data":{"pay":{"errorCode":true}}})", true},
        {R"({"data":{"a/b":[{"x~y":"z"}]}})", true},
        {R"({"d\u0061ta":{"pay":{"errorCod\u0065":"z"}}})", true},
        {R"([{"data":{"pay":{"errorCode":"a"}}},{"data":{"me":{"errors":"b"}}}])", true},
        // nothing at the pointer
        {R"({"data":{"me":{"errors":[]}}})", false},
        {R"({"data":{"me":{"errors":[ ]}}})", false},
        {R"({"data":{"me":{"errors":{}}}})", false},
        {R"({"data":{"me":{"errors":""}}})", false},
        {R"({"data":{"me":{"errors":null}}})", false},
        {R"({"data":{"pay":{"errorCode":false}}})", false},
        {R"({"data":{"me":null}})", false},
        {R"({"data":{"you":{"errors":["x"]}}})", false},
        {R"({"errors":null,"data":null})", false},
        {R"({})", false},
        {R"([])", false},
        // something ran
        {R"({"data":{"pay":{"errorCode":"x","id":7}}})", false},
        {R"({"data":{"pay":{"errorCode":"x"},"other":{"done":false}}})", false},
        {R"({"data":{"pay":{"errorCode":"x","list":[null,"y"]}}})", false},
        {R"({"data":{"pay":{"errorCode":"x"},"pay":{"id":1}}})", false},
        {R"([{"data":{"pay":{"errorCode":"a"}}},{"data":{"pay":{"id":1}}}])", false},
        // other errors, or no JSON
        {R"({"data":{"pay":{"errorCode":"x"}},"errors":[{"message":"validation"}]})", false},
        {R"({"data":{"pay":{"errorCode":"x"}})", false},
        {R"({"data":{"pay":{"errorCode":"x"}}} x)", false},
    };

    for (const auto& each : cases) {
        for (const auto kind : {OperationKind::query, OperationKind::mutation})
            EXPECT_EQ(judged(each.body, kind).verdict == Verdict::rejected, each.rejected) << each.body;
    }
}

TEST(DataRejection, SpeaksForOneRootFieldOfAMutation) {
    const char* const body = R"({"data":{"pay":{"errorCode":"x"}}})";
    EXPECT_EQ(judged(body).speaks_for, SpeaksFor::one_field);
    EXPECT_EQ(judged(R"([{"data":{"pay":{"errorCode":"x"}}}])").answers, 1U);
}

TEST(DataRejection, IsNotOfAnAppsOwnLoginNorOfAnotherStatus) {
    const char* const body = R"({"data":{"pay":{"errorCode":"x"}}})";
    EXPECT_EQ(judged(body, OperationKind::mutation, 200, true).verdict, Verdict::ok);
    EXPECT_EQ(judged(body, OperationKind::mutation, 500).verdict, Verdict::ok);
    EXPECT_EQ(judged(body, OperationKind::mutation, 403).verdict, Verdict::ok);
}

TEST(DataRejection, TakesDeepTextForNone) {
    const std::string deep = R"({"data":{"pay":{"errorCode":)" + std::string(100'000, '[');
    EXPECT_EQ(judged(deep).verdict, Verdict::ok);
}

} // namespace
} // namespace bearerd::graphql
