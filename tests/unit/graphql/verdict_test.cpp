#include <bearerd/graphql/verdict.hpp>

#include <gmock/gmock.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

using namespace bearerd::graphql;

namespace bearerd::graphql {

void PrintTo(Verdict verdict, std::ostream* out) {
    *out << std::array{"ok", "graphql_error", "rejected"}[static_cast<std::size_t>(verdict)];
}

} // namespace bearerd::graphql

namespace {

constexpr auto ok = Verdict::ok;
constexpr auto graphql_error = Verdict::graphql_error;
constexpr auto rejected = Verdict::rejected;

const RejectionRules rules{{"Unauthorized", "token EXPIRED"}, {"UNAUTHENTICATED"}, {401}};

const std::string unauthorized =
    R"({"errors":[{"message":"Unauthorized","locations":[{"line":2,"column":3}],"customer_facing":false}]})";
const std::string failed_validation =
    R"({"errors":[{"message":"validation","locations":[{"line":1,"column":2}],)"
    R"("validation":{"currency":["This field is required"]},"customer_facing":false}],)"
    R"("data":{"createBalanceAdjustment":null}})";
const std::string good =
    R"({"data":{"Cards":{"data":[{"card_reference":"6301190019990640662","balance":10.5}]}},)"
    R"("extensions":{"cost":{"actualQueryCost":16,"throttleStatus":{"maximumAvailable":8000,)"
    R"("currentlyAvailable":7986}}}})";

Verdict judge_query(std::string_view body, std::uint16_t status = 200) {
    return judge(status, body, OperationKind::query, rules).verdict;
}

struct Case {
    std::string body;
    Verdict of_query;
    Verdict of_mutation;
};

const std::string u = R"({"message":"Unauthorized"})";

const std::vector<Case> answers = {
    // the contract's own
    {unauthorized, rejected, rejected},
    {failed_validation, graphql_error, graphql_error},
    {good, ok, ok},
    // the message, without case; the code, exactly
    {R"({"errors":[{"message":"uNAUTHORIZED"}]})", rejected, rejected},
    {R"({"errors":[{"message":"Token expired"}]})", rejected, rejected},
    {R"({"errors":[{"message":"\u0055nauthorized"}]})", rejected, rejected},
    {R"({"\u0065rrors":[{"m\u0065ssage":"Unauthorized"}]})", rejected, rejected},
    {R"({"errors":[{"message":"Unauthorized."}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":" Unauthorized"}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":""}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":["Unauthorized"]}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"UNAUTHENTICATED"}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]})", rejected, rejected},
    {R"({"errors":[{"extensions":{"a":{},"code":"UNAUTHENTICATED","b":[]}}]})", rejected, rejected},
    {R"({"errors":[{"message":"Unauthorized","extensions":{"code":"X"}}]})", rejected, rejected},
    {R"({"errors":[{"message":"x","extensions":{"code":"unauthenticated"}}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x","extensions":{"code":1}}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x","extensions":"UNAUTHENTICATED"}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x","extensions":{"x":{"code":"UNAUTHENTICATED"}}}]})", graphql_error,
     graphql_error},
    {R"({"errors":[{"message":"x","code":"UNAUTHENTICATED"}]})", graphql_error, graphql_error},
    // every error has to match
    {R"({"errors":[)" + u + "," + u + "]}", rejected, rejected},
    {R"({"errors":[)" + u + R"(,{"message":"x"}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x"},)" + u + "]}", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(,null]})", graphql_error, graphql_error},
    {R"({"errors":["Unauthorized"]})", graphql_error, graphql_error},
    {R"({"errors":[{}]})", graphql_error, graphql_error},
    // errors that are none
    {R"({"errors":[]})", ok, ok},
    {R"({"errors":null})", ok, ok},
    {R"({"errors":{}})", ok, ok},
    {R"({"errors":)" + u + "}", ok, ok},
    {R"({"errors":"Unauthorized"})", ok, ok},
    {R"({"error":[)" + u + "]}", ok, ok},
    {R"({"Errors":[)" + u + "]}", ok, ok},
    // data
    {R"({"errors":[)" + u + R"(],"data":null})", rejected, rejected},
    {R"({"data":null,"errors":[)" + u + "]}", rejected, rejected},
    {R"({"errors":[)" + u + R"(],"data":{}})", rejected, rejected},
    {R"({"errors":[)" + u + R"(],"data":{"a":null}})", rejected, rejected},
    {R"({"errors":[)" + u + R"(],"data":{"a":null,"b":null}})", rejected, rejected},
    {R"({"errors":[)" + u + R"(],"data":{"a":null,"b":1}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":{"b":null}}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":{}}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":[]}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":false}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":1,"a":null}})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":[]})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":false})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":""})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":0})", graphql_error, graphql_error},
    {R"({"data":{"errors":[)" + u + "]}}", ok, ok},
    {R"({"data":{"a":"{\"errors\":[{\"message\":\"Unauthorized\"}]}"}})", ok, ok},
    // the path: what lies below a root field was executed
    {R"({"errors":[{"message":"Unauthorized","path":["a"]}],"data":{"a":null}})", rejected, rejected},
    {R"({"errors":[{"message":"Unauthorized","path":[]}]})", rejected, rejected},
    {R"({"errors":[{"message":"Unauthorized","path":null}]})", rejected, rejected},
    {R"({"errors":[{"path":["a","b"],"message":"Unauthorized"}],"data":{"a":null}})", rejected,
     graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":["a",0]}],"data":null})", rejected, graphql_error},
    {R"({"errors":[)" + u + R"(,{"message":"Unauthorized","path":["a","b"]}]})", rejected, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":["a","b"]},)" + u + "]}", rejected, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":"a.b"}]})", rejected, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":{}}]})", rejected, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":0}]})", rejected, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","p\u0061th":["a","b"]}]})", rejected, graphql_error},
    // doubled keys never speak for a rejection
    {R"({"errors":[)" + u + R"(],"errors":[)" + u + "]}", graphql_error, graphql_error},
    {R"({"errors":[],"errors":[)" + u + "]}", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"errors":null})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"\u0065rrors":[)" + u + "]}", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":null,"data":null})", graphql_error, graphql_error},
    {R"({"errors":[)" + u + R"(],"data":{"a":1},"data":null})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"x","message":"Unauthorized"}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","path":["a"],"path":["a"]}]})", graphql_error, graphql_error},
    {R"({"errors":[{"message":"Unauthorized","extensions":{},"extensions":{}}]})", graphql_error,
     graphql_error},
    {R"({"errors":[{"extensions":{"code":"X","code":"UNAUTHENTICATED"}}]})", graphql_error, graphql_error},
    // batches
    {"[" + unauthorized + "]", rejected, rejected},
    {"[" + unauthorized + "," + unauthorized + "]", rejected, rejected},
    {"[" + unauthorized + "," + good + "]", graphql_error, graphql_error},
    {"[" + good + "," + unauthorized + "]", graphql_error, graphql_error},
    {"[" + unauthorized + "," + failed_validation + "]", graphql_error, graphql_error},
    {"[" + unauthorized + ",null]", graphql_error, graphql_error},
    {"[" + unauthorized + ",[" + unauthorized + "]]", graphql_error, graphql_error},
    {"[[" + unauthorized + "]]", ok, ok},
    {"[" + good + "]", ok, ok},
    {R"(["errors"])", ok, ok},
    {"[]", ok, ok},
    // not JSON
    {"", ok, ok},
    {"errors", ok, ok},
    {R"("errors")", ok, ok},
    {"Unauthorized", ok, ok},
    {"<html>errors</html>", ok, ok},
    {unauthorized + "x", ok, ok},
    {unauthorized + unauthorized, ok, ok},
    {unauthorized.substr(0, unauthorized.size() - 1), ok, ok},
    {R"({"errors":[)" + u + ",]}", ok, ok},
    {"\xEF\xBB\xBF \r\n" + unauthorized + "\n", rejected, rejected},
};

