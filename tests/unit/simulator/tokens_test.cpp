#include "tokens.hpp"

#include "encoding.hpp"
#include "value.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

using namespace std::chrono_literals;
using State = Tokens::State;

Now at(std::chrono::milliseconds steady) {
    Now now;
    now.steady = steady;
    now.wall = 1'700'000'000s + std::chrono::duration_cast<std::chrono::seconds>(steady);
    return now;
}

Json claims_of(const std::string& token) {
    const auto first = token.find('.');
    const auto text = token.substr(first + 1, token.rfind('.') - first - 1);
    std::string json;
    std::uint32_t bits = 0;
    int held = 0;
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const char c : text) {
        bits = (bits << 6) | static_cast<std::uint32_t>(alphabet.find(c));
        if ((held += 6) >= 8)
            json.push_back(static_cast<char>((bits >> (held -= 8)) & 0xFF));
    }
    return Json::parse(json, nullptr, false);
}

TEST(Tokens, ATokenIsGoodUntilItsLifeIsOver) {
    Tokens tokens({});
    const auto token = tokens.issue(at(0ms));
    EXPECT_EQ(tokens.judge(token, at(60min - 1ms)).state, State::good);
    EXPECT_EQ(tokens.judge(token, at(60min)).state, State::expired);
    EXPECT_EQ(tokens.judge("", at(0ms)).state, State::missing);
    EXPECT_EQ(tokens.judge(token + "x", at(0ms)).state, State::unknown);
}

TEST(Tokens, AWrongClockShowsInTheClaimsAlone) {
    TokenOptions options;
    options.clock_skew = -10h;
    Tokens tokens(options);
    const auto token = tokens.issue(at(0ms));
    const auto claims = claims_of(token);
    EXPECT_EQ(member(claims, "iat"), 1'700'000'000 - 36'000);
    EXPECT_EQ(member(claims, "exp"), 1'700'000'000 - 36'000 + 3'600);
    EXPECT_EQ(member(claims, "username"), "till-042");
    EXPECT_EQ(tokens.judge(token, at(59min)).state, State::good);
}

TEST(Tokens, RotatesAfterSoManyAnswersAndOldOnesStayGood) {
    TokenOptions options;
    options.rotate_requests = 3;
    Tokens tokens(options);
    EXPECT_TRUE(tokens.rotate(at(0ms)).empty()) << "nobody has logged in yet";
    const auto first = tokens.issue(at(0ms));
    EXPECT_TRUE(tokens.rotate(at(1ms)).empty());
    EXPECT_TRUE(tokens.rotate(at(2ms)).empty());
    const auto second = tokens.rotate(at(3ms));
    ASSERT_FALSE(second.empty());
    EXPECT_EQ(tokens.judge(first, at(4ms)).state, State::good);
    EXPECT_EQ(tokens.judge(second, at(4ms)).generation, 2U);
}

TEST(Tokens, RotatesAfterATimeAndMayRevokeTheOldOnes) {
    TokenOptions options;
    options.rotate_time = 10s;
    options.rotate_revokes = true;
    Tokens tokens(options);
    const auto first = tokens.issue(at(0ms));
    EXPECT_TRUE(tokens.rotate(at(9'999ms)).empty());
    const auto second = tokens.rotate(at(10s));
    EXPECT_EQ(tokens.judge(first, at(10s)).state, State::revoked);
    EXPECT_EQ(tokens.judge(second, at(10s)).state, State::good);
}

TEST(Tokens, PlantedTokensBetrayWhoAdoptsThem) {
    Tokens tokens({});
    const auto own = tokens.issue(at(0ms));
    const auto foreign = tokens.issue_foreign(at(0ms));
    const auto older = tokens.issue_older(at(0ms));
    EXPECT_TRUE(tokens.judge(foreign, at(0ms)).foreign);
    EXPECT_EQ(tokens.judge(older, at(0ms)).state, State::revoked);
    EXPECT_NE(member(claims_of(own), "sub"), member(claims_of(foreign), "sub"));
    EXPECT_EQ(member(claims_of(older), "iat"), 1'700'000'000 - 600);
}

TEST(Tokens, RevokingAllEndsAllAndALoginBeginsAnew) {
    Tokens tokens({});
    const auto first = tokens.issue(at(0ms));
    tokens.revoke_all();
    EXPECT_EQ(tokens.judge(first, at(0ms)).state, State::revoked);
    EXPECT_EQ(tokens.judge(tokens.issue(at(0ms)), at(0ms)).state, State::good);
}

TEST(Tokens, AnOpaqueTokenHasNoParts) {
    TokenOptions options;
    options.opaque = true;
    Tokens tokens(options);
    EXPECT_EQ(tokens.issue(at(0ms)).find('.'), std::string::npos);
}

} // namespace
} // namespace bearerd::sim
