#include <bearerd/graphql/document_memo.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd::graphql {
namespace {

Operation read(DocumentMemo& memo, const std::string& body) {
    return classify({false, "", "application/json", body}, "loginUser", &memo);
}

TEST(DocumentMemo, ChangesNothingOfWhatIsFound) {
    DocumentMemo memo;
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
            const Operation found = read(memo, body);
            EXPECT_EQ(found.kind, plain.kind) << body;
            EXPECT_EQ(found.name, plain.name) << body;
            EXPECT_EQ(found.batch, plain.batch) << body;
            EXPECT_EQ(found.has_login, plain.has_login) << body;
        }
    }
}

TEST(DocumentMemo, KnowsADocumentThatCameBefore) {
    DocumentMemo memo;
    read(memo, R"({"query":"query A($c:String){a(c:$c)}","variables":{"c":"6301190019990640662"}})");
    const auto known = memo.find("query A($c:String){a(c:$c)}", std::nullopt);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->kind, OperationKind::query);
    EXPECT_EQ(known->name, "A");
    EXPECT_FALSE(memo.find("query A($c:String){a(c:$c)}", "A"));
}

TEST(DocumentMemo, KeepsNoDocumentThatHoldsALiteral) {
    DocumentMemo memo;
    for (const std::string document : {R"({Cards(card_reference:\"6301190019990640662\"){balance}})",
                                       R"({Cards(number:6301190019990640662){balance}})"})
        read(memo, R"({"query":")" + document + R"("})");
    EXPECT_FALSE(memo.find(R"({Cards(card_reference:"6301190019990640662"){balance}})", std::nullopt));
    EXPECT_FALSE(memo.find(R"({Cards(number:6301190019990640662){balance}})", std::nullopt));
}

TEST(DocumentMemo, KeepsNeitherWhatIsTooLongNorWhatCannotBeRead) {
    DocumentMemo memo;
    const std::string longest = "{" + std::string(DocumentMemo::longest - 2, 'a') + "}";
    const std::string longer = "{" + std::string(DocumentMemo::longest - 1, 'a') + "}";
    for (const auto& document : {longest, longer, std::string{"{"}})
        read(memo, R"({"query":")" + document + R"("})");
    EXPECT_TRUE(memo.find(longest, std::nullopt));
    EXPECT_FALSE(memo.find(longer, std::nullopt));
    EXPECT_FALSE(memo.find("{", std::nullopt));
}

TEST(DocumentMemo, ForgetsTheOldestWhenFull) {
    DocumentMemo memo;
    const auto document = [](std::size_t i) { return "{field" + std::to_string(i) + "}"; };
    for (std::size_t i = 0; i <= DocumentMemo::room; ++i)
        read(memo, R"({"query":")" + document(i) + R"("})");
    EXPECT_FALSE(memo.find(document(0), std::nullopt));
    for (std::size_t i = 1; i <= DocumentMemo::room; ++i)
        EXPECT_TRUE(memo.find(document(i), std::nullopt)) << i;
}

} // namespace
} // namespace bearerd::graphql
