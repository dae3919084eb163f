#include "unit/graphql/classify.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

using namespace bearerd::graphql;
using namespace bearerd::graphql::testing;
using namespace std::string_literals;

namespace {

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
        {"application/json; charset*=utf-16''utf-16", unknown, unknown},
        {"application/json; Charset*0=utf-8", unknown, unknown},
        {"application/json; x*=y", query, unknown},
        {"multipart/form-data", unknown, unknown},
        {"multipart/form-data; boundary=x", unknown, unknown},
    };
    for (const auto& [type, of_json, of_document] : types) {
        EXPECT_EQ(classify_json(R"({"query":"{a}"})", type).kind, of_json) << type;
        EXPECT_EQ(classify_json("{a}", type).kind, of_document) << type;
    }
}

TEST(Operation, IsUnknownWhereThereAreMoreKeysThanCanBeCompared) {
    const auto with_keys = [](int count) {
        std::string body = R"({"query":"{a}")";
        for (int i = 1; i < count; ++i)
            body += ",\"k" + std::to_string(i) + "\":1";
        return classify_json(body + "}").kind;
    };
    EXPECT_EQ(with_keys(16), query);
    EXPECT_EQ(with_keys(17), unknown);
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
        for (const std::string_view other :
             {"boundary*=c", "BOUNDARY*0=c", "boundary*0*=utf-8''c", "boundary*"})
            EXPECT_EQ(classify_json(body, "multipart/form-data; boundary=b; " + std::string{other}).kind,
                      unknown)
                << other;
        EXPECT_EQ(classify_json(body, "multipart/form-data").kind, unknown) << body;
        EXPECT_EQ(classify_json(body, "multipart/mixed; boundary=b").kind, unknown) << body;
    }
}

constexpr std::string_view disposition = "Content-Disposition: form-data; ";

/// As .NET's MultipartFormDataContent writes it.
TEST(Operation, OfDotNetsUploadIsRead) {
    const std::string text =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=";
    const std::string file = part("Content-Type: image/png\r\nContent-Disposition: form-data; name=0; "
                                  "filename=a.png; filename*=utf-8''a.png",
                                  "png");
    const std::string type = "multipart/form-data; boundary=\"b\"";
    for (const auto& [document, kind] : {std::pair{"query{a}", query}, {"mutation{a}", mutation}}) {
        const std::string operations =
            part(text + "operations", R"({"query":")" + std::string{document} + "\"}");
        const std::string map = part(text + "map", R"({"0":["variables.file"]})");
        EXPECT_EQ(classify_json(operations + map + file + "--b--\r\n", type).kind, kind);
    }
}

