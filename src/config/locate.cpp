#include <bearerd/config/parse.hpp>

#include "environment.hpp"
#include "yaml_tree.hpp"

#include <algorithm>

namespace bearerd::config {
namespace {

/// Returns the position of the dotted key's value, else of its nearest parent, else the start of the file.
Position find(const Node& root, std::string_view key) {
    Position found;
    const Node* node = &root;
    while (!key.empty()) {
        const std::size_t dot = std::min(key.find('.'), key.size());
        const auto entry = std::ranges::find(node->entries, key.substr(0, dot), &Node::Entry::key);
        if (entry == node->entries.end())
            break;
        node = &entry->value;
        found = node->position;
        key.remove_prefix(std::min(dot + 1, key.size()));
    }
    return found;
}

} // namespace

ConfigError error_at_key(const std::string& path, std::string key, std::string message) {
    ConfigError error{0, 0, std::move(key), std::move(message)};
    const auto content = read_small_file(path, longest_config_file);
    if (std::holds_alternative<std::string>(content))
        return error;
    ConfigErrors ignored;
    if (const auto root = parse_yaml(std::get<Secret>(content).reveal(), ignored)) {
        const Position position = find(*root, error.key);
        error.line = position.line;
        error.column = position.column;
    }
    return error;
}

} // namespace bearerd::config
