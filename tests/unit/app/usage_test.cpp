#include "usage.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace bearerd::app {
namespace {

TEST(Usage, SuggestsWhatWasProbablyMeant) {
    constexpr std::array<std::string_view, 6> commands{"run", "check", "login", "status", "wait", "journal"};

    const struct {
        std::vector<std::string_view> arguments;
        std::string suggestion;
    } cases[] = {
        {{"chekc"}, "did you mean bearerd check?"},
        {{"--config", "/etc/chekc", "stauts"}, "did you mean bearerd status?"},
        {{"help"}, "did you mean bearerd --help?"},
        {{"version"}, "did you mean bearerd --version?"},
        {{"check", "bearerd.yaml"}, "did you mean bearerd check --config bearerd.yaml?"},
        {{"login", "/etc/bearerd/shop.yml"}, "did you mean bearerd login --config /etc/bearerd/shop.yml?"},
        {{"bearerd.yaml"}, "did you mean bearerd --config bearerd.yaml?"},
        {{"wait", "--timeout", "5s", "x/y"}, "did you mean bearerd wait --config x/y?"},
        {{"journal", "--key", "sale.yaml", "--unheart"}, ""},
        {{"journal", "--reason", "a/b", "--unheart"}, ""},
        {{"check", "--service", "bearerd.yaml", "--sevice"}, ""},
        {{"serve-everything"}, ""},
        {{"check", "login"}, ""},
        {{"check", "--config"}, ""},
        {{"--nonsense"}, ""},
        {{}, ""},
    };

    for (const auto& [arguments, suggestion] : cases)
        EXPECT_EQ(usage_suggestion(arguments, commands), suggestion);
}

} // namespace
} // namespace bearerd::app