TEST(Verdict, OfAnAnswer) {
    for (const auto& [body, of_query, of_mutation] : answers) {
        EXPECT_EQ(judge(200, body, OperationKind::query, rules).verdict, of_query) << body;
        EXPECT_EQ(judge(200, body, OperationKind::mutation, rules).verdict, of_mutation) << body;
    }
}

TEST(Verdict, SaysWhereItSpeaksForNamedRootFieldsOnly) {
    const std::string a = R"({"message":"Unauthorized","path":["a"]})";
    const std::string b = R"({"message":"Unauthorized","path":["b"]})";
    const std::vector<std::pair<std::string, SpeaksFor>> cases = {
        {unauthorized, SpeaksFor::all},
        {R"({"errors":[)" + u + R"(],"data":{"a":null,"b":null}})", SpeaksFor::all},
        {R"({"errors":[)" + b + R"(],"data":null})", SpeaksFor::named_fields},
        {R"({"errors":[)" + b + "]}", SpeaksFor::named_fields},
        {R"({"data":{"a":null,"b":null},"errors":[)" + b + "]}", SpeaksFor::named_fields},
        {R"({"errors":[)" + b + "," + u + R"(],"data":null})", SpeaksFor::all},
        {R"({"errors":[{"message":"Unauthorized","path":[]}],"data":null})", SpeaksFor::all},
        {R"({"errors":[)" + a + R"(],"data":{"a":null}})", SpeaksFor::only_field},
        {R"([{"errors":[)" + a + R"(],"data":{"a":null}},{"errors":[)" + b + R"(],"data":null}])",
         SpeaksFor::named_fields},
    };
    for (const auto& [body, expected] : cases) {
        const Judgement judgement = judge(200, body, OperationKind::mutation, rules);
        EXPECT_EQ(judgement.verdict, rejected) << body;
        EXPECT_EQ(judgement.speaks_for, expected) << body;
        const Judgement by_status = judge(401, body, OperationKind::mutation, rules);
        EXPECT_EQ(by_status.verdict, rejected) << body;
        EXPECT_EQ(by_status.speaks_for, expected) << body;
        EXPECT_EQ(by_status.answers, judgement.answers) << body;
    }
    const std::string other =
        R"({"errors":[{"message":"no","path":["b"]}],"data":null})"; // rejected by its status only
    EXPECT_EQ(judge(401, other, OperationKind::mutation, rules).speaks_for, SpeaksFor::named_fields);
    EXPECT_EQ(judge(401, "<html>", OperationKind::mutation, rules).speaks_for, SpeaksFor::all);
}

