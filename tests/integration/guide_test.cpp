// Runs docs/epos-integration.md as written, so that it stays correct.
#include "scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <ostream>
#include <sstream>

namespace bearerd::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

/// The text between ``` and ```, in order.
struct CodeBlock {
    std::string language;
    std::string text;
};

std::vector<CodeBlock> blocks_of_the_guide() {
    std::ifstream file{BEARERD_SOURCE_DIR "/docs/epos-integration.md"};
    std::vector<CodeBlock> blocks;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("```")) {
            if (inside)
                blocks.back().text += line + "\n";
            continue;
        }
        inside = !inside;
        if (inside)
            blocks.push_back({line.substr(3), {}});
    }
    return blocks;
}

std::string the_block(const std::string& language) {
    for (const CodeBlock& block : blocks_of_the_guide())
        if (block.language == language)
            return block.text;
    ADD_FAILURE() << "the guide has no block of " << language;
    return {};
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

/// Whether `actual` contains all of `expected`; "…" matches anything, and a list must have as many elements.
bool holds(const Json& actual, const Json& expected) {
    if (expected == "…")
        return !actual.is_null();
    if (expected.is_object() && actual.is_object())
        return std::all_of(expected.items().begin(), expected.items().end(), [&actual](const auto& item) {
            return actual.contains(item.key()) && holds(actual.at(item.key()), item.value());
        });
    if (expected.is_array() && actual.is_array() && expected.size() == actual.size())
        return std::equal(actual.begin(), actual.end(), expected.begin(), holds);
    return actual == expected;
}

Finished run_shell(const std::string& script, const Environment& environment = {}) {
    Process process{"/bin/bash", {"-c", script}, environment};
    const auto exit = process.wait_exit(Deadline{std::chrono::minutes{2}});
    return {exit.value_or(ExitStatus{}), process.output(), process.standard_output()};
}

std::string graphql_url(const Daemon& daemon) {
    return "http://127.0.0.1:" + std::to_string(daemon.port()) + "/graphql";
}

TEST(Guide, ItsRequestsGetTheAnswersThatItShowsAndCertifyATill) {
    const Simulator simulator;
    // A human reader takes longer than ten seconds from bearerd's login to revoking its token.
    const Daemon daemon{
        {.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = "auth: {fresh_for: 0s}"}};
    const TemporaryDirectory directory;
    const std::vector<CodeBlock> blocks = blocks_of_the_guide();
    std::string script = "set -euo pipefail\nexport no_proxy='*'\n";
    for (std::size_t i = 0; i < blocks.size(); ++i)
        if (blocks[i].language == "sh")
            script +=
                "{ " + blocks[i].text + "} >'" + (directory.path() / std::to_string(i)).string() + "'\n";
    replace_all(script, "http://127.0.0.1:8080/graphql", graphql_url(daemon));
    replace_all(script, "127.0.0.1:8444", simulator.control_address());
    const Finished finished = run_shell(script);
    ASSERT_EQ(finished.exit.code, 0) << finished.output;
    std::size_t compared = 0;
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
        if (blocks[i].language != "sh" || blocks[i + 1].language != "json")
            continue;
        const Json expected = Json::parse(blocks[i + 1].text, nullptr, false);
        const auto answer = read_file(directory.path() / std::to_string(i));
        EXPECT_TRUE(expected.is_object() && holds(Json::parse(answer, nullptr, false), expected))
            << blocks[i].text << "is answered\n"
            << answer << "\nand not\n"
            << blocks[i + 1].text;
        ++compared;
    }
    EXPECT_EQ(compared, 9U);
    const Finished report = Simulator::run_program({"--report", "--control", simulator.control_address()});
    EXPECT_EQ(report.exit.code, 0) << report.output;
}

TEST(Guide, ItsConfigurationIsSound) {
    std::string text = the_block("console");
    for (const CodeBlock& block : blocks_of_the_guide())
        if (block.text.find("cat >bearerd.yaml") != std::string::npos)
            text = block.text;
    const auto begin = text.find("<<'END'\n") + 8;
    std::string yaml = text.substr(begin, text.find("END\n", begin) - begin);
    const TemporaryDirectory directory;
    directory.write("ca.pem", CertificateAuthority{}.pem());
    directory.write("password", "demo-password");
    replace_all(yaml, "ca.pem", (directory.path() / "ca.pem").string());
    replace_all(yaml, "password_file: password",
                "password_file: " + (directory.path() / "password").string());
    const Finished checked = run_bearerd({"check", "--config", directory.write("bearerd.yaml", yaml)});
    EXPECT_EQ(checked.exit.code, 0) << checked.output << yaml;
}

struct Program {
    std::string name;
    std::string language; ///< of its block
    std::string file;
    std::string compiler;
    std::string compile; ///< in the folder of the file
    std::string start;
};

std::ostream& operator<<(std::ostream& out, const Program& program) {
    return out << program.name;
}

class GuideProgram : public testing::TestWithParam<Program> {};

TEST_P(GuideProgram, PaysOnceWhateverGetsLost) {
    const Program& program = GetParam();
    if (run_shell("command -v " + program.compiler).exit.code != 0)
        GTEST_SKIP() << "no " << program.compiler << " (scripts/install-dependencies interop)";
    const TemporaryDirectory directory;
    directory.write(program.file, the_block(program.language));
    const std::string in_folder = "cd '" + directory.path().string() + "' && ";
    const Finished compiled = run_shell(in_folder + program.compile + " 2>&1");
    ASSERT_EQ(compiled.exit.code, 0) << compiled.output;

    Simulator simulator;
    const Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    const Environment environment{{"GRAPHQL_URL", graphql_url(daemon)}};
    for (const std::string scenario : {"none", "lost-answers", "upstream-down=1s"}) {
        SCOPED_TRACE(scenario);
        simulator.begin_scenario(scenario);
        const Finished finished = run_shell(in_folder + program.start + " '" + scenario + "'", environment);
        EXPECT_EQ(finished.standard_output, "paid\n") << finished.output;
        EXPECT_EQ(simulator.executions(scenario), 1U);
    }
    simulator.set_faults(
        R"({"kind":"deep_path","operations":"mutation","next":1})"); // executed, and an error
    const Finished half = run_shell(in_folder + program.start + " half", environment);
    EXPECT_EQ(half.standard_output, "paid\n") << half.output;
    const Finished again = run_shell(in_folder + program.start + " none", environment);
    EXPECT_EQ(again.standard_output, "refused: Duplicate reference supplied\n") << again.output;
    EXPECT_EQ(simulator.executions("half"), 1U);
    EXPECT_EQ(simulator.ledger().size(), 4U);
}

INSTANTIATE_TEST_SUITE_P(
    Of, GuideProgram,
    testing::Values(Program{"CSharp", "csharp", "till.cs", "mcs", "mcs till.cs",
                            "timeout -s KILL 20 mono till.exe"},
                    Program{"Java", "java", "Till.java", "javac", "javac Till.java", "java Till"},
                    Program{"Pascal", "pascal", "till.pas", "fpc", "fpc -v0 -l- till.pas", "./till"}),
    [](const auto& program) { return program.param.name; });

} // namespace
} // namespace bearerd::test
