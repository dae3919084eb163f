#include <bearerd/base/units.hpp>

#include <gtest/gtest.h>

namespace bearerd {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsAreAWholeNumberAndAUnit) {
    const std::pair<std::string_view, std::optional<Duration>> cases[] = {
        {"250ms", 250ms},
        {"30s", 30s},
        {"5m", 5min},
        {"1h", 1h},
        {"0s", 0s},
        {"0ms", 0ms},
        {"007s", 7s},
        {"876000h", 876'000h},
        {"", {}},
        {"30", {}},
        {"s", {}},
        {"-1s", {}},
        {"+1s", {}},
        {"1.5s", {}},
        {"1 s", {}},
        {" 1s", {}},
        {"1s ", {}},
        {"1S", {}},
        {"1sec", {}},
        {"1d", {}},
        {"876001h", {}},
        {"99999999999999999999s", {}},
        {"18446744073709551615h", {}},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_duration(text), expected) << text;
}

TEST(Units, SizesAreAWholeNumberAndAUnit) {
    const std::pair<std::string_view, std::optional<std::uint64_t>> cases[] = {
        {"0B", 0},
        {"17B", 17},
        {"64KiB", 65'536},
        {"1MiB", 1'048'576},
        {"2GiB", 2'147'483'648},
        {"64", {}},
        {"64KB", {}},
        {"64kib", {}},
        {"KiB", {}},
        {"-1B", {}},
        {"1.5MiB", {}},
        {"17179869184GiB", {}},
        {"17179869183GiB", 17'179'869'183ULL << 30},
        {"", {}},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_size(text), expected) << text;
}

TEST(Units, FormattedDurationsAreShortAndReadBack) {
    const std::pair<Duration, std::string_view> cases[] = {{0s, "0s"},         {90s, "90s"}, {5min, "5m"},
                                                           {250ms, "250ms"},   {2h, "2h"},   {61min, "61m"},
                                                           {1'001ms, "1001ms"}};
    for (const auto& [value, text] : cases) {
        EXPECT_EQ(format_duration(value), text);
        EXPECT_EQ(parse_duration(text), value);
    }
}

TEST(Units, SecondsAreRoundedUpOrDown) {
    static_assert(ceil_seconds(1'001ms) == 2 && ceil_seconds(1s) == 1 && ceil_seconds(0s) == 0);
    static_assert(floor_seconds(1'999ms) == 1 && floor_seconds(2s) == 2);
    static_assert(scaled(10s, 0.25) == 2'500ms);
}

TEST(Units, DurationsInWordsShowTwoUnitsAtMost) {
    const std::pair<std::chrono::seconds, std::string_view> cases[] = {
        {0s, "0 s"},
        {-3s, "0 s"},
        {59s, "59 s"},
        {60s, "1 min"},
        {250s, "4 min 10 s"},
        {2h, "2 h"},
        {2h + 7s, "2 h"},
        {2h + 5min, "2 h 5 min"},
        {76h + 3min, "3 d 4 h"},
        {72h + 3min, "3 d"},
        {std::chrono::seconds::min(), "0 s"},
    };
    for (const auto& [value, words] : cases)
        EXPECT_EQ(duration_in_words(value), words);
}

} // namespace
} // namespace bearerd
