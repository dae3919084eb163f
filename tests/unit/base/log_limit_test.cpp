#include <bearerd/base/log_limit.hpp>

#include <gtest/gtest.h>

namespace bearerd {
namespace {

TEST(LogLimit, LetsOneLineThroughInTenMinutes) {
    using namespace std::chrono_literals;
    const TimePoint begin{100h};
    LogLimit limit;
    EXPECT_TRUE(limit.is_due(begin));
    EXPECT_FALSE(limit.is_due(begin));
    EXPECT_FALSE(limit.is_due(begin + 10min - 1ns));
    EXPECT_TRUE(limit.is_due(begin + 10min));
    EXPECT_FALSE(limit.is_due(begin + 11min)) << "counted from the last line";
}

} // namespace
} // namespace bearerd
