#include <bearerd/fleet/random_name.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bearerd::fleet {
namespace {

/// A space ends a name in the store's lists of owners; a dot and a colon separate what is added to it.
TEST(RandomName, IsAnotherOneEachTimeAndHoldsNothingThatSeparates) {
    std::set<std::string> names;
    for (int i = 0; i < 100; ++i) {
        const std::string name = random_name();
        EXPECT_EQ(name.find_first_not_of("0123456789abcdef-"), std::string::npos) << name;
        names.insert(name);
    }
    EXPECT_EQ(names.size(), 100U);
}

} // namespace
} // namespace bearerd::fleet
