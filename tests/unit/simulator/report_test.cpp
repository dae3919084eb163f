#include "report.hpp"

#include "cases.hpp"

#include <gtest/gtest.h>

namespace bearerd::sim {
namespace {

TEST(Report, NamesWhatIsMissingAndHowEachEnded) {
    const Json cases = Json::array(
        {{{"id", "debit"}, {"title", "debit"}, {"times", 12}, {"as_expected", 11}, {"last", "executed"}},
         {{"id", "reversal-of-debit"},
          {"title", "reversal of a debit"},
          {"times", 0},
          {"as_expected", 0},
          {"last", ""}}});
    EXPECT_EQ(report_table(cases), "case               times  last outcome\n"
                                   "debit                 12  executed\n"
                                   "reversal-of-debit      0  missing: reversal of a debit\n"
                                   "1 of 2 cases were exercised and answered as documented\n");
    EXPECT_EQ(missing(cases), 1U);
}

TEST(Report, OfASimulatorThatHasJustStartedMissesEverything) {
    EXPECT_EQ(missing(CaseTally().json()), accreditation_cases().size());
}

} // namespace
} // namespace bearerd::sim
