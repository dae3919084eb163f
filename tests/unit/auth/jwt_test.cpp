#include <bearerd/auth/jwt.hpp>

#include "unit/auth/jwt_text.hpp"

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using test::base64url;
using test::jwt;

TEST(Jwt, ReadsTimesAndIdentity) {
    const auto claims = parse_claims(jwt(
        R"({"iat":1700000000,"exp":1700003600,"sub":"7","id":42,"user_id":-1,"username":"till","email":"a@b.c"})"));
    EXPECT_EQ(claims.issued_at, 1'700'000'000);
    EXPECT_EQ(claims.expires_at, 1'700'003'600);
    const std::vector<std::pair<std::string, std::string>> identity{
        {"sub", "7"}, {"id", "42"}, {"user_id", "-1"}, {"username", "till"}, {"email", "a@b.c"}};
    EXPECT_EQ(claims.identity, identity);
}

TEST(Jwt, TakesPaddingOfEveryLength) {
    for (const std::string_view text : {R"({"iat":1})", R"({"iat":1 })", R"({"iat":1  })"}) {
        auto body = base64url(text);
        while (body.size() % 4 != 0)
            body += '=';
        EXPECT_EQ(parse_claims("h." + body + ".s").issued_at, 1) << body;
    }
}

TEST(Jwt, TimesOfWrongTypesOrSizesAreAbsent) {
    for (const std::string value :
         {"\"1700000000\"", "null", "true", "[1]", "{}", "-1", "-9223372036854775808", "18446744073709551615",
          "9007199254740993", "1e300", "-0.5"})
        EXPECT_FALSE(parse_claims(jwt(R"({"iat":)" + value + "}")).issued_at) << value;
    EXPECT_EQ(parse_claims(jwt(R"({"iat":1.7e9})")).issued_at, 1'700'000'000);
    EXPECT_EQ(parse_claims(jwt(R"({"iat":9007199254740992})")).issued_at, 9'007'199'254'740'992);
}

TEST(Jwt, ReadsNamesAndValuesThatAreEscaped) {
    const auto claims =
        parse_claims(jwt(R"({"\u0069at":5,"user\u006eame":"t\u0069ll \"\u00e9\" \ud83d\ude00"})"));
    EXPECT_EQ(claims.issued_at, 5);
    const std::vector<std::pair<std::string, std::string>> identity{
        {"username", "till \"\xC3\xA9\" \xF0\x9F\x98\x80"}};
    EXPECT_EQ(claims.identity, identity);
}

TEST(Jwt, OneByteOutsideTheAlphabetMakesItOpaque) {
    for (const std::string_view text : {R"({"iat":1})", R"({"iat":1 })", R"({"iat":1  })"}) {
        const std::string good = base64url(text);
        for (std::size_t at = 0; at < good.size(); ++at)
            for (const char bad : {'+', '/', '=', '*', ' ', '\0', '\xff'}) {
                std::string body = good;
                body[at] = bad;
                const bool padding = at + 1 == good.size() && bad == '=';
                EXPECT_TRUE(padding || !parse_claims("h." + body + ".s").issued_at) << body;
            }
    }
}

TEST(Jwt, TheLastOfTwoMembersCounts) {
    EXPECT_EQ(parse_claims(jwt(R"({"iat":1,"iat":2})")).issued_at, 2);
    EXPECT_FALSE(parse_claims(jwt(R"({"iat":1,"iat":"2"})")).issued_at);
}

TEST(Jwt, PassesWhatItDoesNotKnow) {
    EXPECT_EQ(parse_claims(jwt(R"({"aud":["a",{"iat":7}],"roles":{"sub":"x"},"iat":3,"n":null})")).issued_at,
              3);
}

TEST(Jwt, IdentityOfAWrongTypeIsAbsent) {
    EXPECT_TRUE(parse_claims(jwt(R"({"sub":null,"id":{},"email":["a"],"username":true})")).identity.empty());
}

TEST(Jwt, WhateverIsNotOneIsOpaque) {
    const std::string deep = "{\"a\":" + std::string(5000, '[');
    for (const auto& text :
         {std::string{}, std::string{"opaque"}, std::string{"."}, std::string{".."}, std::string{"a.b.c"},
          "h." + base64url(R"({"iat":1})"), "h." + base64url(R"({"iat":1})") + ".s.t",
          std::string{"h.e30*.s"}, std::string{"h.e.s"}, jwt("[1]"), jwt("{\"iat\":1e999}"), jwt("{"),
          jwt(deep), jwt(R"({"iat":1,"x":")" + std::string(17000, 'x') + "\"}")}) {
        const auto claims = parse_claims(text);
        EXPECT_FALSE(claims.issued_at) << text.substr(0, 40);
        EXPECT_FALSE(claims.expires_at);
        EXPECT_TRUE(claims.identity.empty());
    }
}

} // namespace
} // namespace bearerd::auth
