#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

namespace bearerd::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A trace id may consist of decimal digits only; it is not a card number.
constexpr std::string_view trace_id = "10450911298860735517320046689025";

std::string traceparent() {
    return "00-" + std::string{trace_id} + "-00f067aa0ba902b7-01";
}

Scene::Answer answer_to_traced() {
    return [](const UpstreamRequest&) { return http_answer(some_data); };
}

TEST(Trace, FieldsOfTheAppGoUpstreamAsTheyAre) {
    Scene scene{answer_to_traced()};
    scene.daemon.post(
        some_query,
        {{"traceparent", traceparent()}, {"tracestate", "vendor=one"}, {"tracestate", "other=two;three"}});
    scene.daemon.post(some_query, {{"Traceparent", "nonsense"}});
    const auto requests = scene.upstream.app_requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].header("traceparent"), traceparent());
    for (const std::string state : {"vendor=one", "other=two;three"})
        EXPECT_EQ(
            std::ranges::count(requests[0].headers, std::pair<std::string, std::string>{"tracestate", state}),
            1)
            << state;
    EXPECT_EQ(requests[1].header("traceparent"), "nonsense");
}

TEST(Trace, IdIsInTheRequestsLogLineIfItIsValid) {
    for (const std::string format : {"text", "json"}) {
        Scene scene{answer_to_traced(), "log: {format: " + format + "}"};
        scene.daemon.post(some_query, {{"X-Request-Id", "with-trace"}, {"traceparent", traceparent()}});
        scene.daemon.post(some_query, {{"X-Request-Id", "invalid-trace"}, {"traceparent", "00-0-0-0"}});
        scene.daemon.post(some_query, {{"X-Request-Id", "without-trace"}});
        const std::string expected = format == "json" ? ",\"trace_id\":\"" + std::string{trace_id} + "\"}"
                                                      : " trace_id=" + std::string{trace_id};
        EXPECT_THAT(scene.daemon.process().wait_for_line("with-trace"),
                    testing::Optional(HasSubstr(expected)));
        for (const std::string_view id : {"invalid-trace", "without-trace"})
            EXPECT_THAT(scene.daemon.process().wait_for_line(id),
                        testing::Optional(Not(HasSubstr("trace_id"))));
    }
}

TEST(Trace, IdIsInTheJournal) {
    const TemporaryDirectory directory;
    Scene scene{answer_to_traced(), "journal: {directory: " + (directory.path() / "journal").string() + "}"};
    scene.daemon.post(some_mutation, {{"X-Request-Id", "with-trace"}, {"traceparent", traceparent()}});
    scene.daemon.post(some_mutation, {{"X-Request-Id", "without-trace"}});
    const Finished table = run_bearerd({"journal", "--config", scene.daemon.config_file()});
    EXPECT_THAT(table.standard_output,
                testing::MatchesRegex("TIME[^\n]*\n[^\n]*with-trace[^\n]* trace_id=" + std::string{trace_id} +
                                      "\n[^\n]*without-trace +createReversal\n"));
    std::istringstream lines{
        run_bearerd({"journal", "--json", "--config", scene.daemon.config_file()}).standard_output};
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(nlohmann::json::parse(line).at("trace_id"), trace_id);
    std::getline(lines, line);
    EXPECT_EQ(nlohmann::json::parse(line).at("trace_id"), nullptr);
}

} // namespace
} // namespace bearerd::test
