#include "canonical.hpp"

#include "literal.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/json/text_buffer.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace bearerd::graphql {
namespace {

/// A value whose text is longer is replaced by its digest, wherever it comes from: sorting nested objects
/// stays linear, and one variable that is used many times stands for a short text each time.
constexpr std::size_t longest_value = 128;
/// The elements of a list so far are replaced by their digest once they are longer.
constexpr std::size_t longest_elements = 4096;

bool is_builtin_scalar(std::string_view type) noexcept {
    constexpr std::array<std::string_view, 5> builtin{"String", "ID", "Int", "Float", "Boolean"};
    return std::ranges::find(builtin, type) != builtin.end();
}

/// Whether it has the form of a GraphQL name.
bool is_name(std::string_view text) noexcept {
    return !text.empty() && Lexer{text}.next().text == text &&
           lexical::class_of(text.front()) == lexical::Class::name_start;
}

/// Writes the canonical text of one field's arguments.
class Writer {
public:
    Writer(const Variables& variables, std::string (*digest)(std::string_view)) noexcept
        : variables_{variables}, digest_{digest} {}

    std::string arguments(std::string_view list) {
        Lexer lexer{list};
        lexer.next(); // the parenthesis
        Token token = lexer.next();
        members(lexer, token, ')');
        return std::move(out_);
    }

    [[nodiscard]] bool clear() const noexcept { return clear_; }

private:
    /// A member of an object within `out_`: its name, then its value.
    struct Member {
        std::size_t begin;
        std::size_t name;
        std::size_t name_size;
        std::size_t end;
    };

    using Members = std::vector<Member>;

    void literal(Lexer& lexer, Token& token);
    void single_literal(const Token& token);
    void list(Lexer& lexer, Token& token);
    void members(Lexer& lexer, Token& token, char end);
    bool variable(std::string_view name);
    bool variable_value(const Variables::Value& value);
    void json(json::Scan& scan, bool may_be_enum);
    void json_value(json::Scan& scan, bool may_be_enum);
    void shorten(std::size_t begin, std::size_t longest);
    void json_string(json::Scan& scan, bool may_be_enum);
    void json_object(json::Scan& scan);
    void text(char tag, std::string_view value);
    void begin_member(Members& all, std::string_view name);
    void sort(std::size_t begin, Members& all);

    [[nodiscard]] std::string_view name_of(const Member& member) const noexcept {
        return std::string_view{out_}.substr(member.name, member.name_size);
    }

