#include <bearerd/base/mask.hpp>

#include <gtest/gtest.h>

namespace bearerd {
namespace {

TEST(Masked, HidesRunsOfTwelveAndMoreDigits) {
    struct Case {
        std::string_view text;
        std::string_view shown;
    };

    for (const Case& each : {
             Case{"", ""},
             Case{"till-42", "till-42"},
             Case{"12345678901", "12345678901"},
             Case{"123456789012", "************"},
             Case{"6301190019990640662", "*******************"},
             Case{"a-6301190019990640662-b", "a-*******************-b"},
             Case{"123456789012x1234567890123", "************x*************"},
             Case{"1234567890 1234567890", "1234567890 1234567890"},
             Case{"12345678901x123456789012", "12345678901x************"},
             Case{"1234567890123", "*************"},
             Case{"123456x123456789012345678901234567890", "123456x******************************"},
             Case{"0f8e12ab-1234-12345678901a", "0f8e12ab-1234-12345678901a"},
         }) {
        std::string scratch;
        EXPECT_EQ(masked(each.text, scratch), each.shown);
        EXPECT_EQ(scratch.empty(), each.shown == each.text) << "copied only if something is masked";
    }
}

} // namespace
} // namespace bearerd
