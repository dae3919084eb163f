#include "graphql.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

Document read(std::string_view text) {
    auto result = read_document(text);
    if (const auto* error = std::get_if<SyntaxError>(&result)) {
        ADD_FAILURE() << text << "\n" << error->message;
        return {};
    }
    return std::get<Document>(std::move(result));
}

TEST(GraphqlReader, ReadsTheLoginOfTheContract) {
    const auto document =
        read("query($email:String,$username:String,$password:String!){loginUser(email:$email,"
             "username:$username,password:$password){id}}");
    ASSERT_EQ(document.operations.size(), 1U);
    const auto& operation = document.operations.front();
    EXPECT_EQ(operation.kind, Operation::Kind::query);
    ASSERT_EQ(operation.variables.size(), 3U);
    EXPECT_EQ(operation.variables.back().type, "String!");
    ASSERT_EQ(operation.selections.size(), 1U);
    EXPECT_EQ(operation.selections.front().name, "loginUser");
    EXPECT_EQ(operation.selections.front().arguments.back().second.text, "password");
}

TEST(GraphqlReader, WordsInsideStringsAndCommentsAreNoOperations) {
    const auto document =
        read("# mutation { a }\nquery Q { Cards(card_reference: \"mutation {\") { total } }\n"
             "fragment F on Card { id } # mutation");
    ASSERT_EQ(document.operations.size(), 1U);
    EXPECT_EQ(document.operations.front().kind, Operation::Kind::query);
    EXPECT_EQ(document.fragments.count("F"), 1U);
}

TEST(GraphqlReader, TellsWhereAFieldStands) {
    const auto document = read("mutation {\n  createBalanceAdjustment { id }\n}");
    const auto where = document.operations.front().selections.front().where;
    EXPECT_EQ(where.line, 2);
    EXPECT_EQ(where.column, 3);
}

struct StringCase {
    std::string_view written;
    std::string_view value;
};

class GraphqlString : public testing::TestWithParam<StringCase> {};

TEST_P(GraphqlString, IsReadAsItsValue) {
    const auto document =
        read("{ Cards(card_reference: " + std::string(GetParam().written) + ") { total } }");
    ASSERT_FALSE(document.operations.empty());
    EXPECT_EQ(document.operations.front().selections.front().arguments.front().second.text, GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(All, GraphqlString,
                         testing::Values(StringCase{R"("")", ""}, StringCase{R"("a\"b\\c\n")", "a\"b\\c\n"},
                                         StringCase{R"("\u00e9")", "\xC3\xA9"},
                                         StringCase{R"("\uD83D\uDE00")", "\xF0\x9F\x98\x80"},
                                         StringCase{"\"\"\"\n    one\n      two\n    \"\"\"", "one\n  two"},
                                         StringCase{R"("""a \""" b""")", R"(a """ b)"}));

class GraphqlFault : public testing::TestWithParam<std::string_view> {};

TEST_P(GraphqlFault, IsRefused) {
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(read_document(GetParam()))) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(All, GraphqlFault,
                         testing::Values("", "   # nothing", "{", "{}", "{ a", "{ a( }", "{ a(b:) }",
                                         "{ a(b: 01) }", "{ a(b: 1.) }", "{ a(b: \"x) }", "{ a(b: \"\\q\") }",
                                         "muation { a }", "query ($a) { a }", "query () { a }", "{ ... on }",
                                         "{ ...on { a } } }", "fragment on on Card { id }",
                                         "{ a } fragment F on A { a } fragment F on A { a }", "{ a \x01 }",
                                         "{ a(b: \"\"\"x) }", "{ a(b: 12abc) }"));

TEST(GraphqlReader, RefusesEndlessNestingInsteadOfCrashing) {
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += "{a";
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(read_document(text)));
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(read_document("{a(b:" + std::string(100'000, '['))));
}

} // namespace
} // namespace bearerd::sim