    const Variables& variables_;
    std::string (*digest_)(std::string_view);
    /// The texts of variables used so far; nullopt while one is being made. Each is read once, however often
    /// it is used.
    std::map<std::string_view, std::optional<std::string>> texts_;
    std::string out_;
    bool clear_ = true;
};

void Writer::text(char tag, std::string_view value) {
    out_ += tag;
    out_.append(std::to_string(value.size())) += ':';
    out_ += value;
}

void Writer::begin_member(Members& all, std::string_view name) {
    const std::size_t begin = out_.size();
    out_.append(std::to_string(name.size())) += ':';
    all.push_back({begin, out_.size(), name.size(), 0});
    out_ += name;
}

/// Sorts the members, which are in `out_` from `begin` on, by their names.
void Writer::sort(std::size_t begin, Members& all) {
    const auto by_name = [this](const Member& a, const Member& b) { return name_of(a) < name_of(b); };
    if (!std::ranges::is_sorted(all, by_name)) {
        std::ranges::stable_sort(all, by_name);
        std::string sorted;
        sorted.reserve(out_.size() - begin);
        for (const Member& member : all)
            sorted.append(out_, member.begin, member.end - member.begin);
        out_.replace(begin, std::string::npos, sorted);
    }
    shorten(begin, longest_value);
}

/// Replaces the part of `out_` from `begin` on by its digest if it is longer.
void Writer::shorten(std::size_t begin, std::size_t longest) {
    if (out_.size() - begin <= longest)
        return;
    const std::string digest = digest_(std::string_view{out_}.substr(begin));
    out_.resize(begin);
    text('h', digest);
}

// NOLINTBEGIN(misc-no-recursion): the document was parsed and the JSON scanned, both within their bounds.

/// Writes the value that begins at `token`, and moves past it.
void Writer::literal(Lexer& lexer, Token& token) {
    const std::size_t begin = out_.size();
    if (token.is('[')) {
        list(lexer, token);
    } else if (token.is('{')) {
        token = lexer.next();
        out_ += '{';
        members(lexer, token, '}');
        out_ += '}';
    } else {
        single_literal(token);
        token = lexer.next();
    }
    shorten(begin, longest_value);
}

void Writer::list(Lexer& lexer, Token& token) {
    token = lexer.next();
    out_ += '[';
    const std::size_t begin = out_.size();
    while (!token.is(']') && token.kind != TokenKind::end && token.kind != TokenKind::invalid) {
        if (token.is('$')) {
            if (!variable(lexer.next().text))
                out_ += 'n';
            token = lexer.next();
        } else {
            literal(lexer, token);
        }
        shorten(begin, longest_elements);
    }
    out_ += ']';
    token = lexer.next();
}

/// Writes `name: value` pairs up to `end`, and moves past that.
void Writer::members(Lexer& lexer, Token& token, char end) {
    const std::size_t begin = out_.size();
    Members all;
    while (token.kind == TokenKind::name) {
        begin_member(all, token.text);
        lexer.next(); // the colon
        token = lexer.next();
        bool present = true;
        if (token.is('$')) {
            present = variable(lexer.next().text);
            token = lexer.next();
        } else {
            literal(lexer, token);
        }
        if (present) {
            all.back().end = out_.size();
        } else {
            out_.resize(all.back().begin);
            all.pop_back();
        }
    }
    clear_ = clear_ && token.is(end);
    sort(begin, all);
    token = lexer.next();
}

/// Returns false if the variable has no value, so that what it would give is absent.
bool Writer::variable(std::string_view name) {
    const auto value = variables_.value(name);
    if (!value || value->given == Variables::Given::unclear) {
        clear_ = false;
        return true;
    }
    const auto [at, fresh] = texts_.try_emplace(name);
    if (!fresh) {
        clear_ = clear_ && at->second; // else its default value names itself
        out_ += at->second.value_or("");
        return value->given == Variables::Given::yes || !value->default_value.empty();
    }
    const std::size_t begin = out_.size();
    const bool present = variable_value(*value);
    at->second = out_.substr(begin);
    return present;
}

bool Writer::variable_value(const Variables::Value& value) {
    if (value.given == Variables::Given::yes) {
        json::Scan scan{value.json};
        json(scan, !is_builtin_scalar(value.type));
        clear_ = clear_ && scan.ok();
        return true;
    }
    if (value.default_value.empty())
        return false;
    Lexer lexer{value.default_value};
    Token token = lexer.next();
    literal(lexer, token);
    return true;
}

void Writer::json(json::Scan& scan, bool may_be_enum) {
    const std::size_t begin = out_.size();
    json_value(scan, may_be_enum);
    shorten(begin, longest_value);
}

void Writer::json_value(json::Scan& scan, bool may_be_enum) {
    std::size_t begin = 0;
    std::string_view raw;
    switch (scan.peek()) {
    case json::Kind::object:
        return json_object(scan);
    case json::Kind::array:
        out_ += '[';
        begin = out_.size();
        for (scan.enter_array(); scan.next_element();) {
            json(scan, may_be_enum);
            shorten(begin, longest_elements);
        }
        out_ += ']';
        return;
    case json::Kind::string:
        return json_string(scan, may_be_enum);
    case json::Kind::number:
        scan.skip(raw);
        out_ += canonical_number(raw);
        return;
    default:
        scan.skip(raw);
        out_ += raw.empty() ? 'n' : raw.front(); // true, false, null
    }
}

void Writer::json_object(json::Scan& scan) {
    out_ += '{';
    const std::size_t begin = out_.size();
    Members all;
    json::String key;
    json::TextBuffer buffer;
    for (scan.enter_object(); scan.next_member(key);) {
        begin_member(all, key.text(buffer));
        json(scan, false);
        all.back().end = out_.size();
    }
    sort(begin, all);
    out_ += '}';
}

// NOLINTEND(misc-no-recursion)

void Writer::json_string(json::Scan& scan, bool may_be_enum) {
    json::String string;
    json::TextBuffer buffer;
    if (!scan.string(string))
        return;
    const std::string_view value = string.text(buffer);
    text(may_be_enum && is_name(value) ? '@' : '"', value);
}

void Writer::single_literal(const Token& token) {
    if (token.kind == TokenKind::number) {
        out_ += canonical_number(token.text);
    } else if (token.kind == TokenKind::string) {
        if (const auto value = string_value(token.text)) {
            text('"', *value);
        } else {
            text('r', token.text);
        }
    } else if (token.is_name("null") || token.is_name("true") || token.is_name("false")) {
        out_ += token.text.front();
    } else {
        clear_ = clear_ && token.kind == TokenKind::name;
        text('@', token.text);
    }
}

} // namespace

std::string canonical_number(std::string_view number) {
    std::string_view rest = number;
    const bool negative = rest.starts_with('-');
    rest.remove_prefix(negative ? 1 : 0);
    const std::size_t mark = rest.find_first_of("eE");
    std::int64_t exponent = 0;
    if (mark != std::string_view::npos) {
        std::string_view text = rest.substr(mark + 1);
        text.remove_prefix(text.starts_with('+') ? 1 : 0);
        constexpr std::int64_t most = std::int64_t{1} << 60U;
        const auto read = parse_integer<std::int64_t>(text);
        if (!read || *read > most || *read < -most)
            return "##" + std::string{number} + ";"; // compared by its bytes
        exponent = *read;
    }
    const std::string_view mantissa = rest.substr(0, mark);
    const std::size_t dot = mantissa.find('.');
    std::string digits{mantissa.substr(0, dot)};
    if (dot != std::string_view::npos) {
        digits += mantissa.substr(dot + 1);
        exponent -= static_cast<std::int64_t>(mantissa.size() - dot - 1);
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.empty())
        return "#0;";
    const std::size_t last = digits.find_last_not_of('0');
    exponent += static_cast<std::int64_t>(digits.size() - 1 - last);
    digits.resize(last + 1);
    return "#" + std::string(negative ? "-" : "") + digits + "e" + std::to_string(exponent) + ";";
}

std::string canonical_arguments(std::string_view list, const Variables& variables, std::string_view values,
                                std::string (*digest)(std::string_view)) {
    Writer writer{variables, digest};
    std::string text = writer.arguments(list);
    if (writer.clear())
        return text;
    // Servers could read different values: only the same bytes are the same.
    return "?" + digest(list) + digest(values);
}

} // namespace bearerd::graphql
