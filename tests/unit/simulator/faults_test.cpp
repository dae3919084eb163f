#include "faults.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

std::string kinds(const std::vector<Fault>& faults) {
    std::string text;
    for (const auto& fault : faults)
        text += (text.empty() ? "" : " ") + std::string(name_of(fault.kind));
    return text;
}

TEST(Faults, NextStrikesSoOftenAndAfterSparesSoMany) {
    Faults faults;
    ASSERT_EQ(faults.add({{"kind", "close_after"}, {"next", 2}, {"after", 1}}), "");
    std::string seen;
    for (int i = 0; i < 5; ++i)
        seen += faults.strike(Traffic::query).empty() ? '.' : 'X';
    EXPECT_EQ(seen, ".XX..");
    EXPECT_EQ(faults.describe().size(), 0U);
}

TEST(Faults, EveryStrikesTheFirstAndThenEachSoManieth) {
    Faults faults;
    ASSERT_EQ(faults.add({{"kind", "close_after"}, {"every", 3}, {"after", 1}}), "");
    std::string seen;
    for (int i = 0; i < 8; ++i)
        seen += faults.strike(Traffic::query).empty() ? '.' : 'X';
    EXPECT_EQ(seen, ".X..X..X");
}

TEST(Faults, StrikesOnlyTheOperationsItNames) {
    Faults faults;
    ASSERT_EQ(faults.add(Json::array({{{"kind", "close_after"}, {"operations", "mutation"}},
                                      {{"kind", "delay"}, {"operations", "login"}, {"delay_ms", 5}},
                                      {{"kind", "tls_stall"}},
                                      {{"kind", "tls_hold"}},
                                      {{"kind", "chunked"}}})),
              "");
    EXPECT_EQ(kinds(faults.strike(Traffic::mutation)), "close_after chunked");
    EXPECT_EQ(kinds(faults.strike(Traffic::query)), "chunked");
    EXPECT_EQ(kinds(faults.strike(Traffic::login)), "delay chunked");
    EXPECT_EQ(kinds(faults.strike(Traffic::connection)), "tls_stall tls_hold");
}

TEST(Faults, TheSameSeedStrikesTheSameRequests) {
    const auto pattern = [](std::uint64_t seed) {
        Faults faults(seed);
        EXPECT_EQ(faults.add({{"kind", "reject"}, {"probability", 0.5}}), "");
        std::string seen;
        for (int i = 0; i < 64; ++i)
            seen += faults.strike(Traffic::query).empty() ? '.' : 'X';
        return seen;
    };
    EXPECT_EQ(pattern(7), pattern(7));
    EXPECT_NE(pattern(7), pattern(8));
    EXPECT_NE(pattern(7).find('X'), std::string::npos);
    EXPECT_NE(pattern(7).find('.'), std::string::npos);
}

TEST(Faults, EveryNameCanBeRead) {
    for (const auto name : fault_names()) {
        Faults faults;
        EXPECT_EQ(faults.add({{"kind", name}}), "") << name;
    }
}

TEST(Faults, AWrongOneIsRefusedWithItsReasonAndNoneIsAdded) {
    const std::vector<std::string_view> wrong{
        R"({"kind":"nonsense"})",
        R"({"kind":"delay","probability":2})",
        R"({"kind":"delay","next":-1})",
        R"({"kind":"delay","operations":"all"})",
        R"({"kind":"status","status":9})",
        R"({"kind":"delay","delay":5})",
        R"([{"kind":"delay"},{"kind":"nonsense"}])",
        R"("delay")",
    };
    for (const auto text : wrong) {
        Faults faults;
        EXPECT_NE(faults.add(Json::parse(text)), "") << text;
        EXPECT_EQ(faults.describe().size(), 0U) << text;
    }
}

} // namespace
} // namespace bearerd::sim
