#pragma once

#include "config_errors.hpp"
#include "values.hpp"
#include "yaml_tree.hpp"

#include <bearerd/config/parse.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::config {

/// The state shared within one parse.
struct Context {
    const Environment& environment;
    ConfigErrors& errors;
    std::vector<std::string> known;    ///< every dotted key that was asked for
    std::vector<std::string> left_out; ///< keys whose variable is not set, if that is allowed
    ConfigErrors warnings = {};
};

/// Reads one mapping of the file, key by key. An absent key leaves its setting unchanged; a wrong one adds an
/// error and also leaves it. Each requested key becomes a known one, whether present or not, so that the code
/// that reads the settings is the only list of keys. Lives within the parse.
class Section {
public:
    /// Reads the whole file.
    Section(Context& context, Node& root);

    /// Returns the mapping under `name`, empty if it is absent, null or not a mapping.
    [[nodiscard]] Section section(std::string_view name);

    /// Whether the key is present, whatever its value.
    [[nodiscard]] bool has(std::string_view name) { return find(name) != nullptr; }

    template<class T>
    void read(std::string_view name, T& setting, const Parser<T>& parser) {
        if (Node::Entry* const entry = find(name))
            read_node(entry->value, dotted(name), setting, parser);
    }

    template<class T>
    void read_list(std::string_view name, std::vector<T>& setting, const Parser<T>& parser) {
        Node* const list = find_list(name);
        if (list == nullptr)
            return;
        setting.clear();
        for (Node& item : list->items) {
            T value{};
            if (read_node(item, dotted(name), value, parser))
                setting.push_back(std::move(value));
        }
    }

    /// Like read_list, with at least one item.
    template<class T>
    void read_some_list(std::string_view name, std::vector<T>& setting, const Parser<T>& parser) {
        const Node* const list = find_list(name);
        if (list && list->items.empty())
            error(name, "must hold at least one item, or be left out for the default");
        else if (list)
            read_list(name, setting, parser);
    }

    /// Reads a mapping with the user's own keys: calls back for each, with the text of its value.
    using Pair = std::function<void(const Node::Entry&, const std::string& key, std::string_view value)>;
    void read_pairs(std::string_view name, const Pair& pair);

    /// Reads a list of mappings: calls back for each, as for a section. Other items are errors.
    void read_mappings(std::string_view name, const std::function<void(Section)>& each);

    /// Reads a value that may hold any characters, even none. Returns false if absent or wrong.
    bool read_secret(std::string_view name, Secret& setting);

    /// Reads a GraphQL document, which may have lines. Returns false if absent or wrong.
    bool read_document(std::string_view name, std::string& setting);

    /// Whether the key is present, but its variable is not set and that is allowed. Call it after read().
    [[nodiscard]] bool left_out(std::string_view name) const;

    /// Whether left_out() is true for any key of the file that was read so far.
    [[nodiscard]] bool left_out_any() const noexcept { return !context_.left_out.empty(); }

    /// Adds an error at the key's value, or at this mapping if the key is absent. Adds none if a key of this
    /// mapping was left out, because the error may result from that.
    void error(std::string_view name, std::string message);

    /// Adds a warning where error() would add an error.
    void warn(std::string_view name, std::string message);

    void error_at(Position where, std::string key, std::string message) {
        context_.errors.add(where, std::move(key), std::move(message));
    }

private:
    Section(Context& context, Node* mapping, std::string path, Position position);

    [[nodiscard]] std::string dotted(std::string_view name) const;
    Node::Entry* find(std::string_view name);
    Node* find_list(std::string_view name);
    /// Returns the text of a scalar with ${NAME} replaced; nullopt after an error.
    std::optional<Secret> text_of(const Node& node, const std::string& key, bool any_character = false);
    std::optional<Secret> replace_variables(const Node& node, const std::string& key);

    template<class T>
    bool read_node(const Node& node, const std::string& key, T& setting, const Parser<T>& parser) {
        const auto text = text_of(node, key);
        if (!text)
            return false;
        Parsed<T> parsed = parser(text->reveal());
        if (auto* const problem = std::get_if<Problem>(&parsed)) {
            error_at(node.position, key, std::move(problem->sentence));
            return false;
        }
        setting = std::get<T>(std::move(parsed));
        return true;
    }

    Context& context_;
    Node* mapping_; ///< nullptr: absent
    std::string path_;
    Position position_;
};

/// Adds an error for each key that nobody asked for, naming the nearest known one. Call it at the end.
void report_unknown_keys(const Node& root, Context& context);

} // namespace bearerd::config
