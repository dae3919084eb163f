#include "answer.hpp"
#include "lookup_request.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace bearerd::reconcile {

std::ostream& operator<<(std::ostream& out, Finding result) {
    return out << (result == Finding::found       ? "found"
                   : result == Finding::not_found ? "not found"
                                                  : "failed");
}

namespace {

struct Case {
    std::string body;
    Finding result;
    std::string found{};
};

void expect(const std::vector<Case>& cases, std::string_view pointer) {
    for (const Case& each : cases) {
        const Answer answer = read_answer(each.body, pointer);
        EXPECT_EQ(answer.result, each.result) << each.body;
        EXPECT_EQ(answer.found, each.found) << each.body;
    }
}

TEST(Answer, IsFoundWhereThePointerLeadsToSomething) {
    expect({{R"({"data":{"Items":{"data":[{"id":"7"}]}}})", Finding::found, R"("7")"},
            {R"({"data":{"Items":{"data":[{"id":42}]}}})", Finding::found, "42"},
            {R"({"data":{"Items":{"data":[{"id":true}]}}})", Finding::found, "true"},
            {R"({"data":{"Items":{"data":[{"id":{"a":null}}]}}})", Finding::found, R"({"a":null})"},
            {R"({"data":{"Items":{"data":[{"id":7},{"id":8}]}},"errors":[],"extensions":{}})", Finding::found,
             "7"},
            {R"({"data":{"Items":{"data":[{"id":7}]}},"errors":null})", Finding::found, "7"}},
           "/data/Items/data/0/id");
}

TEST(Answer, KeepsTheDigitsOfANumberAsTheyStandThere) {
    const std::pair<const char*, const char*> cases[] = {
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "18446744073709551616"},
        {"12345678901234567890123", "12345678901234567890123"},
        {"-98765432109876543210", "-98765432109876543210"},
        {"10.10", "10.10"},
        {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
        {"1E+2", "1E+2"},
        {R"({ "b" : [ 20000000000000000000000 , 1.50 ] , "a" : "x\"" })",
         R"({"a":"x\"","b":[20000000000000000000000,1.50]})"},
        {"0.0", ""},
        {"-0.00e7", ""},
    };
    for (const auto& [value, expected] : cases) {
        const Answer answer = read_answer(std::string{R"({"data":{"id":)"} + value + "}}", "/data/id");
        EXPECT_EQ(answer.result, *expected == '\0' ? Finding::not_found : Finding::found) << value;
        EXPECT_EQ(answer.found, expected) << value;
    }
}

TEST(Answer, IsNotFoundWhereItLeadsNowhereOrToNothing) {
    expect({{R"({"data":{"Items":{"data":[]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":null}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":0}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":0.0}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":false}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":""}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":{}}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":[{"id":[7]}]}}})", Finding::not_found},
            {R"({"data":{"Items":{"data":{"0":7}}}})", Finding::not_found},
            {R"({"data":{"Items":"data"}})", Finding::not_found},
            {R"({"data":{"Items":null}})", Finding::not_found},
            {R"({"data":{}})", Finding::not_found}},
           "/data/Items/data/0/id");
}

TEST(Answer, FailsWhereItCantBeJudged) {
    const std::string deep =
        R"({"data":{"Items":{"data":[{"id":7}],"x":)" + std::string(100, '[') + std::string(100, ']') + "}}}";
    expect({{"", Finding::failed},
            {"null", Finding::failed},
            {R"([{"data":{"Items":{"data":[{"id":7}]}}}])", Finding::failed},
            {R"({"data":{"Items":{"data":[{"id":7}]}})", Finding::failed},
            {R"({"data":null})", Finding::failed},
            {R"({"data":[7]})", Finding::failed},
            {R"({"errors":[]})", Finding::failed},
            {R"({"data":{"Items":{"data":[{"id":7}]}},"errors":[{"message":"m"}]})", Finding::failed},
            {R"({"data":{"Items":{"data":[{"id":7}]}},"errors":{}})", Finding::failed},
            {R"({"data":{"Items":null},"errors":[{"message":"m"}]})", Finding::failed},
            {deep, Finding::failed}},
           "/data/Items/data/0/id");
}

TEST(Answer, FollowsPointersAsRfc6901HasThem) {
    constexpr const char* body = R"({"data":{"a/b":1,"m~n":2,"":3,"list":[4,5],"~1":6}})";
    const std::pair<const char*, const char*> cases[] = {
        {"/data/a~1b", "1"},
        {"/data/m~0n", "2"},
        {"/data/", "3"},
        {"/data/list/1", "5"},
        {"/data/~01", "6"},
        {"/data/list/2", ""},
        {"/data/list/01", ""},
        {"/data/list/-", ""},
        {"/data/list/", ""},
        {"/data/list/1 ", ""},
        {"/data/list/99999999999999999999", ""},
        {"/data/a/b", ""},
    };
    for (const auto& [pointer, found] : cases)
        EXPECT_EQ(read_answer(body, pointer).found, found) << pointer;
}

TEST(Answer, TellsThatSomethingLargeIsThere) {
    const std::string large(1023, 'x');
    EXPECT_EQ(read_answer(R"({"data":{"a":")" + large + R"("}})", "/data/a").found, "true");
    EXPECT_EQ(read_answer(R"({"data":{"a":")" + large.substr(1) + R"("}})", "/data/a").found.size(), 1024U);
}

TEST(QuestionBody, HoldsQueryAndKeyAsJsonStrings) {
    const auto [before, after] = body_around_key("query($key:ID){a(b:$key,c:\"d\")}");
    EXPECT_EQ(before + json_string("e\"f\\\n") + after,
              R"({"query":"query($key:ID){a(b:$key,c:\"d\")}","variables":{"key":"e\"f\\\n"}})");
}

} // namespace
} // namespace bearerd::reconcile
