#include "unit/graphql/classify.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace bearerd::graphql;
using namespace bearerd::graphql::testing;

namespace {

std::uint64_t hash_json(std::string_view body) {
    return document_hash({false, "", "application/json", body});
}

TEST(DocumentHash, IsTheSameWithOtherLiteralsVariablesAndSpace) {
    const std::string base = wrapped(R"(mutation A{a(x:"1",y:-1000,z:[1.5]){id}})");
    const std::vector<std::string> same = {
        wrapped(R"(mutation A{a(x:"2",y:7,z:[1e9]){id}})"),
        wrapped("mutation A {\n  a(x:\"\"\"block\"\"\", y:0 z:[0]) { id } # done\n}"),
        R"({"variables":{"q":1},"query":"\u006dutation A{a(x:\"\",y:1,z:[2]){id}}"})",
    };
    for (const std::string& body : same)
        EXPECT_EQ(hash_json(body), hash_json(base)) << body;
    EXPECT_EQ(
        document_hash({false, "tenant=7", "application/graphql", R"(mutation A{a(x:"",y:1,z:[2]){id}})"}),
        hash_json(base));
}

TEST(DocumentHash, KnowsLiteralsOfEveryKind) {
    const std::string base = wrapped("query A($v:Int){a(x:1,o:{k:2})@include(if:$v){true}}");
    for (const std::string_view value :
         {"2", R"("1")", "true", "false", "null", "GBP", "[]", "[1 2]", "[[A] [B]]"})
        EXPECT_EQ(hash_json(wrapped("query A($v:Int){a(x:" + std::string{value} +
                                    ",o:{k:" + std::string{value} + "})@include(if:$v){true}}")),
                  hash_json(base))
            << value;
    EXPECT_NE(hash_json(wrapped("query A($v:Int){a(x:1,o:{k:2})@include(if:$v){false}}")), hash_json(base));
}

TEST(DocumentHash, DiffersWithAnythingElse) {
    const std::vector<std::string> bodies = {
        wrapped("{a}"),
        wrapped("{b}"),
        wrapped("{ab}"),
        wrapped("{a b}"),
        wrapped("query A{a}"),
        wrapped("query B{a}"),
        wrapped("mutation A{a}"),
        wrapped("{a(x:1)}"),
        wrapped("{a(y:1)}"),
        wrapped("{a(x:1)@b}"),
        wrapped("{a(x:{y:1})}"),
        wrapped("{a(x:$v)}"),
        wrapped("{a(x:$w)}"),
        wrapped("{a:b}"),
        R"({"query":"query A{a} query B{b}","operationName":"A"})",
        R"({"query":"query A{a} query B{b}","operationName":"B"})",
        "[" + wrapped("{a}") + "," + wrapped("{b}") + "]",
        "[" + wrapped("{b}") + "," + wrapped("{a}") + "]",
        "",
        "x",
        "y",
        R"({"query":"{\u0000"})",
    };
    for (std::size_t i = 0; i < bodies.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(hash_json(bodies[i]), hash_json(bodies[j])) << bodies[i] << " and " << bodies[j];
}

TEST(DocumentHash, OfAStoredDocumentIsOfItsNameWithoutVariables) {
    const auto stored = [](std::string_view name, std::string_view variables) {
        return hash_json("{\"operationName\":\"A\"," + std::string{name} +
                         ",\"variables\":" + std::string{variables} + "}");
    };
    const std::vector<std::string> names = {
        R"("extensions":{"persistedQuery":{"version":1,"sha256Hash":"aa"}})",
        R"("extensions":{"persistedQuery":{"version":1,"sha256Hash":"bb"}})",
        R"("id":"aa")",
        R"("documentId":"aa")",
        R"("documentId":"aa","query":"{a}")",
    };
    for (std::size_t i = 0; i < names.size(); ++i) {
        EXPECT_EQ(stored(names[i], R"({"card":"1"})"), stored(names[i], R"({"card":"2"})")) << names[i];
        EXPECT_EQ(hash_json("[{" + names[i] + R"(,"variables":1}])"),
                  hash_json("[{" + names[i] + R"(,"variables":2}])"));
        EXPECT_NE(hash_json("{" + names[i] + R"(,"operationName":"A"})"),
                  hash_json("{" + names[i] + R"(,"operationName":"B"})"));
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(stored(names[i], "1"), stored(names[j], "1")) << names[i] << " and " << names[j];
    }
    EXPECT_NE(hash_json(R"({"variables":1})"), hash_json(R"({"variables":2})")) << "nothing names a document";
    EXPECT_NE(hash_json(R"({"id":1,"variables":1)"), hash_json(R"({"id":1,"variables":2)")) << "no JSON";
}

TEST(DocumentHash, OfTheUnreadableIsOfAllItsBytes) {
    EXPECT_EQ(document_hash({false, "a", "b", "c"}), document_hash({false, "a", "b", "c"}));
    EXPECT_NE(document_hash({false, "a", "b", "c"}), document_hash({true, "a", "b", "c"}));
    EXPECT_NE(document_hash({false, "a", "b", "c"}), document_hash({false, "", "ab", "c"}));
}

} // namespace
