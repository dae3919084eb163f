#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// Malformed and ambiguous requests, by the part that is wrong, with the expected result of each.
namespace bearerd::test::corpus {

/// The expected result: an own error and a closed connection, or exactly one request upstream.
enum class Fate { bad_request, forbidden_host, not_found, wrong_method, too_large, headers_too_large, one };

struct Case {
    std::string name;
    std::string bytes;
    Fate fate = Fate::bad_request;
    bool ends = false; ///< the client ends its direction after it: otherwise we would wait for more
};

inline const std::string query = R"({"query":"{Cards{total}}"})"; // 26 = 1a bytes
inline const std::string line = "POST /graphql HTTP/1.1\r\n";
inline const std::string host = "Host: localhost\r\n";
inline const std::string start = line + host;
inline const std::string length = "Content-Length: 26\r\n";
inline const std::string chunked = "Transfer-Encoding: chunked\r\n";
inline const std::string rest = length + "\r\n" + query;
inline const std::string one_chunk = "1a\r\n" + query + "\r\n0\r\n\r\n";

/// A request that an attacker would like to smuggle in. It must never reach the upstream.
inline const std::string smuggled = "POST /graphql?smuggled HTTP/1.1\r\nHost: localhost\r\n" + rest;

inline std::vector<Case> request_lines() {
    const auto with = [](const std::string& request_line) { return request_line + "\r\n" + host + rest; };
    return {
        {"no HTTP", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03 TLS here\r\n\r\n"},
        {"HTTP/0.9", "GET /graphql\r\n\r\n"},
        {"HTTP/0.9 and gone", "GET /graphql\r\n", Fate::bad_request, true},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"HTTP/2.0", with("POST /graphql HTTP/2.0")},
        {"HTTP/1.2", with("POST /graphql HTTP/1.2")},
        {"HTTP/0.9 spelt out", with("POST /graphql HTTP/0.9")},
        {"version of two digits", with("POST /graphql HTTP/1.10")},
        {"version without minor", with("POST /graphql HTTP/1.")},
        {"version in lower case", with("POST /graphql http/1.1")},
        {"another protocol", with("POST /graphql HTTPS/1.1")},
        {"something after the version", with("POST /graphql HTTP/1.1 x")},
        {"a blank after the version", with("POST /graphql HTTP/1.1 ")},
        {"a tab between", with("POST\t/graphql HTTP/1.1")},
        {"two blanks between", with("POST  /graphql HTTP/1.1")},
        {"no target", with("POST HTTP/1.1")},
        {"empty request line", with("")},
        {"blank before the method", with(" POST /graphql HTTP/1.1")},
        {"method that is no token", with("P(ST /graphql HTTP/1.1")},
        {"NUL in the method", with(std::string{"PO\0ST /graphql HTTP/1.1", 23})},
        {"method in lower case", with("post /graphql HTTP/1.1"), Fate::wrong_method},
        {"method in mixed case", with("Post /graphql HTTP/1.1"), Fate::wrong_method},
        {"unknown method", with("BREW /graphql HTTP/1.1"), Fate::wrong_method},
        {"method of 4000 letters", with(std::string(4'000, 'A') + " /graphql HTTP/1.1"), Fate::wrong_method},
        {"method without an end", std::string(40'000, 'A'), Fate::headers_too_large},
        {"blank in the target", with("POST /graphql?a b HTTP/1.1")},
        {"fragment", with("POST /graphql#top HTTP/1.1")},
        {"NUL in the target", with(std::string{"POST /graphql?\0 HTTP/1.1", 24})},
        {"CR in the target", with("POST /graphql?\r HTTP/1.1")},
        {"tab in the target", with("POST /graphql?\t HTTP/1.1")},
        {"raw UTF-8 in the target", with("POST /graphql?\xc3\xbc HTTP/1.1")},
        {"target of 20000 bytes", with("POST /" + std::string(20'000, 'a') + " HTTP/1.1"),
         Fate::headers_too_large},
        {"asterisk-form", with("POST * HTTP/1.1")},
        {"authority-form", with("POST localhost:80 HTTP/1.1")},
        {"CONNECT", with("CONNECT localhost:80 HTTP/1.1")},
        {"backslash for a slash", with("POST \\graphql HTTP/1.1")},
        {"absolute-form", with("POST http://localhost/graphql HTTP/1.1"), Fate::one},
        {"absolute-form, odd case", with("POST HTTP://LOCALHOST:1/graphql HTTP/1.1"), Fate::one},
        {"absolute-form of another authority", with("POST http://evil.example/graphql HTTP/1.1"),
         Fate::forbidden_host},
        {"absolute-form with userinfo", with("POST http://localhost@evil.example/graphql HTTP/1.1")},
        {"absolute-form with userinfo before us", with("POST http://a:b@localhost/graphql HTTP/1.1")},
        {"absolute-form without authority", with("POST http:///graphql HTTP/1.1")},
        {"absolute-form of another scheme", with("POST https://localhost/graphql HTTP/1.1")},
        {"scheme without slashes", with("POST http:graphql HTTP/1.1")},
        {"network-path", with("POST //localhost/graphql HTTP/1.1"), Fate::not_found},
        {"dot segments", with("POST /a/../graphql HTTP/1.1"), Fate::not_found},
        {"escaped letter in the path", with("POST /%67raphql HTTP/1.1"), Fate::not_found},
        {"empty lines before", with("\r\n\r\nPOST /graphql HTTP/1.1"), Fate::one},
        {"bare LF before", with("\nPOST /graphql HTTP/1.1"), Fate::one},
    };
}

inline std::vector<Case> header_lines() {
    const auto with = [](const std::string& lines) { return start + lines + rest; };
    std::string many;
    for (int i = 0; i < 5'000; ++i)
        many += "a: b\r\n";
    return {
        {"bare LF ends a line", with("X-A: b\n")},
        {"bare LF ends the head", line + "Host: localhost\r\n" + length + "\n" + query},
        {"bare LF everywhere", "POST /graphql HTTP/1.1\nHost: localhost\nContent-Length: 26\n\n" + query},
        {"bare CR in a value", with("X-A: b\rc\r\n")},
        {"bare CR before a field", with("X-A: b\rTransfer-Encoding: chunked\r\n")},
        {"CR twice", with("X-A: b\r\r\n")},
        {"NUL in a value", with(std::string{"X-A: b\0c\r\n", 10})},
        {"NUL in a name", with(std::string{"X-\0A: b\r\n", 9})},
        {"control character in a value", with("X-A: b\x01"
                                              "c\r\n")},
        {"DEL in a value", with("X-A: b\x7f\r\n")},
        {"folded line", with("X-A: b\r\n c\r\n")},
        {"line folded by a tab", with("X-A: b\r\n\tc\r\n")},
        {"fold of nothing", with("X-A: b\r\n \r\n")},
        {"blank before the first field", line + " " + host + rest},
        {"blank before the colon", with("X-A : b\r\n")},
        {"tab before the colon", with("X-A\t: b\r\n")},
        {"no colon", with("X-A\r\n")},
        {"no name", with(": b\r\n")},
        {"blank in a name", with("X A: b\r\n")},
        {"name that is no token", with("X(A): b\r\n")},
        {"UTF-8 in a name", with("X-\xc3\xbc: b\r\n")},
        {"field of 20000 bytes", with("X-A: " + std::string(20'000, 'b') + "\r\n"), Fate::headers_too_large},
        {"name of 20000 bytes", with(std::string(20'000, 'b') + ": b\r\n"), Fate::headers_too_large},
        {"5000 fields", with(many), Fate::headers_too_large},
        {"head without an end", start + "X-A: b\r\n", Fate::bad_request, true},
        {"empty value", with("X-A:\r\n"), Fate::one},
        {"bytes above ASCII in a value", with("X-A: \xc3\xbc\xff\r\n"), Fate::one},
        {"no Host", line + rest},
        {"no Host in absolute-form", "POST http://localhost/graphql HTTP/1.1\r\n" + rest},
        {"two Hosts", with(host)},
        {"two Hosts that differ", with("Host: evil.example\r\n")},
        {"empty Host", line + "Host:\r\n" + rest, Fate::forbidden_host},
        {"list of Hosts", line + "Host: localhost, evil.example\r\n" + rest, Fate::forbidden_host},
        {"Host with a path", line + "Host: localhost/graphql\r\n" + rest, Fate::forbidden_host},
        {"Host with userinfo", line + "Host: localhost@evil.example\r\n" + rest, Fate::forbidden_host},
        {"Host with userinfo before us", line + "Host: a@localhost\r\n" + rest, Fate::forbidden_host},
        {"Host with a bad port", line + "Host: localhost:80x\r\n" + rest, Fate::forbidden_host},
        {"Host that only begins like us", line + "Host: 127.0.0.1.evil.example\r\n" + rest,
         Fate::forbidden_host},
        {"Host that only ends like us", line + "Host: evil.localhost\r\n" + rest, Fate::forbidden_host},
        {"Host in octal", line + "Host: 0177.0.0.1\r\n" + rest, Fate::forbidden_host},
        {"Host as one number", line + "Host: 2130706433\r\n" + rest, Fate::forbidden_host},
        {"Host with half a bracket", line + "Host: [::1\r\n" + rest, Fate::forbidden_host},
        {"HTTP/1.0 with a foreign Host", "POST /graphql HTTP/1.0\r\nHost: evil.example\r\n" + rest,
         Fate::forbidden_host},
        {"unknown expectation", with("Expect: 200-maybe\r\n"), Fate::one},
        {"offer of h2c",
         with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"), Fate::one},
        {"offer of a websocket", with("Connection: Upgrade\r\nUpgrade: websocket\r\n"), Fate::one},
        {"Connection names the framing", with("Connection: Content-Length, Host, Authorization\r\n"),
         Fate::one},
        {"our own field", with("Authorization: Bearer forged\r\nX-Authorization: Bearer forged\r\n"),
         Fate::one},
    };
}

inline std::vector<Case> lengths() {
    const auto with = [](const std::string& value) {
        return start + "Content-Length:" + value + "\r\n\r\n" + query + smuggled;
    };
    return {
        {"plus", with(" +26")},
        {"minus", with(" -26")},
        {"minus nothing", with(" -0")},
        {"list", with(" 26,26")},
        {"list with blanks", with(" 26, 26")},
        {"list that differs", with(" 26, 0")},
        {"empty", with("")},
        {"blank", with(" ")},
        {"hexadecimal", with(" 0x1a")},
        {"fraction", with(" 26.0")},
        {"exponent", with(" 2e1")},
        {"two numbers", with(" 2 6")},
        {"with a parameter", with(" 26;x")},
        {"in quotes", with(" \"26\"")},
        {"vertical tab", with("\v26")},
        {"NUL behind", with(std::string{" 26\0", 4})},
        {"2 to the 64th", with(" 18446744073709551616")},
        {"2 to the 64th and 26", with(" 18446744073709551642")},
        {"2 to the 63rd", with(" 9223372036854775808"), Fate::too_large},
        {"more than the limit", with(" 1048577"), Fate::too_large},
        {"twice the same", with(" 26\r\nContent-Length: 26")},
        {"twice, differing", with(" 26\r\nContent-Length: 0")},
        {"folded", with("\r\n 26")},
        {"blank before the colon", start + "Content-Length : 26\r\n\r\n" + query + smuggled},
        {"more than came", start + "Content-Length: 27\r\n\r\n" + query, Fate::bad_request, true},
        {"leading zeros", start + "Content-Length: 0026\r\n\r\n" + query, Fate::one},
        {"blanks around", start + "Content-Length: \t26 \t\r\n\r\n" + query, Fate::one},
        {"with an underscore beside", start + "Content_Length: 0\r\n" + rest, Fate::one},
    };
}

inline std::vector<Case> transfer_codings() {
    const auto with = [](const std::string& field) {
        return start + field + "\r\n\r\n" + one_chunk + smuggled;
    };
    const auto coding = [&](const std::string& value) { return with("Transfer-Encoding: " + value); };
    return {
        {"CL.TE", start + "Content-Length: 5\r\n" + chunked + "\r\n0\r\n\r\n" + smuggled},
        {"TE.CL", start + chunked + "Content-Length: 4\r\n\r\n1a\r\n" + query + "\r\n0\r\n\r\n" + smuggled},
        {"CL.TE that agree", start + "Content-Length: 36\r\n" + chunked + "\r\n" + one_chunk},
        {"CL.TE in HTTP/1.0", "POST /graphql HTTP/1.0\r\n" + host + chunked + length + "\r\n" + one_chunk},
        {"chunked in HTTP/1.0", "POST /graphql HTTP/1.0\r\n" + host + chunked + "\r\n" + one_chunk},
        {"xchunked", coding("xchunked")},
        {"chunkedx", coding("chunkedx")},
        {"chunk", coding("chunk")},
        {"identity", coding("identity")},
        {"gzip", coding("gzip")},
        {"gzip, chunked", coding("gzip, chunked")},
        {"chunked, gzip", coding("chunked, gzip")},
        {"chunked, identity", coding("chunked, identity")},
        {"identity, chunked", coding("identity, chunked")},
        {"chunked, chunked", coding("chunked, chunked")},
        {"chunked and a comma", coding("chunked,")},
        {"a comma and chunked", coding(", chunked")},
        {"chunked with a parameter", coding("chunked;q=1")},
        {"chunked in quotes", coding("\"chunked\"")},
        {"chunked, vertical tab", coding("\vchunked")},
        {"chunked, vertical tab behind", coding("chunked\v")},
        {"chunked and NUL", coding(std::string{"chunked\0", 8})},
        {"chunked and a bare CR", coding("chunked\r")},
        {"no coding", coding("")},
        {"two fields", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")},
        {"two fields, one identity", with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked")},
        {"two fields, one odd", with("Transfer-Encoding: chunked\r\nTransfer-encoding: x")},
        {"folded value", with("Transfer-Encoding:\r\n chunked")},
        {"folded list", with("Transfer-Encoding: chunked,\r\n identity")},
        {"behind a bare LF", with("X-A: b\nTransfer-Encoding: chunked")},
        {"behind a bare CR", with("X-A: b\rTransfer-Encoding: chunked")},
        {"blank before the colon", with("Transfer-Encoding : chunked")},
        {"blank before the name", with("X-A: b\r\n Transfer-Encoding: chunked")},
        {"NUL behind the name", with(std::string{"Transfer-Encoding\0: chunked", 27})},
        {"length in a list of codings", coding("chunked, Content-Length: 5")},
        {"chunked in capitals", start + "Transfer-Encoding: CHUNKED\r\n\r\n" + one_chunk, Fate::one},
        {"blanks around", start + "Transfer-Encoding: \t chunked \t\r\n\r\n" + one_chunk, Fate::one},
        {"underscore with a length", start + "Transfer_Encoding: chunked\r\n" + rest, Fate::one},
        {"named by Connection", start + "Connection: Transfer-Encoding\r\n" + chunked + "\r\n" + one_chunk,
         Fate::one},
        {"TE is another field", start + "TE: trailers, chunked\r\n" + rest, Fate::one},
    };
}

inline std::vector<Case> chunks() {
    const auto with = [](const std::string& body) { return start + chunked + "\r\n" + body; };
    const auto size = [&](const std::string& text) {
        return with(text + "\r\n" + query + "\r\n0\r\n\r\n" + smuggled);
    };
    const auto trailer = [&](const std::string& fields) {
        return with("1a\r\n" + query + "\r\n0\r\n" + fields + "\r\n");
    };
    return {
        {"plus", size("+1a")},
        {"minus", size("-1a")},
        {"0x", size("0x1a")},
        {"no size", size("")},
        {"no size but an extension", size(";a")},
        {"no number", size("zz")},
        {"blank before", size(" 1a")},
        {"tab before", size("\t1a")},
        {"underscore", size("1_a")},
        {"comma", size("1a,1a")},
        {"NUL behind", size(std::string{"1a\0", 3})},
        {"bare CR behind", size("1a\r")},
        {"2 to the 64th and 26", size("1000000000000001a")},
        {"2 to the 64th less 1", size("ffffffffffffffff"), Fate::too_large},
        {"17 digits of f", size("fffffffffffffffff")},
        {"more than the limit", size("100001"), Fate::too_large},
        {"size ended by a bare LF", with("1a\n" + query + "\r\n0\r\n\r\n" + smuggled)},
        {"extension ended by a bare LF", with("1a;a\n" + query + "\r\n0\r\n\r\n" + smuggled)},
        {"bare LF in an extension", size("1a;a=\nb")},
        {"bare CR in an extension", size("1a;a=\rb")},
        {"NUL in an extension", size(std::string{"1a;a=\0", 6})},
        {"extension of 20000 bytes", size("1a;a=" + std::string(20'000, 'b'))},
        {"chunk longer than its size", with("19\r\n" + query + "\r\n0\r\n\r\n" + smuggled)},
        {"chunk shorter than its size", with("1b\r\n" + query + "\r\n0\r\n\r\n" + smuggled)},
        {"chunk ended by a bare LF", with("1a\r\n" + query + "\n0\r\n\r\n" + smuggled)},
        {"chunk without an end", with("1a\r\n" + query + "0\r\n\r\n" + smuggled)},
        {"last chunk ended by a bare LF", with("1a\r\n" + query + "\r\n0\n\r\n" + smuggled)},
        {"body ended by a bare LF", with("1a\r\n" + query + "\r\n0\r\n\n" + smuggled)},
        {"no last chunk", with("1a\r\n" + query + "\r\n"), Fate::bad_request, true},
        {"no empty line after the last chunk", with("1a\r\n" + query + "\r\n0\r\n"), Fate::bad_request, true},
        {"trailer ended by a bare LF", trailer("X-A: b\n"), Fate::bad_request, true},
        {"trailer without a colon", trailer("X-A\r\n")},
        {"folded trailer", trailer("X-A: b\r\n c\r\n")},
        {"bare CR in a trailer", trailer("X-A: b\rc\r\n")},
        {"NUL in a trailer", trailer(std::string{"X-A: \0\r\n", 8})},
        {"trailer of 70000 bytes", trailer("X-A: " + std::string(70'000, 'b') + "\r\n")},
        {"trailer of Authorization", trailer("Authorization: Bearer forged\r\n"), Fate::one},
        {"trailer of Host", trailer("Host: evil.example\r\n"), Fate::one},
        {"trailer of Content-Length", trailer("Content-Length: 5\r\n")},
        {"trailer of Transfer-Encoding", trailer("Transfer-Encoding: x\r\n")},
        {"size in capitals with zeros", with("0001A\r\n" + query + "\r\n000\r\n\r\n"), Fate::one},
        {"extension", with("1a;a=b;c=\"d;e\"\r\n" + query + "\r\n0;f\r\n\r\n"), Fate::one},
        {"two chunks", with("1\r\n{\r\n19\r\n" + query.substr(1) + "\r\n0\r\n\r\n"), Fate::one},
    };
}

} // namespace bearerd::test::corpus
