#include <bearerd/graphql/document_cache.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd::graphql {
namespace {

Operation read(DocumentCache& cache, const std::string& body) {
    return classify({false, "", "application/json", body}, "loginUser", &cache);
}

TEST(DocumentCache, ChangesNothingOfWhatIsFound) {
    DocumentCache cache;
    for (
        const std::string body : {
            R"({"query":"query Balance($card:String){Cards(card:$card){balance}}","variables":{"card":"1"}})",
            R"({"query":"query A{a} mutation B{b}","operationName":"A"})",
            R"({"query":"query A{a} mutation B{b}","operationName":"B"})",
            R"({"query":"query A{a} mutation B{b}"})",
            R"({"query":"query($u:String){loginUser(username:$u){id}}"})",
            R"([{"query":"query A{a}"},{"query":"mutation B{b}"}])",
            R"({"query":"{"})",
        }) {
        const Operation plain = classify({false, "", "application/json", body}, "loginUser");
        for (int times = 0; times < 3; ++times) {
            const Operation found = read(cache, body);
            EXPECT_EQ(found.kind, plain.kind) << body;
            EXPECT_EQ(found.name, plain.name) << body;
            EXPECT_EQ(found.batch, plain.batch) << body;
            EXPECT_EQ(found.has_login, plain.has_login) << body;
        }
    }
}

TEST(DocumentCache, KnowsADocumentThatCameBefore) {
    DocumentCache cache;
    read(cache, R"({"query":"query A($c:String){a(c:$c)}","variables":{"c":"6301190019990640662"}})");
    const auto known = cache.find("query A($c:String){a(c:$c)}", std::nullopt);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->kind, OperationKind::query);
    EXPECT_EQ(known->name, "A");
    EXPECT_FALSE(cache.find("query A($c:String){a(c:$c)}", "A"));
}

TEST(DocumentCache, KeepsNoDocumentThatHoldsALiteral) {
    DocumentCache cache;
    for (const std::string document : {R"({Cards(card_reference:\"6301190019990640662\"){balance}})",
                                       R"({Cards(number:6301190019990640662){balance}})"})
        read(cache, R"({"query":")" + document + R"("})");
    EXPECT_FALSE(cache.find(R"({Cards(card_reference:"6301190019990640662"){balance}})", std::nullopt));
    EXPECT_FALSE(cache.find(R"({Cards(number:6301190019990640662){balance}})", std::nullopt));
}

TEST(DocumentCache, KeepsNeitherWhatIsTooLongNorWhatCannotBeRead) {
    DocumentCache cache;
    const std::string longest = "{" + std::string(DocumentCache::longest - 2, 'a') + "}";
    const std::string longer = "{" + std::string(DocumentCache::longest - 1, 'a') + "}";
    for (const auto& document : {longest, longer, std::string{"{"}})
        read(cache, R"({"query":")" + document + R"("})");
    EXPECT_TRUE(cache.find(longest, std::nullopt));
    EXPECT_FALSE(cache.find(longer, std::nullopt));
    EXPECT_FALSE(cache.find("{", std::nullopt));
}

TEST(DocumentCache, ForgetsTheOldestWhenFull) {
    DocumentCache cache;
    const auto document = [](std::size_t i) { return "{field" + std::to_string(i) + "}"; };
    for (std::size_t i = 0; i <= DocumentCache::room; ++i)
        read(cache, R"({"query":")" + document(i) + R"("})");
    EXPECT_FALSE(cache.find(document(0), std::nullopt));
    for (std::size_t i = 1; i <= DocumentCache::room; ++i)
        EXPECT_TRUE(cache.find(document(i), std::nullopt)) << i;
}

} // namespace
} // namespace bearerd::graphql
