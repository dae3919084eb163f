#include "status_page.hpp"

#include "health.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace bearerd::admin {
namespace {

/// The first groups of all matches.
std::set<std::string> all(std::string_view text, const char* pattern) {
    const std::string subject{text};
    const std::regex expression{pattern};
    std::set<std::string> found;
    for (std::sregex_iterator at{subject.begin(), subject.end(), expression}; at != std::sregex_iterator{};
         ++at)
        found.insert((*at)[1]);
    return found;
}

TEST(StatusPage, IsEmbeddedWhole) {
    EXPECT_TRUE(status_page_html().starts_with("<!doctype html>"));
    EXPECT_TRUE(status_page_html().ends_with("</html>\n"));
    EXPECT_TRUE(status_page_css().starts_with(":root {"));
    EXPECT_TRUE(status_page_css().ends_with("}\n"));
    EXPECT_TRUE(status_page_js().starts_with("\"use strict\";"));
    EXPECT_TRUE(status_page_js().ends_with("begin();\n"));
}

TEST(StatusPage, HasEveryElementThatItsScriptFills) {
    const auto ids = all(status_page_html(), "id=\"([^\"]+)\"");
    const auto used = all(status_page_js(), R"re((?:show|showRow|draw|element)\("([^"]+)")re");
    EXPECT_GT(used.size(), 25U);
    for (const std::string& id : used)
        EXPECT_TRUE(ids.contains(id)) << id;
}

TEST(StatusPage, NamesEveryOutcomeInWords) {
    for (const outcome::RequestOutcome outcome : outcome::RequestOutcome::all()) {
        const std::string label{outcome.label()};
        EXPECT_NE(status_page_js().find("\n  " + label + ": \""), std::string::npos) << label;
    }
}

TEST(StatusPage, HasASignForEveryLevelAndAColourForAllButTheFirst) {
    for (const Level level : {Level::good, Level::busy, Level::warning, Level::bad}) {
        const std::string name{to_string(level)};
        EXPECT_NE(status_page_js().find("\n  " + name + ": \"M"), std::string::npos) << name;
        EXPECT_NE(status_page_css().find("var(--" + name + ")"), std::string::npos) << name;
    }
}

TEST(StatusPage, LoadsNothingFromElsewhereAndRunsNothingInline) {
    EXPECT_EQ(
        all(status_page_html(), R"re((?:src|href)="([^"]+)")re"),
        (std::set<std::string>{"data:,", "metrics", "readyz", "status.css", "status.js", "status.json"}));
    EXPECT_TRUE(all(status_page_html(), R"re((<script>|<style|\son\w+=|\sstyle=))re").empty());
    EXPECT_TRUE(all(status_page_css(), R"re((url\(|@import))re").empty());
    EXPECT_TRUE(
        all(status_page_js(), R"re((innerHTML|insertAdjacentHTML|document\.write|eval\())re").empty());
}

} // namespace
} // namespace bearerd::admin
