#include "section.hpp"

#include "text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>

#include <algorithm>

namespace bearerd::config {
namespace {

std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string{name} : path + "." + std::string{name};
}

/// In memory of its final size, because a growing string leaves its old bytes in freed memory.
Secret join(const std::vector<Secret>& pieces) {
    std::size_t size = 0;
    for (const Secret& piece : pieces)
        size += piece.size();
    std::string whole;
    whole.reserve(size);
    for (const Secret& piece : pieces)
        whole += piece.reveal();
    return Secret{std::move(whole)};
}

std::string parent_of(const std::string& dotted) {
    const auto dot = dotted.rfind('.');
    return dot == std::string::npos ? std::string{} : dotted.substr(0, dot);
}

std::string_view last_of(std::string_view dotted) {
    return dotted.substr(dotted.rfind('.') + 1); // npos + 1 is 0
}

/// The known key whose last word is nearest to `name`, among those under `parent` or among all others.
struct Nearest {
    const std::string* key = nullptr;
    std::size_t distance = static_cast<std::size_t>(-1);
};

Nearest nearest(const std::vector<std::string>& known, const std::string& parent, std::string_view name,
                bool siblings) {
    Nearest best;
    for (const std::string& key : known) {
        if ((parent_of(key) == parent) != siblings)
            continue;
        const std::size_t distance = edit_distance(last_of(key), name);
        if (distance < best.distance)
            best = {&key, distance};
    }
    return best;
}

std::string unknown_key(const std::vector<std::string>& known, const std::string& parent,
                        const std::string& name) {
    const std::size_t slip = std::max<std::size_t>(1, name.size() / 3); // a typing mistake, not another word
    const Nearest here = nearest(known, parent, name, true);
    const Nearest elsewhere = nearest(known, parent, name, false);
    if (here.distance <= slip)
        return "is not a known key: did you mean " + std::string{last_of(*here.key)} + "?";
    if (elsewhere.distance <= slip) {
        const std::string home = parent_of(*elsewhere.key);
        return "is not a known key here: did you mean " + *elsewhere.key +
               (home.empty() ? ", at the top level?" : ", under " + home + "?");
    }
    return "is not a known key: the nearest known one is " + std::string{last_of(*here.key)};
}

void report_unknown(const Node& mapping, const std::string& path, Context& context) {
    for (const Node& item : mapping.items)
        report_unknown(item, path, context);
    if (!nearest(context.known, path, {}, true).key)
        return; // a mapping instead of a value, which is already an error; or the user's own keys
    for (const Node::Entry& entry : mapping.entries) {
        if (context.errors.full())
            return;
        const std::string name = printable(entry.key);
        if (entry.used)
            report_unknown(entry.value, join(path, name), context);
        else
            context.errors.add(entry.position, join(path, name), unknown_key(context.known, path, name));
    }
}

} // namespace

Section::Section(Context& context, Node& root)
    : Section{context, root.kind == Node::Kind::mapping ? &root : nullptr, {}, {}} {
    if (root.kind == Node::Kind::sequence || root.kind == Node::Kind::scalar)
        context.errors.add(root.position, {},
                           "the file must be a mapping of keys, such as upstream:, to values");
}

Section::Section(Context& context, Node* mapping, std::string path, Position position)
    : context_{context}, mapping_{mapping}, path_{std::move(path)}, position_{position} {}

Section Section::section(std::string_view name) {
    Node::Entry* const entry = find(name);
    if (entry == nullptr)
        return {context_, nullptr, dotted(name), position_};
    const Node::Kind kind = entry->value.kind;
    if (kind == Node::Kind::sequence || kind == Node::Kind::scalar)
        error(name, "must be a mapping: keys of its own, indented below it");
    return {context_, kind == Node::Kind::mapping ? &entry->value : nullptr, dotted(name), entry->position};
}

void Section::read_pairs(std::string_view name, const Pair& pair) {
    const Section pairs = section(name);
    if (pairs.mapping_ == nullptr)
        return;
    for (Node::Entry& entry : pairs.mapping_->entries) {
        entry.used = true;
        const std::string key = pairs.dotted(printable(entry.key));
        if (const auto text = text_of(entry.value, key))
            pair(entry, key, text->reveal());
    }
}

void Section::read_mappings(std::string_view name, const std::function<void(Section)>& each) {
    Node* const list = find_list(name);
    if (list == nullptr)
        return;
    for (Node& item : list->items) {
        if (item.kind == Node::Kind::mapping)
            each({context_, &item, dotted(name), item.position});
        else if (item.kind != Node::Kind::refused)
            error_at(item.position, dotted(name), "must be a mapping: keys of its own, indented below the -");
    }
}

