#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace bearerd::sim {

/// Keeps the order of keys: answers look like the documentation's.
using Json = nlohmann::ordered_json;

/// The member, or null if the object has none or is no object.
const Json& member(const Json& object, std::string_view key);

/// Returns the text of a JSON value if it is a string, else nullopt.
std::optional<std::string> string_of(const Json& value);
std::optional<std::int64_t> integer_of(const Json& value);
bool is_true(const Json& value);

/// Null or an empty string: "This field is required".
bool is_blank(const Json& value);

/// Everything but the last four characters hidden, as in every log line.
std::string masked(std::string_view card_reference);

} // namespace bearerd::sim
