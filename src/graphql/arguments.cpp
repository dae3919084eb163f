#include <bearerd/graphql/arguments.hpp>

#include <bearerd/json/text_buffer.hpp>

#include "canonical.hpp"
#include "document.hpp"
#include "lexer.hpp"
#include "parameters.hpp"
#include "request_reader.hpp"
#include "variables.hpp"

#include <algorithm>
#include <set>

namespace bearerd::graphql {
namespace {

/// The deepest nesting of fragments and inline fragments at the root.
constexpr std::size_t deepest_root = 64;

/// Returns the text without what servers trim: white space and NUL.
std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks{" \t\r\n\v\f\0", 7};
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_key(std::string_view text) noexcept {
    return text.size() <= max_key_size && !trimmed(text).empty();
}

/// What to read from each field.
struct FieldReading {
    std::span<const KeyRule> rules;
    FieldOptions options;
};

/// Collects the root fields of one operation (CollectFields() of section 6.3.2) from a document that was
/// parsed.
class RootCollector {
public:
    RootCollector(const Document& document, const Variables& variables, std::string_view values,
                  const FieldReading& reading, std::size_t element, std::vector<RootField>& out) noexcept
        : document_{document},
          variables_{variables},
          values_{values},
          reading_{reading},
          element_{element},
          out_{out} {}

    /// `text`: from the '{' on. Returns false if the fields can't be known.
    bool collect(std::string_view text, bool runs);

private:
    /// One reading of a selection set.
    struct Cursor {
        explicit Cursor(std::string_view all) noexcept : text{all}, lexer{all}, token{lexer.next()} {}

        Token take() noexcept {
            const Token taken = token;
            token = lexer.next();
            return taken;
        }

        /// The document from the current token on.
        [[nodiscard]] std::string_view rest() const noexcept {
            return text.substr(static_cast<std::size_t>(token.text.data() - text.data()));
        }

        std::string_view text;
        Lexer lexer;
        Token token;
    };

    bool selections(Cursor& at, bool runs);
    bool field(Cursor& at, bool runs);
    bool spread(Cursor& at, bool runs);
    bool directives(Cursor& at, bool& runs);
    std::optional<bool> condition(Cursor& at);
    void arguments(Cursor& at, RootField& field);
    void key_by_header(RootField& field) const;
    std::string value(Cursor& at, bool wanted);
    bool add(RootField field, std::string_view response_name);

    const Document& document_;
    const Variables& variables_;
    std::string_view values_;
    const FieldReading& reading_;
    std::size_t element_;
    std::vector<RootField>& out_;
    std::vector<std::string_view> response_names_;
    std::set<const char*> visited_; ///< where the fragments begin
    std::size_t depth_ = 0;
};

// NOLINTBEGIN(misc-no-recursion): bounded by deepest_root.

bool RootCollector::collect(std::string_view text, bool runs) {
    Cursor at{text};
    return selections(at, runs);
}

bool RootCollector::selections(Cursor& at, bool runs) {
    if (depth_ == deepest_root || !at.take().is('{'))
        return false;
    ++depth_;
    while (!at.token.is('}'))
        if (!(at.token.is_spread() ? spread(at, runs) : field(at, runs)))
            return false;
    --depth_;
    at.take();
    return true;
}

bool RootCollector::field(Cursor& at, bool runs) {
    const Token response_name = at.take();
    Token name = response_name;
    if (at.token.is(':')) {
        at.take();
        name = at.take();
    }
    if (name.kind != TokenKind::name)
        return false;
    RootField field;
    field.name = name.text;
    field.response_name = response_name.text;
    field.element = element_;
    const auto rule = std::ranges::find(reading_.rules, name.text, &KeyRule::field);
    if (rule != reading_.rules.end())
        field.rule = static_cast<std::size_t>(rule - reading_.rules.begin());
    key_by_header(field);
    const std::string_view list = at.token.is('(') ? at.rest() : std::string_view{};
    arguments(at, field);
    if (!directives(at, runs))
        return false;
    if (runs && reading_.options.digest != nullptr && !list.empty())
        field.arguments = canonical_arguments(list, variables_, values_, reading_.options.digest);
    if (at.token.is('{'))
        skip_value(at.lexer, at.token);
    return !runs || name.text == "__typename" || add(std::move(field), response_name.text);
}

bool RootCollector::add(RootField field, std::string_view response_name) {
    if (out_.size() == max_root_fields ||
        std::ranges::find(response_names_, response_name) != response_names_.end())
        return false; // two of one response name are merged, or refused
    response_names_.push_back(response_name);
    out_.push_back(std::move(field));
    return true;
}

bool RootCollector::spread(Cursor& at, bool runs) {
    at.take();
    const bool named = at.token.kind == TokenKind::name && !at.token.is_name("on");
    std::string_view fragment;
    if (named) {
        fragment = at.take().text;
    } else if (at.token.is_name("on")) { // at the root there is only one type that it can be
        at.take();
        at.take();
    }
    if (!directives(at, runs))
        return false;
    if (!named)
        return selections(at, runs);
    if (!runs)
        return true;
    const auto text = document_.fragment_selections(fragment);
    if (!text)
        return false;
    return !visited_.insert(text->data()).second || collect(*text, true);
}

// NOLINTEND(misc-no-recursion)

/// A directive that neither skips nor includes may do anything.
bool RootCollector::directives(Cursor& at, bool& runs) {
    while (at.token.is('@')) {
        at.take();
        const Token name = at.take();
        if (!name.is_name("skip") && !name.is_name("include"))
            return false;
        const auto holds = condition(at);
        if (!holds)
            return false;
        runs = runs && *holds == name.is_name("include");
    }
    return true;
}

/// `(if: true)` or `(if: $variable)`.
std::optional<bool> RootCollector::condition(Cursor& at) {
    if (!at.take().is('(') || !at.take().is_name("if") || !at.take().is(':'))
        return std::nullopt;
    const Token value = at.take();
    const auto holds = value.is('$') ? variables_.boolean(at.take().text) : boolean_of(value);
    return at.take().is(')') ? holds : std::nullopt;
}

void RootCollector::key_by_header(RootField& field) const {
    if (!field.rule || !reading_.rules[*field.rule].argument.empty() ||
        *field.rule >= reading_.options.header_keys.size())
        return;
    const std::string_view key = reading_.options.header_keys[*field.rule];
    if (is_key(key))
        field.key = key;
}

void RootCollector::arguments(Cursor& at, RootField& field) {
    if (!at.token.is('('))
        return;
    at.take();
    std::size_t times = 0;
    while (at.token.kind == TokenKind::name) {
        const Token name = at.take();
        at.take(); // the colon
        const bool is_argument = field.rule && name.text == reading_.rules[*field.rule].argument;
        times += is_argument ? 1 : 0;
        std::string text = value(at, is_argument && times == 1);
        if (is_argument)
            field.key = std::move(text);
    }
    at.take(); // the parenthesis
}

/// Skips an argument's value. If it is wanted, returns its text, which is empty if it is no key.
std::string RootCollector::value(Cursor& at, bool wanted) {
    const Token first = at.token;
    if (first.is('$')) {
        at.take();
        const Token name = at.take();
        const auto text = wanted ? variables_.text(name.text) : std::nullopt;
        return text && is_key(*text) ? std::string{*text} : std::string{};
    }
    skip_value(at.lexer, at.token);
    auto text = wanted ? text_of(first) : std::nullopt;
    return text && is_key(*text) ? std::move(*text) : std::string{};
}

class MutationReader final : public EnvelopeVisitor {
public:
    explicit MutationReader(const FieldReading& reading) noexcept : reading_{reading} {}

