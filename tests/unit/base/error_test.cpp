#include <bearerd/base/clock.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/base/stats.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bearerd {
namespace {

TEST(Error, EachCodeHasASentenceOfItsOwn) {
    std::set<std::string> sentences;
    for (int value = 1; value <= static_cast<int>(errc::too_large); ++value) {
        const error_code code = make_error_code(static_cast<errc>(value));
        EXPECT_TRUE(code.failed());
        EXPECT_NE(code.message(), "unknown error") << value;
        sentences.insert(code.message());
    }
    EXPECT_EQ(sentences.size(), static_cast<std::size_t>(errc::too_large));
    EXPECT_EQ(make_error_code(static_cast<errc>(999)).message(), "unknown error");
    EXPECT_STREQ(bearerd_category().name(), "bearerd");
}

TEST(Clock, GoesForward) {
    const TimePoint before = BootClock::now();
    EXPECT_LE(before, BootClock::now());
    EXPECT_GT(before.time_since_epoch().count(), 0);
}

struct CountingSink final : log::Sink {
    void write(log::Level, std::string_view, std::span<const log::Field> fields) noexcept override {
        ++lines;
        last_fields = fields.size();
    }

    int lines = 0;
    std::size_t last_fields = 0;
};

TEST(Log, LinesReachTheSinkFromItsLevelOn) {
    log::info("to nobody");
    CountingSink sink;
    log::install(&sink, log::Level::warning);
    log::debug("no");
    log::info("no");
    EXPECT_EQ(sink.lines, 0);
    log::warning("yes", {{"key", std::int64_t{1}}, {"other", std::string_view{"x"}}});
    log::error("yes");
    EXPECT_EQ(sink.lines, 2);
    EXPECT_EQ(sink.last_fields, 0U);
    log::install(nullptr, log::Level::error);
    log::error("to nobody");
    EXPECT_EQ(sink.lines, 2);
}

TEST(Histogram, ADurationCountsInTheBucketWhoseBoundIsNotBelowIt) {
    using namespace std::chrono_literals;
    Histogram histogram;
    histogram.observe(250us);
    histogram.observe(251us);
    histogram.observe(-1s);
    histogram.observe(1h);
    EXPECT_EQ(histogram.bucket(0), 2U);
    EXPECT_EQ(histogram.bucket(1), 1U);
    EXPECT_EQ(histogram.bucket(Histogram::bounds_us.size()), 1U);
    EXPECT_EQ(histogram.sum_us(), 250U + 251U + 3'600'000'000U);
}

} // namespace
} // namespace bearerd
