#include <bearerd/graphql/operation.hpp>

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <vector>

using namespace bearerd::graphql;
using namespace std::string_literals;

namespace bearerd::graphql {

void PrintTo(OperationKind kind, std::ostream* out) {
    *out << to_string(kind);
}

} // namespace bearerd::graphql

namespace {

constexpr auto query = OperationKind::query;
constexpr auto mutation = OperationKind::mutation;
constexpr auto subscription = OperationKind::subscription;
constexpr auto unknown = OperationKind::unknown;

struct Case {
    std::string text;
    OperationKind kind;
};

std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else
            out += c;
    }
    return out + '"';
}

std::string wrapped(std::string_view document) {
    return R"({"query":)" + json_string(document) + "}";
}

Operation classify_json(std::string_view body, std::string_view type = "application/json") {
    return classify({false, "", type, body}, "loginUser");
}

Operation classify_document(std::string_view document) {
    return classify_json(wrapped(document));
}

Operation classify_get(std::string_view query_string) {
    return classify({true, query_string, "", ""}, "loginUser");
}

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

TEST(Operation, IsUnknownWhereTheJsonIsOdd) {
    const std::vector<Case> bodies = {
        {R"({"query":"{a}"})", query},
        {" \t\r\n{ \"query\" : \"{a}\" , \"variables\" : null } \n", query},
        {"\xEF\xBB\xBF{\"query\":\"{a}\"}", query},
        {R"({"query":"\u006dutation{a}"})", mutation},
        {R"({"query":"mutation\n{a}"})", mutation},
        {R"({"query":"{a} # \ud83d\udcb3 mutation"})", query},
        {R"({"\u0071uery":"{a}"})", query},
        {R"({"query":"{a}","variables":{"query":"mutation{a}","query":1},"extensions":{}})", query},
        {R"({"query":"{a(b:\"\u007b\")}"})", query},
        // doubled keys
        {R"({"query":"{a}","query":"{a}"})", unknown},
        {R"({"query":"{a}","query":"mutation{a}"})", unknown},
        {R"({"query":"{a}","\u0071uery":"mutation{a}"})", unknown},
        {R"({"query":"{a}","Query":"mutation{a}"})", unknown},
        {R"({"query":"{a}","\u0051UERY":"mutation{a}"})", unknown},
        {R"({"query":"query A{a}","operationName":"A","operationName":"A"})", unknown},
        {R"({"query":"query A{a}","operationName":null,"operationName":"A"})", unknown},
        {R"({"query":"{a}","variables":{},"variables":{}})", unknown},
        // no query
        {"{}", unknown},
        {R"({"query":null})", unknown},
        {R"({"query":1})", unknown},
        {R"({"query":["{a}"]})", unknown},
        {R"({"Query":"{a}"})", unknown},
        {R"({"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}})", unknown},
        {R"({"query":"{a}","documentId":"x"})", unknown},
        {R"({"query":"{a}","doc_id":"x"})", unknown},
        // not JSON
        {"", unknown},
        {" ", unknown},
        {"{", unknown},
        {"{a}", unknown},
        {"\"{a}\"", unknown},
        {"null", unknown},
        {R"({"query":"{a}"}x)", unknown},
        {R"({"query":"{a}"}{})", unknown},
        {R"({"query":"{a}",})", unknown},
        {R"({"query":"{a}" "x":1})", unknown},
        {R"({'query':'{a}'})", unknown},
        {R"({query:"{a}"})", unknown},
        {R"({"query":"{a}"/**/})", unknown},
        {R"({"query":"{a}","x":NaN})", unknown},
        {R"({"query":"{a}","x":01})", unknown},
        {R"({"query":"{a}","x":.5})", unknown},
        {R"({"query":"{a}","x":1.})", unknown},
        {R"({"query":"{a}","x":+1})", unknown},
        {R"({"query":"{a}","x":-})", unknown},
        {R"({"query":"{a}","x":1e})", unknown},
        {R"({"query":"{a}","x":1e999})", unknown},
        {R"({"query":"{a}","x":True})", unknown},
        {R"({"query":"{a}","x":nul})", unknown},
        {R"({"query":"{a}","x":[1,]})", unknown},
        {R"({"query":"{a}","x":[,1]})", unknown},
        {R"({"query":"{a}","x":{,}})", unknown},
        {R"({"query":"{a}","x":"\x"})", unknown},
        {R"({"query":"{a}","x":"\u00g0"})", unknown},
        {R"({"query":"{a}","x":"\ud800"})", unknown},
        {R"({"query":"{a}","x":"\udc00"})", unknown},
        {R"({"query":"{a}","x":"\ud800\u0041"})", unknown},
        {"{\"query\":\"{a\n}\"}", unknown}, // a raw line end
        {"{\"query\":\"{a}\",\"x\":\"\x80\"}", unknown},
        {"{\"query\":\"{a}\",\"x\":\"\xC0\xA2\"}", unknown},
        {"{\"query\":\"{a}\",\"x\":\"\xED\xA0\x80\"}", unknown},
        {"{\"query\":\"{a}\"}\0"s, unknown},
        {R"({"query":"{a}\u0000"})", unknown},
        {R"({"query":"{a} # \u0000"})", unknown},
        {"\xFF\xFE{\0}\0"s, unknown},
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

TEST(Operation, IsReadByContentTypeOnlyWhereThatDecides) {
    struct TypeCase {
        std::string type;
        OperationKind of_json;     // {"query":"{a}"}
        OperationKind of_document; // {a}
    };

    const std::vector<TypeCase> types = {
        {"application/json", query, unknown},
        {"Application/JSON; Charset=UTF-8", query, unknown},
        {"application/json;charset=\"utf-8\"", query, unknown},
        {"application/json; utf-8", query, unknown},
        {"application/json;", query, unknown},
        {"application/graphql-response+json", query, unknown},
        {"", query, unknown},
        {"text/plain", query, unknown},
        {"application/x-www-form-urlencoded", query, unknown},
        {"nonsense", query, unknown},
        {"application/graphql", unknown, query},
        {"APPLICATION/GraphQL ; charset=utf8", unknown, query},
        {"application/json; charset=utf-16", unknown, unknown},
        {"application/json; charset=iso-8859-1", unknown, unknown},
        {"application/graphql; charset=utf-7", unknown, unknown},
        {"application/json; charset=utf-8; charset=utf-16", unknown, unknown},
        {"application/json, application/graphql", unknown, unknown},
        {"application/json; charset=\"utf-8", unknown, unknown},
        {"multipart/form-data", unknown, unknown},
        {"multipart/form-data; boundary=x", unknown, unknown},
    };
    for (const auto& [type, of_json, of_document] : types) {
        EXPECT_EQ(classify_json(R"({"query":"{a}"})", type).kind, of_json) << type;
        EXPECT_EQ(classify_json("{a}", type).kind, of_document) << type;
    }
}

TEST(Operation, OfAFormIsUnknown) {
    constexpr std::string_view form = "application/x-www-form-urlencoded";
    EXPECT_EQ(classify_json("query=%7Ba%7D", form).kind, unknown);
    EXPECT_EQ(classify_json(R"({"query":"{a}","x":"&query=mutation{b}&"})", form).kind, unknown);
    EXPECT_EQ(classify_json(R"({"query":"{a}","x":";query=mutation{b};"})", form).kind, unknown);
}

TEST(Operation, OfAPostIsUnknownWhereItsUrlMaySayOtherwise) {
    const auto with_url = [](std::string_view query_string) {
        return classify({false, query_string, "application/json", R"({"query":"{a}"})"}, "loginUser").kind;
    };
    for (const std::string_view harmless :
         {"", "tenant=7", "x=query", "variables=%7B%7D", "a&b=&", "queryx=1"})
        EXPECT_EQ(with_url(harmless), query) << harmless;
    for (const std::string_view harmful :
         {"query=mutation%7Ba%7D", "query", "query=", "operationName=B", "a=b&query=x", "%71uery=x",
          "Query=x", "query%5B%5D=x", "query[]=x", "+query=x", "query%00=x", "a;query=x", "OPERATIONNAME=x",
          "documentId=x", "%zz=1"})
        EXPECT_EQ(with_url(harmful), unknown) << harmful;
}

TEST(Operation, OfAGetIsReadFromTheUrl) {
    const std::vector<Case> urls = {
        {"query={a}", query},
        {"query=%7Ba%7D", query},
        {"query=%7ba%7d&variables=%7B%7D", query},
        {"query=query+A{a}", query},
        {"query=%23x%0A%7Ba%7D", query},
        {"query=mutation{a}", mutation},
        {"query=mutation%20%7Ba%7D", mutation},
        {"query=subscription{a}", subscription},
        {"tenant=7&query={a}", query},
        {"query=query+A{a}mutation+B{b}&operationName=A", query},
        {"query=query+A{a}mutation+B{b}&operationName=B", mutation},
        {"query=query+A{a}mutation+B{b}", unknown},
        {"query=query+A{a}mutation+B{b}&operationName=", unknown},
        {"query={a}&query=mutation{a}", unknown},
        {"query={a}&%71uery=mutation{a}", unknown},
        {"query={a}&Query=mutation{a}", unknown},
        {"query={a}&query[]=mutation{a}", unknown},
        {"query={a}&operationName=A&operationName=A", unknown},
        {"query={a};query=mutation{a}", unknown},
        {"query={a}&documentId=1", unknown},
        {"query=%7", unknown},
        {"query=%zz", unknown},
        {"query=", unknown},
        {"query", unknown},
        {"", unknown},
        {"Query={a}", unknown},
        {"query={a}%23%C0%A2", unknown},
    };
    for (const auto& [url, kind] : urls)
        EXPECT_EQ(classify_get(url).kind, kind) << url;
}

TEST(Operation, OfAGetWithABodyIsUnknown) {
    EXPECT_EQ(classify({true, "query={a}", "", R"({"query":"mutation{a}"})"}, "").kind, unknown);
}

std::string part(std::string_view headers, std::string_view content) {
    return "--b\r\n" + std::string{headers} + "\r\n\r\n" + std::string{content} + "\r\n";
}

TEST(Operation, OfAnUploadIsReadFromItsOperationsPart) {
    const std::string operations = "Content-Disposition: form-data; name=\"operations\"";
    const std::string map = part("Content-Disposition: form-data; name=\"map\"", R"({"0":["variables.f"]})");
    const std::string file =
        part("Content-Disposition: form-data; name=\"0\"; filename=\"x.txt\"\r\n"
             "Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: binary",
             "mutation{a}");
    const std::string q = R"({"query":"{a}"})";
    const std::string m = R"({"query":"mutation($f:Upload!){a(f:$f)}"})";
    const std::string good = part(operations, m) + map + file + "--b--\r\n";
    const std::vector<Case> bodies = {
        {good, mutation},
        {part(operations, q) + map + file + "--b--\r\n", query},
        {part(operations, q) + "--b--", query},
        {part(operations, "[" + q + "," + m + "]") + "--b--\r\n", mutation},
        {part("content-disposition:form-data;name=operations\r\nContent-Type: application/json", q) +
             "--b--\r\n",
         query},
        {part(operations, q) + part(operations, q) + "--b--\r\n", unknown},
        {part(operations, q) + part(operations, m) + "--b--\r\n", unknown},
        {part(operations, q) + part("Content-Disposition: form-data; name=\"query\"", "x") + "--b--\r\n",
         unknown},
        {part(operations, q) + part("Content-Disposition: form-data; name=\"Operations\"", m) + "--b--",
         unknown},
        {part(operations, q) + part("Content-Disposition: form-data; name=\"operations[]\"", m) + "--b--",
         unknown},
        {part(operations + "; name=\"x\"", q) + "--b--\r\n", unknown},
        {part(operations + "; filename=\"x\"", q) + "--b--\r\n", unknown},
        {part(operations + "; name*=UTF-8''x", q) + "--b--\r\n", unknown},
        {part("Content-Disposition: form-data; name=\"operat\\ions\"", q) + "--b--\r\n", unknown},
        {part("Content-Disposition: attachment; name=\"operations\"", q) + "--b--\r\n", unknown},
        {part(operations + "\r\n" + operations, q) + "--b--\r\n", unknown},
        {part(operations + "\r\nContent-Transfer-Encoding: base64", q) + "--b--\r\n", unknown},
        {part(operations + "\r\nContent-Type: application/json; charset=utf-16", q) + "--b--\r\n", unknown},
        {part("X: y\r\n folded: z\r\n" + operations, q) + "--b--\r\n", unknown},
        {part("X: y", q) + "--b--\r\n", unknown},
        {map + file + "--b--\r\n", unknown},
        {part(operations, q), unknown},
        {part(operations, q) + "--b--\r\nmore", unknown},
        {"preamble\r\n" + good, unknown},
        {part(operations, R"({"query":"{a}","x":"--b"})") + "--b--\r\n", unknown},
        {"--b\n" + operations + "\n\n" + q + "\n--b--\n", unknown},
        {"--b \r\n" + operations + "\r\n\r\n" + q + "\r\n--b--\r\n", unknown},
        {"--b--\r\n", unknown},
        {"", unknown},
    };
    for (const auto& [body, kind] : bodies) {
        EXPECT_EQ(classify_json(body, "multipart/form-data; boundary=b").kind, kind) << body;
        EXPECT_EQ(classify_json(body, "Multipart/Form-Data; boundary=\"b\"").kind, kind) << body;
        EXPECT_EQ(classify_json(body, "multipart/form-data; boundary=b; boundary=c").kind, unknown) << body;
        EXPECT_EQ(classify_json(body, "multipart/form-data").kind, unknown) << body;
        EXPECT_EQ(classify_json(body, "multipart/mixed; boundary=b").kind, unknown) << body;
    }
}

TEST(Operation, HasANameFitForALog) {
    EXPECT_EQ(classify_document("query Balance{a}").name, "Balance");
    EXPECT_EQ(classify_document("{a}").name, "");
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
    EXPECT_EQ(to_string(query), "query");
    EXPECT_EQ(to_string(mutation), "mutation");
    EXPECT_EQ(to_string(subscription), "subscription");
    EXPECT_EQ(to_string(unknown), "unknown");
}

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
        wrapped(R"({a(x:"1")})"),
        wrapped("{a(x:true)}"),
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

TEST(DocumentHash, OfTheUnreadableIsOfAllItsBytes) {
    EXPECT_EQ(document_hash({false, "a", "b", "c"}), document_hash({false, "a", "b", "c"}));
    EXPECT_NE(document_hash({false, "a", "b", "c"}), document_hash({true, "a", "b", "c"}));
    EXPECT_NE(document_hash({false, "a", "b", "c"}), document_hash({false, "", "ab", "c"}));
}

} // namespace
