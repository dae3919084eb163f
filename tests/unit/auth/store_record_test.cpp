#include <bearerd/auth/store_record.hpp>

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;

TokenRecord record() {
    TokenRecord value;
    value.received = {1'700'000'000, 5'000'000'000, "boot-a"};
    value.life = 60min;
    value.token = Secret{std::string_view{"a.b.c"}};
    value.login.identity = {{"sub", "7"}, {"email", "a@b"}};
    return value;
}

TEST(StoreRecord, TokenSurvives) {
    const auto bytes = encode(record());
    const auto read = decode_token_record(bytes.reveal());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->received.wall_s, 1'700'000'000);
    EXPECT_EQ(read->received.boot_ns, 5'000'000'000);
    EXPECT_EQ(read->received.boot_id, "boot-a");
    EXPECT_EQ(read->life, 60min);
    EXPECT_EQ(read->token.reveal(), "a.b.c");
    EXPECT_EQ(read->login.identity, record().login.identity);
}

TEST(StoreRecord, RejectionsSurvive) {
    LoginRecord login;
    login.rejections = 5;
    login.failed = {7, 8, "boot"};
    login.backoff = 30s;
    const auto bytes = encode(login);
    const auto read = decode_login_record(bytes.reveal());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rejections, 5U);
    EXPECT_EQ(read->failed.wall_s, 7);
    EXPECT_EQ(read->backoff, 30s);
}

TEST(StoreRecord, EveryTruncationAndEveryAppendedByteIsFound) {
    const auto token = encode(record());
    for (std::size_t size = 0; size < token.size(); ++size)
        EXPECT_FALSE(decode_token_record(token.reveal().substr(0, size))) << size;
    EXPECT_FALSE(decode_token_record(std::string{token.reveal()} + '\0'));
    EXPECT_FALSE(decode_login_record(token.reveal()));
}

TEST(StoreRecord, ATokenThatCouldNotBeSentIsNotRead) {
    auto bad = record();
    bad.token = Secret{std::string_view{"a\r\nb"}};
    EXPECT_FALSE(decode_token_record(encode(bad).reveal()));
    auto lifeless = record();
    lifeless.life = 0s;
    EXPECT_FALSE(decode_token_record(encode(lifeless).reveal()));
}

TEST(Elapsed, TheBootClockCountsWithinABootAndTheWallClockAcross) {
    constexpr std::int64_t second = 1'000'000'000;
    const StoredMoment then{1000, 50 * second, "a"};

    struct Case {
        StoredMoment now;
        std::optional<Duration> passed;
    };

    for (const auto& c : {Case{{1010, 60 * second, "a"}, 10s}, Case{{999'999, 60 * second, "a"}, 10s},
                          Case{{0, 60 * second, "a"}, 10s}, Case{{1010, 40 * second, "a"}, std::nullopt},
                          Case{{1020, 3 * second, "b"}, 20s}, Case{{1020, 3 * second, ""}, 20s},
                          Case{{999, 60 * second, "b"}, std::nullopt}}) {
        EXPECT_EQ(elapsed(then, c.now), c.passed) << c.now.boot_id << " " << c.now.wall_s;
    }
    const StoredMoment nameless{1000, 50 * second, ""};
    EXPECT_EQ(elapsed(nameless, {1030, 51 * second, ""}), Duration{30s});
}

TEST(StoredMoment, KnowsTheBoot) {
    EXPECT_EQ(StoredMoment::take().boot_id, StoredMoment::take().boot_id);
    EXPECT_FALSE(StoredMoment::take().boot_id.empty());
}

TEST(StoredMoment, EarlierIsSoMuchLongerAgo) {
    StoredMoment now;
    now.wall_s = 1'000'000;
    now.boot_ns = Duration{100s}.count();
    now.boot_id = "boot";
    EXPECT_EQ(elapsed(earlier(now, 0s), now), Duration{0});
    EXPECT_EQ(elapsed(earlier(now, 100s), now), Duration{100s});
    EXPECT_EQ(elapsed(earlier(now, 100s + 1ns), now), Duration{101s}) << "before the boot, by the wall clock";
    now.boot_id = "next boot";
    StoredMoment then = now;
    then.boot_id = "boot";
    EXPECT_EQ(elapsed(earlier(then, 59s + 1ms), now), Duration{60s}) << "rather too old than too young";
}

} // namespace
} // namespace bearerd::auth