TEST(Verdict, OfABodyThatCanNotBeReadIsOk) {
    EXPECT_EQ(judge(200, std::string_view{}, OperationKind::query, rules).verdict,
              ok); // a null pointer: see UBSan
}

TEST(Verdict, TreatsWhateverMayMutateAsAMutation) {
    for (const auto& [body, of_query, of_mutation] : answers) {
        EXPECT_EQ(judge(200, body, OperationKind::unknown, rules).verdict, of_mutation) << body;
        EXPECT_EQ(judge(200, body, OperationKind::subscription, rules).verdict, of_mutation) << body;
    }
}

TEST(Verdict, FollowsTheBodyWhateverTheStatusButForTheRules) {
    for (const std::uint16_t status : std::vector<std::uint16_t>{200, 400, 500})
        EXPECT_EQ(judge_query(unauthorized, status), rejected) << status;
}

TEST(Verdict, OfAStatusOfTheRulesIsRejected) {
    for (const auto& [body, of_query, of_mutation] : answers)
        EXPECT_EQ(judge_query(body, 401), rejected) << body;
    for (const std::string& body : {std::string{}, std::string{"<html>"}, unauthorized, failed_validation,
                                    "[" + unauthorized + "]", good + "x"})
        EXPECT_EQ(judge(401, body, OperationKind::mutation, rules).verdict, rejected) << body;
    EXPECT_EQ(judge(498, "", OperationKind::query, {{}, {}, {401, 498}}).verdict, rejected);
    EXPECT_EQ(judge(401, "", OperationKind::query, {}).verdict, ok);
}

// What has visibly run must not be sent again, whatever the status.
TEST(Verdict, OfAMutationThatShowsSomethingToHaveRunIsNoRejectionByItsStatus) {
    const std::string deep = R"({"errors":[{"message":"Unauthorized","path":["a","b"]}],"data":{"a":null}})";
    const std::string two_paths = R"({"errors":[{"path":["a","b"],"message":"Unauthorized","path":["a"]}]})";
    for (const std::string& body :
         {good, std::string{R"({"data":{"a":{"id":1}}})"}, deep, two_paths, "[" + good + "]"}) {
        EXPECT_NE(judge(401, body, OperationKind::mutation, rules).verdict, rejected) << body;
        EXPECT_NE(judge(401, body, OperationKind::unknown, rules).verdict, rejected) << body;
        EXPECT_EQ(judge(401, body, OperationKind::query, rules).verdict, rejected) << body;
    }
}

TEST(Verdict, CountsTheAnswersOfABatch) {
    const auto answers_in = [](const std::string& body) {
        return judge(200, body, OperationKind::mutation, rules).answers;
    };
    EXPECT_EQ(answers_in(unauthorized), 0U);
    EXPECT_EQ(answers_in("[" + unauthorized + "]"), 1U);
    EXPECT_EQ(answers_in("[" + unauthorized + "," + unauthorized + "]"), 2U);
}

