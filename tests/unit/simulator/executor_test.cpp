#include "executor.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

Json request(std::string_view query, Json variables = Json::object(), std::string_view name = "") {
    return {{"query", query}, {"variables", std::move(variables)}, {"operationName", name}};
}

/// Answers each root field with its arguments under `id`, and what the schema's objects need around it.
Outcome echo(const PlannedField& field) {
    if (field.name == "Cards")
        return Json{{"data", Json::array({{{"id", field.arguments}, {"balance", 1}}})}, {"total", 1}};
    return Json{{"id", field.arguments.dump()}, {"value", 5}};
}

Json run(const Json& json) {
    return execute(prepare(json), echo);
}

TEST(Executor, AnswersTheSelectedFieldsUnderTheirAliases) {
    EXPECT_EQ(run(request("{ a: Cards { data { b: balance __typename } } Cards { total } }")).dump(),
              R"({"data":{"a":{"data":[{"b":1,"__typename":"Card"}]},"Cards":{"total":1}}})");
}

TEST(Executor, PutsVariablesAndDefaultsIn) {
    const auto answer = run(request("mutation($v:Int!,$c:String=\"GBP\"){createBalanceAdjustment(value:$v,"
                                    "currency:$c,merchant_id:26){id}}",
                                    {{"v", -1000}}));
    EXPECT_EQ(member(member(member(answer, "data"), "createBalanceAdjustment"), "id"),
              R"({"value":-1000,"currency":"GBP","merchant_id":26})");
}

TEST(Executor, RunsTheNamedOperationOnly) {
    const std::string_view both = "query A { Cards { total } } mutation B { createReversal { value } }";
    EXPECT_EQ(run(request(both, {}, "B")).dump(), R"({"data":{"createReversal":{"value":5}}})");
    EXPECT_FALSE(prepare(request(both)).error.is_null());
    EXPECT_FALSE(prepare(request(both, {}, "C")).error.is_null());
}

TEST(Executor, ResolvesFragmentsAndConditions) {
    EXPECT_EQ(run(request("query($no:Boolean!){...F ... on Query @include(if:$no){Cards{data{id}}}}"
                          "fragment F on Query{Cards{total @skip(if:false)}}",
                          {{"no", false}}))
                  .dump(),
              R"({"data":{"Cards":{"total":1}}})");
}

TEST(Executor, MergesASelectionThatIsWrittenTwice) {
    EXPECT_EQ(run(request("{ Cards { total } Cards { data { balance } } }")).dump(),
              R"({"data":{"Cards":{"total":1,"data":[{"balance":1}]}}})");
}

class Unplannable : public testing::TestWithParam<std::string_view> {};

TEST_P(Unplannable, IsRefusedBeforeAnythingIsExecuted) {
    const auto answer = execute(prepare(request(GetParam())), [](const PlannedField&) -> Outcome {
        ADD_FAILURE() << "executed";
        return Json();
    });
    EXPECT_FALSE(answer.contains("data"));
    EXPECT_TRUE(answer.contains("errors"));
}

INSTANTIATE_TEST_SUITE_P(
    All, Unplannable,
    testing::Values("{ nothing }", "{ Cards { nothing } }", "{ Cards }", "{ Cards { total { x } } }",
                    "{ Cards(nothing: 1) { total } }", "{ Cards(page: $x) { total } }", "{ ...F }",
                    "{ ...F } fragment F on Query { ...F }", "{ ... on Card { id } }",
                    "query($x:Int!){ Cards(page:$x) { total } }", "subscription { Cards { total } }",
                    "mutation { createReversal { id } nothing }", "{ Cards @later { total } }",
                    "{ Cards(page:1) { total } Cards(page:2) { total } }", "{ __schema { types } }",
                    "mutation { createReversal(merchant_id:1, merchant_id:2) { id } }"));

TEST(Executor, FragmentsThatMultiplyAreBounded) {
    std::string query = "{...F0}";
    for (int i = 0; i < 40; ++i)
        query += " fragment F" + std::to_string(i) + " on Query {...F" + std::to_string(i + 1) + " ...F" +
                 std::to_string(i + 1) + "}";
    query += " fragment F40 on Query {Cards{total}}";
    EXPECT_FALSE(prepare(request(query)).error.is_null());
}

TEST(Executor, ARefusedRootFieldIsNullAndTheOthersRun) {
    const auto answer =
        execute(prepare(request("mutation {\n  a: createReversal { value }\n  b: createOrder { value }\n}")),
                [](const PlannedField& field) -> Outcome {
                    if (field.name == "createReversal")
                        return Refusal{"validation", {{"currency", Json::array({"This field is required"})}}};
                    return Json{{"value", 1}};
                });
    EXPECT_EQ(answer.dump(),
              R"({"errors":[{"message":"validation","locations":[{"line":2,"column":3}],)"
              R"("validation":{"currency":["This field is required"]},"customer_facing":false}],)"
              R"("data":{"a":null,"b":{"value":1}}})");
}

} // namespace
} // namespace bearerd::sim
