#include "scenarios.hpp"

#include "options.hpp"
#include "throttle.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

using namespace std::chrono_literals;

class ScenariosTest : public testing::Test {
protected:
    Now now;
    Api api{{}, [this] { return now; }, [](const std::string&) {}};
};

TEST_F(ScenariosTest, EachBeginsIsListedAndEndsTheOneBefore) {
    const auto list = list_scenarios();
    for (const auto& scenario : scenarios()) {
        EXPECT_EQ(begin_scenario(api, scenario.name), "") << scenario.name;
        EXPECT_LE(api.faults().describe().size(), 2U) << scenario.name;
        EXPECT_NE(list.find(std::string(scenario.name)), std::string::npos);
        EXPECT_NE(list.find(std::string(scenario.summary)), std::string::npos);
    }
    EXPECT_EQ(begin_scenario(api, "none"), "");
    EXPECT_EQ(api.faults().describe().size(), 0U);
}

TEST_F(ScenariosTest, EachStandsInTheGuideAndTheReadme) {
    for (const auto* file : {"/docs/epos-integration.md", "/src/simulator/README.md"}) {
        const auto text = read_file(std::string(BEARERD_SOURCE_DIR) + file);
        for (const auto& scenario : scenarios())
            EXPECT_NE(text.find("\n| `" + std::string(scenario.name)), std::string::npos)
                << scenario.name << " is not in " << file;
    }
}

TEST_F(ScenariosTest, AnUnknownNameOrTimeIsRefusedAndChangesNothing) {
    ASSERT_EQ(begin_scenario(api, "lost-answers"), "");
    for (const auto* text : {"", "lost", "lost-answers=2s", "upstream-down=", "upstream-down=0s",
                             "upstream-down=-1s", "upstream-down=soon", "upstream-down=2d", "none=1s"})
        EXPECT_NE(begin_scenario(api, text), "") << text;
    EXPECT_EQ(api.faults().describe().size(), 1U);
}

TEST_F(ScenariosTest, TokensDieEarlyThoseGivenBeforeAsWell) {
    const auto before = api.tokens().issue(now);
    ASSERT_EQ(begin_scenario(api, "token-expires=2s"), "");
    const auto after = api.tokens().issue(now);
    now.steady = 2s;
    EXPECT_EQ(api.tokens().judge(before, now).state, Tokens::State::expired);
    EXPECT_EQ(api.tokens().judge(after, now).state, Tokens::State::expired);
    ASSERT_EQ(begin_scenario(api, "none"), "");
    const auto calm = api.tokens().issue(now);
    now.steady = 10min;
    EXPECT_EQ(api.tokens().judge(calm, now).state, Tokens::State::good);
}

TEST(Throttle, RefusesWhatCostsMoreThanIsLeftUntilEnoughHasComeBack) {
    Throttle throttle;
    throttle.set(40, 40s, true);
    EXPECT_TRUE(throttle.take(30, 0ms));
    EXPECT_FALSE(throttle.take(11, 0ms));
    EXPECT_EQ(throttle.status().dump(), R"({"maximumAvailable":40,"currentlyAvailable":10})");
    EXPECT_TRUE(throttle.take(11, 1s));
    EXPECT_TRUE(throttle.take(40, 1h));
}

TEST(Throttle, OtherwiseTakesWhatThereIs) {
    Throttle throttle;
    EXPECT_TRUE(throttle.take(9000, 0ms));
    EXPECT_EQ(throttle.status().dump(), R"({"maximumAvailable":8000,"currentlyAvailable":0})");
}

} // namespace
} // namespace bearerd::sim