TEST(Verdict, OfHttp403IsNeverRejected) {
    for (const auto& [body, of_query, of_mutation] : answers)
        EXPECT_NE(judge_query(body, 403), rejected) << body;
    EXPECT_EQ(judge_query(unauthorized, 403), graphql_error);
    EXPECT_EQ(judge(403, "", OperationKind::query, {{}, {}, {403}}).verdict, ok);
}

TEST(Verdict, WithoutRulesIsNeverRejected) {
    for (const auto& [body, of_query, of_mutation] : answers)
        EXPECT_NE(judge(200, body, OperationKind::query, {}).verdict, rejected) << body;
}

TEST(Verdict, OfAnAnswerDeeperThanTheBoundIsOk) {
    const auto with_nesting = [](std::size_t levels) {
        return R"({"errors":[)" + u + R"(],"x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
    };
    EXPECT_EQ(judge_query(with_nesting(511)), rejected);
    EXPECT_EQ(judge_query(with_nesting(512)), ok);
    EXPECT_EQ(judge_query(with_nesting(200'000)), ok);
}

/// The quick search looks at many bytes at once.
TEST(Verdict, WhatMattersIsFoundWhereverItStands) {
    for (std::size_t before = 0; before < 70; ++before)
        for (std::size_t behind = 0; behind < 20; ++behind) {
            const std::string front = R"({"x":")" + std::string(before, 'r') + "\",";
            const std::string back = R"(,"z":")" + std::string(behind, 'y') + "\"}";
            EXPECT_EQ(judge_query(front + R"("errors":[)" + u + "]" + back), rejected)
                << before << ' ' << behind;
            EXPECT_EQ(judge_query(front + R"("\u0065rrors":[)" + u + "]" + back), rejected) << before;
            const auto cost = R"("extensions":{"cost":{"throttleStatus":{"currentlyAvailable":7}}})";
            EXPECT_EQ(judge(200, front + cost + back, OperationKind::query, rules).throttle_available, 7.0)
                << before;
        }
    for (const std::string_view end :
         {"errors", "currentlyAvailable", "\\u00", "error", "rr", "r", "yA", "\\u", ""})
        EXPECT_EQ(judge_query(std::string(17, ' ') + std::string{end}), ok) << end;
}

std::optional<double> throttle(std::string_view body) {
    return judge(200, body, OperationKind::query, rules).throttle_available;
}

TEST(Throttle, IsReadFromTheExtensions) {
    const auto with_value = [](std::string_view value) {
        return R"({"extensions":{"cost":{"throttleStatus":{"currentlyAvailable":)" + std::string{value} +
               "}}}}";
    };
    EXPECT_EQ(throttle(good), 7986.0);
    EXPECT_EQ(throttle(with_value("0")), 0.0);
    EXPECT_EQ(throttle(with_value("-12.5e1")), std::nullopt);
    EXPECT_EQ(throttle(with_value("\"7986\"")), std::nullopt);
    EXPECT_EQ(throttle(with_value("null")), std::nullopt);
    EXPECT_EQ(throttle(with_value("1e999")), std::nullopt);
    EXPECT_EQ(throttle(with_value("1") + "x"), std::nullopt);
    EXPECT_EQ(throttle(R"({"data":{"currentlyAvailable":1}})"), std::nullopt);
    EXPECT_EQ(throttle(R"({"extensions":{"cost":[{"currentlyAvailable":1}]}})"), std::nullopt);
    EXPECT_EQ(throttle("[" + with_value("2") + "," + with_value("1") + "]"), 1.0);
    EXPECT_EQ(judge(401, with_value("3"), OperationKind::query, rules).throttle_available, 3.0);
}

TEST(Judgement, TellsOnlySuchCreditsAsAnIntegerHolds) {
    const auto told = [](const std::string& number) {
        const std::string body =
            R"({"data":{},"extensions":{"cost":{"throttleStatus":{"currentlyAvailable":)" + number + "}}}}";
        return judge(200, body, OperationKind::query, {}).throttle_available;
    };
    EXPECT_EQ(told("0"), 0.0);
    EXPECT_EQ(told("7986"), 7986.0);
    EXPECT_EQ(told("7986.5"), 7986.5);
    EXPECT_EQ(told("1e15"), 1e15);
    for (const char* const number : {"1e200", "-1e200", "-1", "-0.5", "9223372036854775808", "1e16", "1e-999",
                                     "null", "\"7\"", "NaN", "1e999"})
        EXPECT_EQ(told(number), std::nullopt) << number;
}

} // namespace
