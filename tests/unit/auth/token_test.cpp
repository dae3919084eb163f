#include <bearerd/auth/token.hpp>

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;

TEST(Token, HeaderValueMayCarryTheScheme) {
    for (const std::string_view value :
         {"abc", "Bearer abc", "bearer abc", "BEARER   abc", "  Bearer abc\t", " abc "})
        EXPECT_EQ(token_in_header(value), "abc") << value;
    EXPECT_EQ(token_in_header("Bearerabc"), "Bearerabc");
}

TEST(Token, WhatCouldNotBeSentIsIgnored) {
    const std::string longest(max_token_size, 'x');
    EXPECT_EQ(token_in_header(longest), longest);
    for (const auto& value :
         {std::string{}, std::string{"Bearer"}, std::string{"Bearer "}, std::string{"Bearer bearer"},
          std::string{"a b"}, std::string{"a\r\nX: y"}, std::string{"a\0b", 3}, std::string{"t\xc3\xb6ken"},
          std::string{"a\x7f"}, longest + "x"})
        EXPECT_EQ(token_in_header(value), "") << value.substr(0, 20);
}

TEST(Token, IsSendableIfAHeaderValueIsTheTokenAlone) {
    for (const std::string_view value : {"abc", "a.b-c_d=", "nullx"})
        EXPECT_TRUE(is_sendable_token(value)) << value;
    for (const std::string_view value : {"", "Bearer abc", " abc", "abc\n", "null", "a,b", "a b"})
        EXPECT_FALSE(is_sendable_token(value)) << value;
}

TEST(Token, PlaceholderIsNone) {
    for (const std::string_view value : {"null", "undefined", "Null", "UNDEFINED", "Bearer null",
                                         "bearer undefined", " Bearer  null ", "null\t"})
        EXPECT_EQ(token_in_header(value), "") << value;
    for (const std::string_view value : {"nullx", "xnull", "undefined1", "nil"})
        EXPECT_EQ(token_in_header(value), value);
}

TEST(Token, MayBe16KiBLongAndHoldsNoComma) {
    EXPECT_EQ(max_token_size, 16U * 1024);
    for (const std::string_view value : {"a,b", "a, b", "Bearer a, Bearer b", ",a", "a,"})
        EXPECT_EQ(token_in_header(value), "") << value;
}

TEST(Token, OneByteThatCanNotBeSentSpoilsIt) {
    const std::string good(41, 'x');
    for (std::size_t at = 0; at < good.size(); ++at)
        for (const char bad : {'\0', '\x1f', '\x7f', '\x80', '\xff'}) {
            std::string value = good;
            value[at] = bad;
            EXPECT_EQ(token_in_header(value), "") << at;
        }
    EXPECT_EQ(token_in_header(good), good);
}

TEST(Token, LifeIsWhatTheClaimsTellElseAnHour) {
    struct Case {
        std::optional<std::int64_t> issued, expires;
        Duration life;
    };

    for (const auto& c : {Case{1000, 1006, 6s}, Case{0, 3600, 60min}, Case{std::nullopt, 5000, 60min},
                          Case{1000, std::nullopt, 60min}, Case{1000, 1000, 60min}, Case{1000, 999, 60min},
                          Case{0, std::int64_t{1} << 53, 24h * 30}}) {
        Claims claims;
        claims.issued_at = c.issued;
        claims.expires_at = c.expires;
        EXPECT_EQ(life_of(claims), c.life) << c.issued.value_or(-1) << " " << c.expires.value_or(-1);
    }
}

TEST(Token, IdentitiesDifferOnlyWhereBothTell) {
    Claims a;
    Claims b;
    EXPECT_TRUE(same_identity(a, b));
    a.identity = {{"sub", "1"}, {"email", "x@y"}};
    EXPECT_TRUE(same_identity(a, b));
    b.identity = {{"username", "till"}, {"sub", "1"}};
    EXPECT_TRUE(same_identity(a, b));
    b.identity.emplace_back("email", "other");
    EXPECT_FALSE(same_identity(a, b));
    EXPECT_FALSE(same_identity(b, a));
}

} // namespace
} // namespace bearerd::auth
