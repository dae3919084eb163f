#include "document.hpp"

#include <bearerd/json/text_buffer.hpp>

#include <algorithm>

namespace bearerd::graphql {
namespace {

/// Counts one level while it lives.
class Level {
public:
    explicit Level(std::size_t& depth) noexcept : depth_{depth} { ++depth_; }

    ~Level() { --depth_; }

    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

    [[nodiscard]] bool too_deep() const noexcept { return depth_ > Document::max_depth; }

private:
    std::size_t& depth_;
};

OperationKind keyword(const Token& token) noexcept {
    if (token.is_name("query"))
        return OperationKind::query;
    if (token.is_name("mutation"))
        return OperationKind::mutation;
    if (token.is_name("subscription"))
        return OperationKind::subscription;
    return OperationKind::unknown;
}

} // namespace

// NOLINTBEGIN(misc-no-recursion): a recursive descent, bounded by max_depth.

bool Document::parse(std::string_view text, std::string_view login_field) {
    lexer_ = Lexer{text};
    text_ = text;
    login_field_ = login_field;
    depth_ = 0;
    has_literals_ = false;
    definitions_.clear();
    spreads_.clear();
    fragments_.clear();
    advance();
    do {
        if (definitions_.size() == max_definitions || !definition())
            return false;
    } while (token_.kind != TokenKind::end);
    index_fragments();
    return true;
}

bool Document::definition() {
    if (token_.is('{')) {
        definitions_.emplace_back().kind = OperationKind::query;
        return root_selections();
    }
    if (const OperationKind kind = keyword(token_); kind != OperationKind::unknown)
        return operation(kind);
    return token_.is_name("fragment") && fragment(); // definitions of types run nothing that we could name
}

bool Document::operation(OperationKind kind) {
    advance();
    std::string_view name;
    take_name(name);
    Definition& added = definitions_.emplace_back();
    added.name = name;
    added.kind = kind;
    if (token_.is('('))
        added.variables = rest();
    return variable_definitions() && directives(false) && root_selections();
}

bool Document::fragment() {
    advance();
    std::string_view name;
    std::string_view condition;
    if (!take_name(name) || name == "on" || !token_.is_name("on"))
        return false;
    advance();
    if (!take_name(condition))
        return false;
    definitions_.emplace_back().name = name;
    return directives(false) && root_selections();
}

bool Document::variable_definitions() {
    if (!take('('))
        return true;
    do {
        std::string_view name;
        if (!take('$') || !take_name(name) || !take(':') || !type())
            return false;
        if (take('=') && !value(true))
            return false;
        if (!directives(true))
            return false;
    } while (!token_.is(')'));
    advance();
    return true;
}

bool Document::type() {
    const Level level{depth_};
    if (level.too_deep())
        return false;
    std::string_view name;
    if (take('[')) {
        if (!type() || !take(']'))
            return false;
    } else if (!take_name(name)) {
        return false;
    }
    take('!');
    return true;
}

bool Document::directives(bool constant) {
    while (take('@')) {
        std::string_view name;
        if (!take_name(name) || !arguments(constant))
            return false;
    }
    return true;
}

bool Document::arguments(bool constant) {
    if (!take('('))
        return true;
    do {
        std::string_view name;
        if (!take_name(name) || !take(':') || !value(constant))
            return false;
    } while (!token_.is(')'));
    advance();
    return true;
}

bool Document::value(bool constant) {
    const Level level{depth_};
    if (level.too_deep())
        return false;
    std::string_view name;
    if (take('['))
        return list(constant);
    if (take('{'))
        return object(constant);
    if (take('$'))
        return !constant && take_name(name);
    const TokenKind kind = token_.kind;
    if (kind == TokenKind::number || kind == TokenKind::string)
        has_literals_ = true;
    else if (kind != TokenKind::name)
        return false;
    advance();
    return true;
}

bool Document::list(bool constant) {
    while (!take(']'))
        if (!value(constant))
            return false;
    return true;
}

bool Document::object(bool constant) {
    while (!take('}')) {
        std::string_view name;
        if (!take_name(name) || !take(':') || !value(constant))
            return false;
    }
    return true;
}

bool Document::root_selections() {
    if (token_.is('{'))
        definitions_.back().selections = rest();
    definitions_.back().first_spread = spreads_.size();
    const bool whole = selection_set(true);
    definitions_.back().last_spread = spreads_.size();
    return whole;
}

bool Document::selection_set(bool root) {
    const Level level{depth_};
    if (level.too_deep() || !take('{'))
        return false;
    do {
        if (!selection(root))
            return false;
    } while (!token_.is('}'));
    advance();
    return true;
}

bool Document::selection(bool root) {
    if (root)
        ++definitions_.back().root_selections;
    return token_.is_spread() ? spread(root) : field(root);
}

bool Document::field(bool root) {
    const std::string_view response_name = token_.text;
    std::string_view name;
    if (!take_name(name))
        return false;
    if (take(':') && !take_name(name)) // the name before it was an alias
        return false;
    if (root && equal_ignoring_case(name, login_field_))
        definitions_.back().login = true;
    if (!arguments(false))
        return false;
    if (root && name != "__typename" && !token_.is('@'))
        definitions_.back().plain_field = response_name;
    if (!directives(false))
        return false;
    return !token_.is('{') || selection_set(false);
}

/// Reads `...Name`, `... on Type {`, `... {`. The fields of an inline fragment are at the level of the
/// fragment itself.
bool Document::spread(bool root) {
    advance();
    std::string_view name;
    if (token_.kind == TokenKind::name && !token_.is_name("on")) {
        take_name(name);
        if (root) {
            if (spreads_.size() == max_root_spreads)
                return false;
            spreads_.push_back(name);
        }
        return directives(false);
    }
    if (token_.is_name("on")) {
        advance();
        if (!take_name(name))
            return false;
    }
    return directives(false) && selection_set(root);
}

// NOLINTEND(misc-no-recursion)

const Document::Definition* Document::find_operation(std::optional<std::string_view> name) const noexcept {
    const Definition* found = nullptr;
    std::size_t operations = 0;
    bool anonymous = false;
    for (const Definition& definition : definitions_) {
        if (definition.kind == OperationKind::unknown)
            continue;
        ++operations;
        anonymous = anonymous || definition.name.empty();
        if (name && definition.name != *name)
            continue;
        if (found != nullptr) // two of one name, or no name to choose by
            return nullptr;
        found = &definition;
    }
    return anonymous && operations > 1 ? nullptr : found;
}

std::optional<Document::Selected> Document::select(std::optional<std::string_view> operation_name) {
    const Definition* const found = find_operation(operation_name);
    if (found == nullptr)
        return std::nullopt;
    const auto index = static_cast<std::size_t>(found - definitions_.data());
    return Selected{.kind = found->kind,
                    .name = found->name,
                    .has_login = reaches_login(index),
                    .sole_field = found->root_selections == 1 ? found->plain_field : std::string_view{},
                    .variables = found->variables,
                    .selections = found->selections};
}

/// Sorts the fragments by name, so that looking one up doesn't search all of them.
void Document::index_fragments() {
    for (std::size_t i = 0; i < definitions_.size(); ++i)
        if (definitions_[i].kind == OperationKind::unknown)
            fragments_.push_back(i);
    std::ranges::sort(fragments_, {}, [this](std::size_t i) { return definitions_[i].name; });
}

std::span<const std::size_t> Document::fragments_of(std::string_view name) const noexcept {
    // Two bounds instead of equal_range, because clang 14 can't compile its subrange with this library.
    const auto name_of = [this](std::size_t i) { return definitions_[i].name; };
    const auto begin = std::ranges::lower_bound(fragments_, name, {}, name_of);
    return {begin, std::ranges::upper_bound(fragments_, name, {}, name_of)};
}

std::optional<std::string_view> Document::fragment_selections(std::string_view name) const noexcept {
    const auto found = fragments_of(name);
    return found.size() == 1 ? std::optional{definitions_[found.front()].selections} : std::nullopt;
}

/// Whether the login field is among the root fields of this operation, directly or through fragments. Each
/// definition is visited once, so fragments that spread each other end.
bool Document::reaches_login(std::size_t operation) {
    if (spreads_.empty())
        return definitions_[operation].login;
    for (Definition& definition : definitions_)
        definition.reached = false;
    boost::container::small_vector<std::size_t, 16> found{operation};
    for (std::size_t i = 0; i < found.size(); ++i) {
        const Definition& definition = definitions_[found[i]];
        if (definition.login)
            return true;
        for (std::size_t spread = definition.first_spread; spread < definition.last_spread; ++spread)
            if (!reach(spreads_[spread], found))
                return true; // it isn't defined, and servers may treat that in any way
    }
    return false;
}

/// Adds the fragments of that name to the list, once each. Returns false if there is none.
bool Document::reach(std::string_view fragment, boost::container::small_vector<std::size_t, 16>& found) {
    const auto fragments = fragments_of(fragment);
    for (const std::size_t i : fragments) {
        if (definitions_[i].reached)
            continue;
        definitions_[i].reached = true;
        found.push_back(i);
    }
    return !fragments.empty();
}

} // namespace bearerd::graphql
