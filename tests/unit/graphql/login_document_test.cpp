#include <bearerd/graphql/login_document.hpp>

#include <gtest/gtest.h>

namespace bearerd::graphql {
namespace {

TEST(LoginDocument, AnswersWithTheKeysOfItsRootFields) {
    const struct {
        const char* document;
        const char* key;
        bool answers;
    } cases[] = {
        {"{login}", "login", true},
        {"mutation($a:[Int!]=[1]){ login(a:$a,b:{c:\"}\"}){token} other }", "other", true},
        {"mutation{alias:login(a:1) @x(y:1) @z {token}}", "alias", true},
        {"mutation{alias:login(a:1) @x(y:1) @z {token}}", "login", false},
        {"{login{token}}", "token", false},
        {"{a ...f} fragment f on Query{login}", "login", true}, // uncertain
        {"{login ...f} fragment f on Query{b}", "login", true},
        {"{a}", "login", false},
        {"{a", "a", false},
        {"", "a", false},
    };

    for (const auto& each : cases)
        EXPECT_EQ(answers_with(each.document, each.key), each.answers) << each.document;
}

TEST(LoginDocument, NamesTheVariableThatBringsTheSecret) {
    EXPECT_EQ(login_document_flaw("mutation($refresh_token:ID){r(t:$refresh_token)}", "refresh_token"), "");
    EXPECT_EQ(login_document_flaw("mutation($t:ID){r(t:$t)}", "refresh_token"),
              "must declare and use the variable $refresh_token, which brings the refresh token");
}

} // namespace
} // namespace bearerd::graphql