bool Section::read_secret(std::string_view name, Secret& setting) {
    const Node::Entry* const entry = find(name);
    auto text = entry == nullptr ? std::nullopt : text_of(entry->value, dotted(name), true);
    if (!text)
        return false;
    setting = std::move(*text);
    return true;
}

bool Section::read_document(std::string_view name, std::string& setting) {
    Secret document;
    if (!read_secret(name, document))
        return false;
    setting = document.reveal();
    return true;
}

bool Section::left_out(std::string_view name) const {
    return std::ranges::find(context_.left_out, dotted(name)) != context_.left_out.end();
}

void Section::error(std::string_view name, std::string message) {
    if (std::ranges::find(context_.left_out, path_, parent_of) != context_.left_out.end())
        return;
    const Node::Entry* const entry = find(name);
    error_at(entry == nullptr ? position_ : entry->value.position, dotted(name), std::move(message));
}

void Section::warn(std::string_view name, std::string message) {
    const Node::Entry* const entry = find(name);
    const Position where = entry == nullptr ? position_ : entry->value.position;
    context_.warnings.add(where, dotted(name), std::move(message));
}

std::string Section::dotted(std::string_view name) const {
    return join(path_, name);
}

Node::Entry* Section::find(std::string_view name) {
    std::string key = dotted(name);
    if (std::find(context_.known.begin(), context_.known.end(), key) == context_.known.end())
        context_.known.push_back(std::move(key));
    if (mapping_ == nullptr)
        return nullptr;
    auto& entries = mapping_->entries;
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [name](const Node::Entry& candidate) { return candidate.key == name; });
    if (entry == entries.end())
        return nullptr;
    entry->used = true;
    return &*entry;
}

Node* Section::find_list(std::string_view name) {
    Node::Entry* const entry = find(name);
    if (entry == nullptr || entry->value.kind == Node::Kind::refused)
        return nullptr;
    if (entry->value.kind == Node::Kind::sequence)
        return &entry->value;
    error(name, "must be a list, such as [one, two], or [] for none");
    return nullptr;
}

std::optional<Secret> Section::text_of(const Node& node, const std::string& key, bool any_character) {
    switch (node.kind) {
    case Node::Kind::refused:
        return std::nullopt;
    case Node::Kind::null:
        error_at(node.position, key,
                 "has no value: write one, or leave the key out (a value that begins with # must be quoted)");
        return std::nullopt;
    case Node::Kind::sequence:
    case Node::Kind::mapping:
        error_at(node.position, key, "must be a single value, not a list or mapping");
        return std::nullopt;
    case Node::Kind::scalar:
        break;
    }
    auto text = replace_variables(node, key);
    if (!text)
        return std::nullopt;
    // The file itself was checked, but not the text from its escapes and variables.
    if (!is_utf8(text->reveal())) {
        error_at(node.position, key, "must be UTF-8");
        return std::nullopt;
    }
    if (!any_character && std::any_of(text->reveal().begin(), text->reveal().end(), is_control)) {
        error_at(node.position, key, "must be one line without control characters");
        return std::nullopt;
    }
    return text;
}

std::optional<Secret> Section::replace_variables(const Node& node, const std::string& key) {
    std::string_view rest = node.scalar.reveal();
    std::vector<Secret> pieces;
    bool complete = true;
    while (true) {
        const auto begin = rest.find("${");
        pieces.emplace_back(rest.substr(0, begin));
        if (begin == std::string_view::npos)
            break;
        const auto end = rest.find('}', begin);
        const std::string name{rest.substr(0, end).substr(begin + 2)};
        if (end == std::string_view::npos || !is_name(name)) {
            error_at(node.position, key,
                     "holds a ${ without a variable's name and a } after it: write ${NAME}");
            return std::nullopt;
        }
        rest.remove_prefix(end + 1);
        const auto& may_be_left_out = context_.environment.may_be_left_out;
        if (auto value = context_.environment.environment(name)) {
            pieces.emplace_back(std::move(*value));
        } else if (may_be_left_out && may_be_left_out(key)) {
            context_.left_out.push_back(key);
            complete = false;
        } else {
            error_at(node.position, key,
                     "holds ${" + printable(name) + "}, which is not set: set that environment variable");
            complete = false;
        }
    }
    if (!complete)
        return std::nullopt;
    return join(pieces);
}

void report_unknown_keys(const Node& root, Context& context) {
    report_unknown(root, {}, context);
}

} // namespace bearerd::config
