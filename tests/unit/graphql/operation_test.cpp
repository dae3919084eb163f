#include "unit/graphql/classify.hpp"

#include <bearerd/graphql/document_cache.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace bearerd::graphql;
using namespace bearerd::graphql::testing;

namespace {

std::string nested(std::size_t levels, std::string_view open, std::string_view inner,
                   std::string_view close) {
    std::string text;
    for (std::size_t i = 0; i < levels; ++i)
        text += open;
    text += inner;
    for (std::size_t i = 0; i < levels; ++i)
        text += close;
    return text;
}

const std::string redemption =
    R"(mutation { createBalanceAdjustment(currency:"GBP", value:-1000, merchant_id:26, unit_epos_reference:"till 1",)"
    R"( card_reference:"6301190019990640662", merchant_transaction_reference:"a\"b") { id value } })";
const std::string balance_check =
    R"({ Cards(card_reference:"6301190019990640662"){data{card_reference balance}} })";
const std::string login =
    "query($email:String,$username:String,$password:String!){loginUser(email:$email,username:$username,"
    "password:$password){id}}";

// What runs is read from the document alone. Each row also holds under every way to send the document.
const std::vector<Case> documents = {
    // the contract's own
    {redemption, mutation},
    {balance_check, query},
    {login, query},
    {R"(mutation { createReversal(merchant_transaction_reference:"a") { id } })", mutation},
    // the three kinds, named and not
    {"{a}", query},
    {"query{a}", query},
    {"query A{a}", query},
    {"mutation{a}", mutation},
    {"mutation A{a}", mutation},
    {"subscription{a}", subscription},
    {"subscription A($x:ID!){a(x:$x)}", subscription},
    // keywords as ordinary names
    {"query mutation{a}", query},
    {"mutation query{a}", mutation},
    {"{mutation}", query},
    {"{query mutation subscription fragment on}", query},
    {"{mutation:a}", query},
    {"{a:mutation}", query},
    {"{a(mutation:1,query:2,on:3)}", query},
    {"{a(b:mutation)}", query},
    {"query($mutation:mutation=mutation){a}", query},
    {"{a @mutation}", query},
    {"fragment mutation on mutation{a} {...mutation}", query},
    {"mutation on{a}", mutation},
    // ignored things
    {"#mutation{a}\n{a}", query},
    {"#{a}\nmutation{a}", mutation},
    {"#{a}\rmutation{a}", mutation},
    {"# \t\xC3\xA9 \xF0\x9F\x92\xB3\n{a}", query},
    {",,,\n\t {,a,},#", query},
    {"\xEF\xBB\xBF{a}", query},
    {"\xEF\xBB\xBFmutation\xEF\xBB\xBF{a}", mutation},
    {"{a}#mutation{a}", query},
    {"{a #}\n}", query},
    // strings
    {R"({a(b:"mutation{x}")})", query},
    {R"({a(b:"\"} mutation{x}")})", query},
    {R"({a(b:"\\")} #")", query},
    {R"({a(b:"\u00e9\/\b\f\n\r\t")})", query},
    {R"({a(b:"")})", query},
    {R"({a(b:"#")})", query},
    {"{a(b:\"\"\"mutation{x}\"\"\")}", query},
    {"{a(b:\"\"\"\n\"\" \\\"\"\" } mutation{x} \n\"\"\")}", query},
    {"{a(b:\"\"\"\"\"\")}", query},
    {"{a(b:\"\"\"\\\"\"\")}", unknown}, // an escaped end: the block string never ends
    {R"({a(b:"""\""")})", unknown},
    {"{a(b:\"\"\"\\u\\x\"\"\")}", query}, // only one escape in a block string
    {"mutation{a(b:\"\"\"query\"\"\")}", mutation},
    // values
    {"{a(b:0,c:-0,d:10,e:-1.5,f:1e9,g:1.5E-3,h:true,i:null,j:RED,k:[],l:{},m:[1 2[3]],n:{x:1 y:{z:$v}})}",
     query},
    {"{a(b:$c)}", query},
    {"query($a:[Int!]!=[1] @d(x:1),$b:T={x:[]}){a}", query},
    // directives
    {"query A @d @e(x:$y){a @include(if:$z){b}}", query},
    {"{...F @d ... @skip(if:true){a} ... on T @d{a}} fragment F on T @d{a}", query},
    // selections
    {"{a{b{c{d}}}}", query},
    {"{x:a(b:1)@c{y:d}}", query},
    {"{...{a}}", query},
    {"{...on T{a}}", query},
    {"{...F}fragment F on T{a}", query},
    {"fragment F on T{a} mutation{...F}", mutation},
    // syntax faults: nobody knows what a server makes of them
    {"", unknown},
    {" #", unknown},
    {"{", unknown},
    {"{}", unknown},
    {"{a}}", unknown},
    {"{a", unknown},
    {"{a{}}", unknown},
    {"{a()}", unknown},
    {"query(){a}", unknown},
    {"query", unknown},
    {"query A", unknown},
    {"query A B{a}", unknown},
    {"Query{a}", unknown},
    {"QUERY{a}", unknown},
    {"{a(b)}", unknown},
    {"{a(b:)}", unknown},
    {"{a(:1)}", unknown},
    {"{a:}", unknown},
    {"{a:b:c}", unknown},
    {"{a @}", unknown},
    {"{..a}", unknown},
    {"{....a}", unknown},
    {"{... on}", unknown},
    {"{... on T}", unknown},
    {"{a(b:01)}", unknown},
    {"{a(b:-)}", unknown},
    {"{a(b:1.)}", unknown},
    {"{a(b:.5)}", unknown},
    {"{a(b:1e)}", unknown},
    {"{a(b:1x)}", unknown},
    {"{a(b:1.5.2)}", unknown},
    {"{a(b:0xF)}", unknown},
    {"{a(b:+1)}", unknown},
    {R"({a(b:"\x")})", unknown},
    {R"({a(b:"\u12")})", unknown},
    {R"({a(b:"\u{1F4B3}")})", unknown},
    {R"({a(b:")})", unknown},
    {"{a(b:\"x\ny\")}", unknown},
    {"{a(b:'x')}", unknown},
    {"{a(b:\"\"\"x)}", unknown},
    {"{a(b:{x})}", unknown},
    {"{a(b:[1)}", unknown},
    {"query($a:Int=$b){a}", unknown},
    {"query($a){a}", unknown},
    {"query(a:Int){a}", unknown},
    {"query($a:[Int){a}", unknown},
    {"query($a:Int!!){a}", unknown},
    {"fragment on on T{a}{b}", unknown},
    {"fragment F{a}{b}", unknown},
    {"fragment F($x:Int) on T{a} {...F}", unknown},
    {"\"description\" query{a}", unknown},
    {"{a};", unknown},
    {"{a}\xC2\xA0", unknown},
    {"{a} # \xE2\x80\xA8 mutation{b}", unknown}, // U+2028 ends a line, for some
    {"{a} # \xC2\x85 mutation{b}", unknown},
    // which one would run?
    {"fragment F on T{a}", unknown},
    {"query A{a} query B{b}", unknown},
    {"query A{a} mutation B{b}", unknown},
    {"{a} {b}", unknown},
    {"{a} query A{b}", unknown},
    {"{a} mutation{b}", unknown},
    // definitions of types
    {"type T{a:Int}", unknown},
    {"{a} type T{a:Int}", unknown},
    {"schema{query:Q}", unknown},
    {"extend type Q{a:Int}", unknown},
    {"directive @d on FIELD", unknown},
};

TEST(Operation, ReadsTheKindFromTheDocument) {
    for (const auto& [text, kind] : documents)
        EXPECT_EQ(classify_document(text).kind, kind) << text;
}

TEST(Operation, ReadsTheSameFromEveryWayToSendIt) {
    for (const auto& [text, kind] : documents) {
        EXPECT_EQ(classify_json(text, "application/graphql").kind, kind) << text;
        EXPECT_EQ(classify_json("[" + wrapped(text) + "]").kind, kind) << text;
        const std::string form = "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" +
                                 wrapped(text) + "\r\n--b--\r\n";
        EXPECT_EQ(classify_json(form, "multipart/form-data; boundary=b").kind, kind) << text;
        std::string encoded = "query=";
        for (const char c : text) {
            constexpr std::string_view hex = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += hex[byte >> 4U];
            encoded += hex[byte & 0xFU];
        }
        EXPECT_EQ(classify_get(encoded).kind, kind) << text;
    }
}

TEST(Operation, IsTheSameWithMoreIgnoredTextAround) {
    for (const auto& [text, kind] : documents) {
        for (const std::string_view more : {" ", "\n", ",", "#{mutation\n", "\xEF\xBB\xBF"})
            EXPECT_EQ(classify_document(std::string{more} + text + "\n" + std::string{more}).kind, kind)
                << text;
    }
}

TEST(Operation, OfEveryPrefixOfADocumentIsUnknown) {
    for (const std::string& text : {redemption, login, balance_check})
        for (std::size_t length = 0; length < text.size(); ++length)
            EXPECT_EQ(classify_document(text.substr(0, length)).kind, unknown) << text.substr(0, length);
}

TEST(Operation, OfEveryPrefixOfABodyIsUnknown) {
    const std::string body = R"([{"query":"{a}","variables":{"x":[1.5e3,"\u00e9",null,true]}}])";
    ASSERT_EQ(classify_json(body).kind, query);
    for (std::size_t length = 0; length < body.size(); ++length)
        EXPECT_EQ(classify_json(body.substr(0, length)).kind, unknown) << body.substr(0, length);
}

TEST(Operation, BoundsNesting) {
    EXPECT_EQ(classify_document(nested(256, "{a", "", "}")).kind, query);
    EXPECT_EQ(classify_document(nested(257, "{a", "", "}")).kind, unknown);
    EXPECT_EQ(classify_document("{a(b:" + nested(255, "[", "", "]") + ")}").kind, query);
    EXPECT_EQ(classify_document("{a(b:" + nested(256, "[", "", "]") + ")}").kind, unknown);
    EXPECT_EQ(classify_document("query($a:" + nested(300, "[", "A", "]") + "){a}").kind, unknown);
    EXPECT_EQ(classify_document("{a(b:" + nested(100'000, "{x:", "1", "}") + ")}").kind, unknown);
    EXPECT_EQ(classify_json(R"({"query":"{a}","x":)" + nested(511, "[", "", "]") + "}").kind, query);
    EXPECT_EQ(classify_json(R"({"query":"{a}","x":)" + nested(512, "[", "", "]") + "}").kind, unknown);
    EXPECT_EQ(classify_json(R"({"query":"{a}","x":)" + nested(100'000, "[", "", "]") + "}").kind, unknown);
}

TEST(Operation, BoundsDefinitionsAndSpreads) {
    std::string fragments;
    for (int i = 0; i < 255; ++i)
        fragments += "fragment F" + std::to_string(i) + " on T{a}";
    EXPECT_EQ(classify_document("{a}" + fragments).kind, query);
    EXPECT_EQ(classify_document("{a}" + fragments + "fragment G on T{a}").kind, unknown);
    std::string spreads;
    for (int i = 0; i < 1025; ++i)
        spreads += "...F ";
    EXPECT_EQ(classify_document("{" + spreads + "} fragment F on T{a}").kind, unknown);
}

TEST(Operation, IsChosenByOperationName) {
    const std::string two = R"("query":"query A{a} mutation B{b} subscription C{c}")";
    const std::vector<Case> bodies = {
        {"{" + two + R"(,"operationName":"A"})", query},
        {"{" + two + R"(,"operationName":"B"})", mutation},
        {"{" + two + R"(,"operationName":"C"})", subscription},
        {"{\"operationName\":\"B\"," + two + "}", mutation},
        {"{" + two + R"(,"operationName":"\u0042"})", mutation},
        {"{" + two + R"(,"operationName":"D"})", unknown},
        {"{" + two + R"(,"operationName":"a"})", unknown},
        {"{" + two + R"(,"operationName":""})", unknown},
        {"{" + two + R"(,"operationName":null})", unknown},
        {"{" + two + "}", unknown},
        {"{" + two + R"(,"operationName":1})", unknown},
        {"{" + two + R"(,"operationName":["A"]})", unknown},
        {"{" + two + R"(,"operationname":"A"})", unknown},
        {R"({"query":"query A{a}","operationName":null})", query},
        {R"({"query":"query A{a}","operationName":"A"})", query},
        {R"({"query":"query A{a}","operationName":"B"})", unknown},
        {R"({"query":"query A{a}","operationName":""})", unknown},
        {R"({"query":"{a}","operationName":""})", query},
        {R"({"query":"{a}","operationName":"A"})", unknown},
        {R"({"query":"query A{a} query A{b}","operationName":"A"})", unknown},
        {R"({"query":"query A{a} mutation A{b}","operationName":"A"})", unknown},
        {R"({"query":"query A{a} {b}","operationName":"A"})", unknown},
        {R"({"query":"query A{a} mutation {b}","operationName":""})", unknown},
        {R"({"query":"query A{a} fragment B on T{b}","operationName":"B"})", unknown},
    };
    for (const auto& [body, kind] : bodies)
        EXPECT_EQ(classify_json(body).kind, kind) << body;
}

TEST(Operation, OfABatchIsTheMostDaringOfItsElements) {
    const std::string q = R"({"query":"{a}"})";
    const std::string m = R"({"query":"mutation{a}"})";
    const std::string s = R"({"query":"subscription{a}"})";
    const std::string u = R"({"query":"{"})";
    const std::vector<Case> bodies = {
        {"[" + q + "]", query},
        {"[" + q + "," + q + "]", query},
        {"[" + q + "," + s + "]", subscription},
        {"[" + s + "," + q + "]", subscription},
        {"[" + q + "," + m + "]", mutation},
        {"[" + m + "," + q + "]", mutation},
        {"[" + s + "," + m + "]", mutation},
        {"[" + m + "," + u + "]", unknown},
        {"[" + u + "," + q + "]", unknown},
        {"[]", unknown},
        {"[[" + q + "]]", unknown},
        {"[" + q + ",null]", unknown},
        {"[" + q + ",]", unknown},
        {"[" + q + "]]", unknown},
        {"[\"{a}\"]", unknown},
    };
    for (const auto& [body, kind] : bodies)
        EXPECT_EQ(classify_json(body).kind, kind) << body;
    EXPECT_TRUE(classify_json("[" + q + "]").batch);
    EXPECT_FALSE(classify_json(q).batch);
}

TEST(Operation, HasANameFitForALog) {
    EXPECT_EQ(classify_document("query Balance{a}").name, "Balance");
    EXPECT_EQ(classify_document("{a}").name, "");
    EXPECT_EQ(classify_document("mutation{createReversal(id:1){id}}").name, "createReversal");
    EXPECT_EQ(classify_document("mutation($v:Int){ # a comment\n x : createOrder(v:$v){id} b}").name,
              "createOrder");
    EXPECT_EQ(classify_document("mutation{...f} fragment f on M{a}").name, "");
    EXPECT_EQ(classify_document("mutation{" + std::string(65, 'n') + "}").name, "");
    EXPECT_EQ(classify_document("mutation{c6301190019990640662}").name, "c*******************");
    EXPECT_EQ(classify_document("mutation A{b}").name, "A");
    EXPECT_EQ(classify_document("query " + std::string(64, 'n') + "{a}").name, std::string(64, 'n'));
    EXPECT_EQ(classify_document("query " + std::string(65, 'n') + "{a}").name, "");
    EXPECT_EQ(classify_json(R"({"query":"query A{a} mutation B{b}","operationName":"B"})").name, "B");
    EXPECT_EQ(classify_json(R"([{"query":"query A{a}"},{"query":"mutation B{b}"}])").name, "A");
    EXPECT_EQ(classify_json(R"([{"query":"{a}"},{"query":"mutation B{b}"}])").name, "");
    EXPECT_EQ(classify_json(R"({"query":"{a}","operationName":"6301190019990640662"})").name, "");
}

TEST(Operation, FindsALoginAmongTheRootFieldsOnly) {
    struct LoginCase {
        std::string document;
        bool has_login;
    };

    const std::vector<LoginCase> cases = {
        {login, true},
        {balance_check, false},
        {"{loginUser{id}}", true},
        {"{LOGINUSER{id}}", true},
        {"mutation{loginuser}", true},
        {"{x:loginUser{id}}", true},
        {"{loginUser:x{id}}", false},
        {"{a{loginUser}}", false},
        {"{a(loginUser:loginUser)}", false},
        {"{a @loginUser}", false},
        {"query loginUser{a}", false},
        {R"({a(b:"loginUser")})", false},
        {"{...{loginUser}}", true},
        {"{...on Q{...{...on Q{loginUser}}}}", true},
        {"{a{...on Q{loginUser}}}", false},
        {"{...F}fragment F on Q{loginUser}", true},
        {"fragment F on Q{x:loginUser}{...F}", true},
        {"{...F}fragment F on Q{...G}fragment G on Q{...on Q{loginUser}}", true},
        {"{...F}fragment F on Q{...G}fragment G on Q{...F a}", false},
        {"{...F}fragment F on Q{...F}", false},
        {"{...F}fragment F on Q{...G}fragment G on Q{...F loginUser}", true},
        {"{a{...F}}fragment F on Q{loginUser}", false},
        {"{a}fragment F on Q{loginUser}", false},
        {"{...F}fragment F on Q{a{loginUser}}", false},
        {"{...F}", true},                                             // not defined: who knows
        {"{...F}fragment F on Q{a}fragment F on Q{loginUser}", true}, // either may be taken
        {"{...loginUser}fragment loginUser on Q{a}", false},
    };
    for (const auto& [document, has_login] : cases) {
        ASSERT_NE(classify_document(document).kind, unknown) << document;
        EXPECT_EQ(classify_document(document).has_login, has_login) << document;
    }
}

TEST(Operation, LooksForALoginInWhatWouldRunOnly) {
    const std::string two = R"({"query":"query A{a} query B{loginUser}","operationName":)";
    EXPECT_FALSE(classify_json(two + R"("A"})").has_login);
    EXPECT_TRUE(classify_json(two + R"("B"})").has_login);
    EXPECT_TRUE(classify_json(R"([{"query":"{a}"},{"query":"{loginUser}"}])").has_login);
    EXPECT_FALSE(classify_json(R"([{"query":"{a}"},{"query":"{b}"}])").has_login);
}

TEST(Operation, MayHoldALoginWhereItIsUnreadable) {
    for (const std::string_view body :
         {"", "{", "[]", R"({"query":"{"})", R"({"query":"query A{a} query B{b}"})"})
        EXPECT_TRUE(classify_json(body).has_login) << body;
}

TEST(Operation, OnlyAQueryMayBeSentTwice) {
    EXPECT_FALSE(classify_document("{a}").may_mutate());
    EXPECT_TRUE(classify_document("mutation{a}").may_mutate());
    EXPECT_TRUE(classify_document("subscription{a}").may_mutate());
    EXPECT_TRUE(classify_document("{").may_mutate());
}

TEST(Operation, KindsHaveTheNamesOfTheMetrics) {
    EXPECT_EQ(label_of(query), "query");
    EXPECT_EQ(label_of(mutation), "mutation");
    EXPECT_EQ(label_of(subscription), "subscription");
    EXPECT_EQ(label_of(unknown), "unknown");
}

TEST(SoleField, IsTheNameInDataOfAMutationsOnlyRootField) {
    const struct {
        std::string_view body;
        std::string_view expected;
    } cases[] = {
        {R"({"query":"mutation{a}"})", "a"},
        {R"({"query":"mutation M($v:[Int]){mine:a(x:{y:[1,$v]},z:\")\"){id b{c}}}"})", "mine"},
        {R"({"query":"mutation($b:Boolean=true){a(x:$b)}"})", "a"},
        {R"({"query":"mutation A{a} mutation B{b}","operationName":"B"})", "b"},
        {R"([{"query":"mutation{a}"}])", "a"},
        {R"({"query":"mutation{a b}"})", ""},
        {R"({"query":"mutation{a{id} a{name}}"})", ""},
        {R"({"query":"mutation{a __typename}"})", ""},
        {R"({"query":"mutation{a @skip(if:true)}"})", ""},
        {R"({"query":"mutation{a @include(if:true){id}}"})", ""},
        {R"({"query":"mutation{...f} fragment f on M{a}"})", ""},
        {R"({"query":"mutation{... on M{a}}"})", ""},
        {R"({"query":"mutation{mine:__typename}"})", ""},
        {R"({"query":"{a}"})", ""},
        {R"({"query":"subscription{a}"})", ""},
        {R"([{"query":"mutation{a}"},{"query":"{b}"}])", ""},
        {R"({"query":"mutation{a"})", ""},
    };

    DocumentCache cache;
    for (const auto& [body, expected] : cases) {
        const RequestView request{false, "", "application/json", body};
        EXPECT_EQ(classify(request, "loginUser").sole_field, expected) << body;
        for (int times = 0; times < 2; ++times)
            EXPECT_EQ(classify(request, "loginUser", &cache).sole_field, expected) << body;
    }
}

} // namespace