    bool visit(const Envelope& envelope) override {
        const std::size_t element = elements_++;
        if (!document_.parse(envelope.document, {}))
            return false;
        const auto selected = document_.select(envelope.operation_name);
        if (!selected || selected->kind == OperationKind::subscription)
            return false;
        if (selected->kind == OperationKind::query)
            return true;
        Variables variables;
        const auto values = envelope.clear_variables ? std::optional{envelope.variables} : std::nullopt;
        return variables.read(selected->variables, values) &&
               RootCollector{document_, variables, envelope.variables, reading_, element, fields_}.collect(
                   selected->selections, true);
    }

    [[nodiscard]] std::vector<RootField>& fields() noexcept { return fields_; }

private:
    const FieldReading& reading_;
    Document document_;
    std::size_t elements_ = 0;
    std::vector<RootField> fields_;
};

} // namespace

std::optional<std::vector<RootField>> mutation_fields(const RequestView& request,
                                                      std::span<const KeyRule> rules, FieldOptions options) {
    if (request.is_get || may_give_variables(request.query_string))
        return std::nullopt;
    const FieldReading reading{rules, options};
    MutationReader reader{reading};
    if (read_request(request, reader) == RequestForm::unreadable)
        return std::nullopt;
    return std::move(reader.fields());
}

bool each_has_its_key(std::span<const RootField> fields) noexcept {
    const auto has_none = [](const RootField& field) { return field.key.empty(); };
    return !fields.empty() && std::ranges::none_of(fields, has_none) && !share_a_key(fields);
}

bool share_a_key(std::span<const RootField> fields) noexcept {
    for (std::size_t i = 0; i < fields.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (!fields[i].key.empty() && equal_ignoring_case(trimmed(fields[i].key), trimmed(fields[k].key)))
                return true;
    return false;
}

bool lacks_its_key(std::span<const RootField> fields) noexcept {
    return std::ranges::any_of(fields,
                               [](const RootField& field) { return field.rule && field.key.empty(); });
}

bool asks_by_key(std::string_view document) {
    Document parsed;
    if (!parsed.parse(document, {}))
        return false;
    const auto selected = parsed.select(std::nullopt);
    if (!selected || selected->kind != OperationKind::query)
        return false;
    // Every `$` in the document counts, wherever it is: the first one declares.
    std::size_t times = 0;
    Lexer lexer{document};
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        if (!token.is('$'))
            continue;
        ++times;
        if (lexer.next().text != "key")
            return false;
    }
    Variables variables;
    return variables.read(selected->variables, {}) && variables.size() == 1 && times >= 2;
}

} // namespace bearerd::graphql