TEST(Operation, OfAnUploadIsUnknownWherePhpOrAnotherReaderFindsOtherParts) {
    const std::string q = R"({"query":"{a}"})";
    const std::string m = R"({"query":"mutation{a}"})";
    const std::string operations = part(std::string{disposition} + "name=\"operations\"", q);
    ASSERT_EQ(classify_json(operations + "--b--", "multipart/form-data; boundary=b").kind, query);
    // A further part, by its headers: a query remains one only if no reader takes the part for `operations`.
    const std::vector<std::pair<std::string, OperationKind>> parts = {
        {"name=\"0\"; filename=\"it's a.png\"", query},
        {"name=\"0\"; filename=x.png\r\nContent-Type: image/png", query},
        {"name=\"0\"; filename=\"x\"\r\nContent-Transfer-Encoding: 8bit", query},
        {"name='operations'", unknown},
        {"name='query'", unknown},
        {"name=\"'operations'\"", unknown},
        {"name=x'operations'", unknown},
        {"name=\"x\"; name='operations'", unknown},
        {"name=\"x\"; filename='y; name=operations'", unknown},
        {"name=\"x\"; filename=\"y; name=operations\"", unknown},
        {"name=\"x\"; filename=\"y\\\"; name=\\\"operations\"", unknown},
        {"name =\"operations\"", unknown},
        {"name= \"operations\"", unknown},
        {"name=\"x\"; name*=UTF-8''operations", unknown},
        {"name*0=opera; name*1=tions", unknown},
        {"name=\"x\"; filename*=UTF-8''y", unknown},
        {"name=0; filename=y.png; filename*=utf-8''y.png", query},
        {"name=\"0\"; filename=\"=?utf-8?B?w6kucG5n?=\"; filename*=utf-8''%C3%A9.png", query},
        {"name=\"0\"; filename=\"a b (1).png\"; filename*=UTF-8''a%20b%20%281%29.png", query},
        {"filename*=utf-8''y; filename=y; name=0", query},
        {"name=0; FileName=y; FILENAME*=utf-8''", query},
        {"name=0; filename=y; filename*=utf-8''y; filename*=utf-8''z", unknown},
        {"name=0; filename=y; filename*=\"utf-8''y\"", unknown},
        {"name=0; filename=y; filename* =utf-8''y", unknown},
        {"name=0; filename=y; filename*= utf-8''y", unknown},
        {"name=0; filename=y; filename*=utf-8'en'y", unknown},
        {"name=0; filename=y; filename*=utf-8'y", unknown},
        {"name=0; filename=y; filename*=utf-8''y'; name=operations; x='", unknown},
        {"name=0; filename=y; filename*=iso-8859-1''y", unknown},
        {"name=0; filename=y; filename*=y", unknown},
        {"name=0; filename=y; filename*", unknown},
        {"name=0; filename=y; filename*=utf-8''y%", unknown},
        {"name=0; filename=y; filename*=utf-8''y%4", unknown},
        {"name=0; filename=y; filename*=utf-8''y%zz", unknown},
        {"name=0; filename=y; filename*=utf-8''y%3B%20name%3Doperations", unknown},
        {"name=0; filename=y; filename*=utf-8''y%0D%0Aname", unknown},
        {"name=0; filename=y; filename*=utf-8''y%22", unknown},
        {"name=0; filename=y; filename*=utf-8''y name=operations", unknown},
        {"name=0; filename=y; filename*0*=utf-8''y", unknown},
        {"name=0; filename=y; filename*=utf-8''y; name*=utf-8''operations", unknown},
        {"name=operations; filename=y; filename*=utf-8''y", unknown},
        {"name=operations; filename*=utf-8''y", unknown},
        {"name=\"x\"; filename=\"y\"; filename=\"z\"", unknown},
        {"name=\"op\\erations\"", unknown},
        {"name=\"%6fperations\"", unknown},
        {"name=\"=?utf-8?Q?operations?=\"", unknown},
        {"name=\"operations \"", unknown},
        {"name=\"operations[0]\"", unknown},
        {"name=\"operations\0x\""s, unknown},
        {"name=\"opera\ttions\"", unknown},
        {"name=\"\xEF\xBD\x8Fperations\"", unknown},
        {"name=\"variables\"", unknown},
        {"name=\"_charset_\"", unknown},
        {"name=x;\r\n name=operations", unknown},
        {"name=x\r\n\tname=operations", unknown},
        {"name=x\nContent-Disposition: form-data; name=operations", unknown},
        {"name=x\rContent-Disposition: form-data; name=operations", unknown},
        {"name=x\r\nContent-Disposition: form-data; name=operations", unknown},
        {"name=\"x\"\r\nContent-Transfer-Encoding: quoted-printable", unknown},
        {"name=\"0\"; filename=\"x\"\r\nContent-Transfer-Encoding: base64", unknown},
        {"name=\"x\"\r\nContent-Type: multipart/mixed; boundary=c", unknown},
        {"name=\"0\"; filename=\"x\"\r\nContent-Type: Multipart/Mixed; boundary=c", unknown},
    };
    for (const auto& [headers, kind] : parts) {
        const std::string other = part(std::string{disposition} + headers, m);
        EXPECT_EQ(classify_json(operations + other + "--b--\r\n", "multipart/form-data; boundary=b").kind,
                  kind)
            << headers;
        EXPECT_EQ(classify_json(other + operations + "--b--\r\n", "multipart/form-data; boundary=b").kind,
                  kind)
            << headers;
    }
}

