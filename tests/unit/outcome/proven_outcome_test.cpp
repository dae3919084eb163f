#include <bearerd/outcome/proven_outcome.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bearerd::outcome {
namespace {

Executed outcome(std::string_view request, std::string_view answer, std::uint16_t status = 200) {
    graphql::RequestView view;
    view.content_type = "application/json";
    view.body = request;
    return proven_outcome(status, answer, view, graphql::classify(view, "loginUser"));
}

constexpr std::string_view one = R"({"query":"mutation { a { id } }"})";
constexpr std::string_view two = R"({"query":"mutation { a { id } b { id } __typename }"})";
constexpr std::string_view batch = R"([{"query":"mutation { a }"},{"query":"mutation { b }"}])";
constexpr std::string_view alias = R"({"query":"mutation { mine: a }"})";
constexpr std::string_view mixed = R"([{"query":"{ q }"},{"query":"mutation { b }"}])";
constexpr std::string_view unreadable = R"({"id":"stored-7"})";

TEST(Outcome, IsYesOnlyWhereEachMutatedFieldHasAValue) {
    const struct {
        std::string_view request;
        std::string answer;
        Executed expected;
    } cases[] = {
        {one, R"({"data":{"a":{"id":1}}})", Executed::yes},
        {one, R"({"data":{"a":false},"errors":[{"message":"late","path":["a","id"]}]})", Executed::yes},
        {one, "\xEF\xBB\xBF {\"data\":{\"a\":0}}\n", Executed::yes},
        {one, R"({"data":{"a":null}})", Executed::answered},
        {one, R"({"data":null})", Executed::answered},
        {one, R"({"errors":[{"message":"validation"}],"data":{"a":null}})", Executed::answered},
        {one, R"({"errors":[{"message":"late","path":["a"]}],"data":null})", Executed::answered},
        {one, R"({"data":{}})", Executed::unknown},
        {one, R"({"data":[1]})", Executed::unknown},
        {one, R"({"data":"done"})", Executed::unknown},
        {one, R"({"data":{"a":1},"data":null})", Executed::unknown},
        {one, R"([{"data":{"a":1}}])", Executed::unknown},
        {one, R"({"data":{"a":1}}x)", Executed::unknown},
        {one, R"({"data":{"a":1})", Executed::unknown},
        {one, "<html>", Executed::unknown},
        {one, "", Executed::unknown},
        {one, "{}", Executed::unknown},
        {one, "null", Executed::unknown},
        {one, R"({"message":"Not Found"})", Executed::unknown},
        {two, R"({"data":{"a":1,"b":2,"__typename":"Mutation"}})", Executed::yes},
        {two, R"({"data":{"a":1,"b":null,"__typename":"Mutation"}})", Executed::answered},
        {two, R"({"data":{"a":1,"__typename":"Mutation"}})", Executed::unknown},
        {one, R"({"data":{"b":1}})", Executed::unknown},
        {one, R"({"data":{"status":"ok","time":7}})", Executed::unknown},
        {one, R"({"data":{"A":1}})", Executed::unknown},
        {one, R"({"data":{"x":1,"\u0061":1}})", Executed::yes},
        {one, R"({"x":{"a":1},"data":{"b":{"a":1}}})", Executed::unknown},
        {two, R"({"data":{"a":1,"c":2,"__typename":"Mutation"}})", Executed::unknown},
        {two, R"({"data":{"b":1,"a":2}})", Executed::yes},
        {alias, R"({"data":{"mine":1}})", Executed::yes},
        {alias, R"({"data":{"a":1}})", Executed::unknown},
        {batch, R"([{"data":{"b":1}},{"data":{"a":1}}])", Executed::unknown},
        {batch, R"([{"data":{"a":1,"b":1}},{"data":{"c":1}}])", Executed::unknown},
        {mixed, R"([{"data":{"q":1}},{"data":{"b":1}}])", Executed::yes},
        {mixed, R"([{"data":{"b":1}},{"data":{"q":1}}])", Executed::unknown},
        {batch, R"([{"data":{"a":1}},{"data":{"b":1}}])", Executed::yes},
        {batch, R"([{"data":{"a":1}},{"data":{"b":null}}])", Executed::answered},
        {batch, R"([{"data":{"a":1}},{"errors":[{"message":"no such field"}]}])", Executed::answered},
        {batch, R"([{"errors":[{"message":"x"}]},{"errors":[{"message":"y"}]}])", Executed::no},
        {batch, R"([{"data":{"a":1}},{}])", Executed::unknown},
        {batch, R"([{"data":{"a":1}}])", Executed::unknown},
        {batch, R"({"data":{"a":1}})", Executed::unknown},
        {batch, R"({"errors":[{"message":"no batches here"}]})", Executed::no},
        {batch, "[]", Executed::unknown},
        {unreadable, R"({"data":{"a":1}})", Executed::yes},
        {unreadable, R"({"data":{"a":1,"b":null}})", Executed::answered},
    };

    for (const auto& each : cases)
        EXPECT_EQ(to_string(outcome(each.request, each.answer)), to_string(each.expected))
            << each.request << each.answer;
}

TEST(Outcome, IsNoOnlyForARequestErrorThatNoGatewayMade) {
    const struct {
        std::uint16_t status;
        std::string answer;
        Executed expected;
    } cases[] = {
        {200, R"({"errors":[{"message":"Throttled"}]})", Executed::no},
        {400, R"({"errors":[{"message":"syntax","path":null}]})", Executed::no},
        {429, R"({"errors":[{"message":"slow down","extensions":{"code":"X"}}]})", Executed::no},
        {408, R"({"errors":[{"message":"timed out"}]})", Executed::unknown},
        {499, R"({"errors":[{"message":"Client Closed Request"}]})", Executed::unknown},
        {302, R"({"errors":[{"message":"moved"}]})", Executed::unknown},
        {307, R"({"errors":[{"message":"moved"}]})", Executed::unknown},
        {500, R"({"errors":[{"message":"oops"}]})", Executed::unknown},
        {504, R"({"errors":[{"message":"timed out"}]})", Executed::unknown},
        {200, R"({"errors":[{"message":"late","path":["a"]}]})", Executed::unknown},
        {200, R"({"errors":[{"message":"x"},{"message":"late","path":["a"]}]})", Executed::unknown},
        {200, R"({"errors":[]})", Executed::unknown},
        {200, R"({"errors":{"message":"x"}})", Executed::unknown},
        {200, R"({"errors":["x"]})", Executed::unknown},
        {200, R"({"errors":[{"code":7}]})", Executed::unknown},
        {200, R"({"errors":[{"message":"x"}],"errors":[{"message":"x"}]})", Executed::unknown},
    };

    for (const auto& each : cases)
        EXPECT_EQ(to_string(outcome(one, each.answer, each.status)), to_string(each.expected)) << each.answer;
}

TEST(Outcome, IsNotAnsweredIfAGatewayMayHaveWrittenTheNull) {
    const std::pair<std::string, Executed> cases[] = {
        {R"({"errors":[{"message":"timed out"}],"data":null})", Executed::answered},
        {R"({"data":{"a":null}})", Executed::answered},
        {R"({"data":{"a":1,"b":null}})", Executed::answered},
        {R"({"data":{"a":1}})", Executed::yes},
    };
    for (const auto& [answer, expected] : cases) {
        for (const std::uint16_t status : std::vector<std::uint16_t>{200, 400, 401, 429})
            EXPECT_EQ(to_string(outcome(one, answer, status)), to_string(expected)) << status << answer;
        for (const std::uint16_t status : std::vector<std::uint16_t>{408, 500, 502, 503, 504})
            EXPECT_EQ(to_string(outcome(one, answer, status)),
                      to_string(expected == Executed::yes ? expected : Executed::unknown))
                << status << answer;
    }
}

TEST(Outcome, OfAStatusWithoutAnAnswerOfGraphqlIsUnknown) {
    for (const std::uint16_t status :
         std::vector<std::uint16_t>{200, 204, 302, 307, 403, 404, 413, 429, 500, 502})
        for (const std::string_view body : {"", "<html></html>", "{\"message\":\"x\"}", "moved"})
            EXPECT_EQ(outcome(one, body, status), Executed::unknown) << status << body;
}

bool nothing_ran(const std::string& request, std::uint16_t status, const std::string& body) {
    graphql::RequestView view;
    view.content_type = "application/json";
    view.body = request;
    return ran_nothing(status, body, view, graphql::classify(view, "loginUser"));
}

TEST(RanNothing, HoldsForNullFieldsWithoutAnErrorBelowThem) {
    const std::string pay = R"({"query":"mutation{pay{id}}"})";

    const struct {
        std::uint16_t status;
        const char* body;
        bool nothing;
    } cases[] = {
        {200, R"({"errors":[{"message":"validation"}],"data":{"pay":null}})", true},
        {200, R"({"errors":[{"message":"x","path":["pay"]}],"data":{"pay":null}})", true},
        {400, R"({"errors":[{"message":"x","path":["pay"]}],"data":null})", true},
        {200, R"({"errors":[{"message":"x","path":["pay","id"]}],"data":{"pay":null}})", false},
        {200, R"({"errors":[{"message":"x","path":["pay",0,"id"]}],"data":null})", false},
        {200, R"({"data":{"pay":null,"refund":{"id":1}}})", false},
        {502, R"({"errors":[{"message":"x"}],"data":{"pay":null}})", false},
        {408, R"({"errors":[{"message":"x"}],"data":{"pay":null}})", false},
        {200, R"({"errors":[{"message":"x"}]})", false},
        {200, R"({"data":{"pay":null})", false},
    };

    for (const auto& each : cases)
        EXPECT_EQ(nothing_ran(pay, each.status, each.body), each.nothing) << each.status << " " << each.body;
}

// A field that may not be null makes all of data null, after those before it were executed.
TEST(RanNothing, HoldsForSeveralFieldsOnlyIfEachIsNullOrNamed) {
    const std::string pair = R"({"query":"mutation{a:pay{id} b:pay{id}}"})";
    const std::string list = R"([{"query":"mutation{pay{id}}"},{"query":"mutation{pay{id}}"}])";

    const struct {
        std::string request;
        const char* body;
        bool nothing;
    } cases[] = {
        {pair, R"({"errors":[{"message":"x","path":["b"]}],"data":null})", false},
        {pair, R"({"errors":[{"message":"x"}],"data":null})", false},
        {pair, R"({"errors":[{"message":"x","path":["a"]},{"message":"x","path":["b"]}],"data":null})", true},
        {pair, R"({"errors":[{"message":"x","path":["a"]},{"message":"x","path":["b","id"]}],"data":null})",
         false},
        {pair, R"({"errors":[{"message":"validation"}],"data":{"a":null,"b":null}})", true},
        {pair, R"({"errors":[{"message":"validation"}],"data":{"a":null}})", false},
        {list, R"([{"data":{"pay":null}},{"data":null}])", false},
        {list, R"([{"data":{"pay":null}},{"data":{"pay":null}}])", true},
        {list, R"([{"data":{"pay":null}},{"data":null,"errors":[{"message":"x","path":["pay"]}]}])", true},
        {list, R"([{"data":{"pay":null}},{"data":{"pay":{"id":1}}}])", false},
        {R"({"query":"mutation{...f} fragment f on M{a}"})", R"({"data":{"a":null}})", true},
    };

    for (const auto& each : cases)
        EXPECT_EQ(nothing_ran(each.request, 200, each.body), each.nothing) << each.request << each.body;
}

} // namespace
} // namespace bearerd::outcome
