#pragma once

#include <bearerd/config/config.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Text of one value → what it means, or a sentence that says what would be right. Pure. No sentence quotes
/// the value: it may come from the environment and be a secret.
namespace bearerd::config {

struct Problem {
    std::string sentence;
};

template<class T>
using Parsed = std::variant<T, Problem>;

template<class T>
using Parser = std::function<Parsed<T>(std::string_view)>;

[[nodiscard]] Parsed<bool> parse_bool(std::string_view text);
[[nodiscard]] Parser<std::uint32_t> number_between(std::uint32_t least, std::uint32_t most);
[[nodiscard]] Parser<std::uint64_t> size_between(std::uint64_t least, std::uint64_t most);
[[nodiscard]] Parser<Duration> duration_between(Duration least, Duration most);

/// Parses a time to wait: not zero, which would mean no deadline, and at most a day; more must be a mistake.
[[nodiscard]] Parsed<Duration> parse_timeout(std::string_view text);

/// Parses one of a few words.
template<class T>
[[nodiscard]] Parser<T> one_of(std::vector<std::pair<std::string_view, T>> choices) {
    return [choices = std::move(choices)](std::string_view text) -> Parsed<T> {
        std::string words;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            if (text == choices[i].first)
                return choices[i].second;
            words += i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ";
            words += choices[i].first;
        }
        return Problem{"must be " + words};
    };
}

[[nodiscard]] Parsed<std::string> parse_any_text(std::string_view text);
[[nodiscard]] Parsed<std::string> parse_some_text(std::string_view text); ///< not empty

/// Parses an octal mode such as "0660".
[[nodiscard]] Parsed<std::uint32_t> parse_mode(std::string_view text);
/// Parses a path of requests: begins with '/', without query.
[[nodiscard]] Parsed<std::string> parse_request_path(std::string_view text);
/// Parses a GraphQL name: /[_A-Za-z][_0-9A-Za-z]*/.
[[nodiscard]] Parsed<std::string> parse_graphql_name(std::string_view text);
/// Parses an HTTP status that may mean a rejected token.
[[nodiscard]] Parsed<std::uint16_t> parse_rejected_status(std::string_view text);
/// Parses the name of a header that the configuration may use: an HTTP token, but not a header that frames or
/// routes messages.
[[nodiscard]] Parsed<std::string> parse_header_name(std::string_view text);
/// Parses a JSON pointer (RFC 6901). Refuses the empty one, which would always point at something.
[[nodiscard]] Parsed<std::string> parse_json_pointer(std::string_view text);

} // namespace bearerd::config