TEST(Operation, OfAnUploadIsUnknownWhereReadersFindAnotherBoundary) {
    const std::string operations = "Content-Disposition: form-data; name=\"operations\"";
    const auto body = [&operations](const std::string& boundary) {
        return "--" + boundary + "\r\n" + operations + "\r\n\r\n" + R"({"query":"{a}"})" + "\r\n--" +
               boundary + "--\r\n";
    };
    const std::vector<std::tuple<std::string, std::string, OperationKind>> types = {
        {"multipart/form-data; boundary=BBB", "BBB", query},
        {"multipart/form-data;boundary=\"BBB\"", "BBB", query},
        {"multipart/form-data; boundary=----WebKitFormBoundaryAb0_+.", "----WebKitFormBoundaryAb0_+.", query},
        {"multipart/form-data; boundary=\"----=_Part_1\"; charset=utf-8", "----=_Part_1", query},
        {"multipart/form-data; Boundary=xboundaryx", "xboundaryx", unknown},
        {"multipart/form-data; x-boundary=AAA; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; boundary=BBB; x-boundary=AAA", "BBB", unknown},
        {"multipart/form-data; boundaryx=AAA; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; x=\"boundary=AAA\"; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; x=\"Boundary=AAA\"; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; boundary; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; boundary=AAA; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; boundary=AAA; BOUNDARY=BBB", "BBB", unknown},
        {"multipart/form-data; boundary='BBB'", "'BBB'", unknown},
        {"multipart/form-data; boundary='BBB'", "BBB", unknown},
        {"multipart/form-data; boundary=\"'BBB'\"", "'BBB'", unknown},
        {"multipart/form-data; x='; boundary=AAA; y='; charset=utf-8", "AAA", unknown},
        {"multipart/form-data; boundary =BBB", "BBB", unknown},
        {"multipart/form-data; boundary= BBB", "BBB", unknown},
        {"multipart/form-data; boundary=B B", "B B", unknown},
        {"multipart/form-data; boundary=\"B B\"", "B B", unknown},
        {"multipart/form-data; boundary=\"B;B\"", "B;B", unknown},
        {"multipart/form-data; boundary=\"B,B\"", "B,B", unknown},
        {"multipart/form-data; boundary=B=B", "B=B", unknown},
        {"multipart/form-data; boundary=\"B\\BB\"", "BBB", unknown},
        {"multipart/form-data; boundary=\"BBB", "BBB", unknown},
        {"multipart/form-data; boundary=", "", unknown},
        {"multipart/form-data; boundary=\"\"", "", unknown},
        {"multipart/form-data; Boundary", "", unknown},
        {"multipart/form-data boundary=BBB", "BBB", unknown},
        {"multipart/form-data; utf-8; boundary=BBB", "BBB", unknown},
        {"multipart/form-data; boundary=BBB; x-charset=utf-16", "BBB", unknown},
        {"multipart/form-data; boundary*=BBB", "BBB", unknown},
    };
    for (const auto& [type, boundary, kind] : types)
        EXPECT_EQ(classify_json(body(boundary), type).kind, kind) << type;
}

TEST(Operation, IsUnknownWhereAServerWithoutCaseReadsAnotherNameOrQuery) {
    const std::vector<Case> members = {
        {R"("operationName":"A")", query},
        {R"("operationNames":"B")", query},
        {R"("Variables":{})", query},
        {R"("operationname":"B")", unknown},
        {R"("OperationName":"B")", unknown},
        {R"("OPERATIONNAME":null)", unknown},
        {R"("operationName ":"B")", unknown},
        {R"("operationName\u0000":"B")", unknown},
        {R"("\u004fperationName":"B")", unknown},
        {R"("Query":"mutation{a}")", unknown},
        {R"("QUERY":null)", unknown},
        {R"(" query":"mutation{a}")", unknown},
        {R"("query[]":"mutation{a}")", unknown},
        {R"("query\u0000":"mutation{a}")", unknown},
        {R"("DocumentID":"x")", unknown},
    };
    for (const auto& [member, kind] : members) {
        EXPECT_EQ(classify_json("{\"query\":\"query A{a}\"," + member + "}").kind, kind) << member;
        EXPECT_EQ(classify_json("{" + member + ",\"query\":\"query A{a}\"}").kind, kind) << member;
    }
}

} // namespace
