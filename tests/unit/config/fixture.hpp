#pragma once

#include <bearerd/config/parse.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::config {

/// A world of a few variables, files and users, all of them in the test's hand.
struct FakeWorld {
    std::map<std::string, std::string> variables{{"HOST", "api.example.com"},
                                                 {"PASSWORD", "from-environment"},
                                                 {"EMPTY", ""},
                                                 {"LINES", "a\r\nX-Evil: 1"},
                                                 {"NOT_UTF8", "\xff"},
                                                 {"YAML", "x: [1, 2]"}};
    std::map<std::string, std::string> files{{"/etc/bearerd/password", "from-file\n"}};
    std::map<std::string, std::uint32_t> users{{"till", 1042}};

    [[nodiscard]] Environment environment() const {
        return {[this](const std::string& name) {
                    const auto found = variables.find(name);
                    return found == variables.end() ? std::nullopt : std::optional{found->second};
                },
                [this](const std::string& path) -> std::variant<Secret, std::string> {
                    const auto found = files.find(path);
                    if (found == files.end())
                        return "No such file or directory";
                    return Secret{std::string_view{found->second}};
                },
                [this](const std::string& name) {
                    const auto found = users.find(name);
                    return found == users.end() ? std::nullopt : std::optional{found->second};
                }};
    }
};

inline constexpr std::string_view minimal = "upstream: {url: \"https://api.example.com/graphql\"}\n"
                                            "credentials: {username: till-042, password: secret}\n";

/// Every fault as `bearerd check` prints it for a file "f", without the file's name.
inline std::vector<std::string> faults_of(std::string_view text, const FakeWorld& world = {}) {
    const ParseResult result = parse(text, world.environment());
    std::vector<std::string> lines;
    if (const auto* const faults = std::get_if<std::vector<ConfigError>>(&result))
        for (const ConfigError& fault : *faults)
            lines.push_back(format_error("f", fault).substr(1 + (fault.line > 0 ? 1 : 0)));
    return lines;
}

/// Every warning likewise.
std::vector<std::string> warnings_of(std::string_view text, const Environment& environment);

/// The settings of a text; if it has faults, an empty value and a test failure that names them.
Settings settings_of(std::string_view text, const FakeWorld& world = {});

} // namespace bearerd::config
