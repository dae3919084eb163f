#include <bearerd/graphql/operation.hpp>

#include <bearerd/base/mask.hpp>
#include <bearerd/graphql/document_cache.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/json/text_buffer.hpp>

#include "document.hpp"
#include "lexer.hpp"
#include "parameters.hpp"
#include "request_reader.hpp"

#include <utility>

namespace bearerd::graphql {
namespace {

/// Ranks kinds by what they may do: a batch has the kind of its highest-ranking operation.
int rank(OperationKind kind) noexcept {
    switch (kind) {
    case OperationKind::query:
        return 0;
    case OperationKind::subscription:
        return 1;
    case OperationKind::mutation:
        return 2;
    case OperationKind::unknown:
        break;
    }
    return 3;
}

constexpr std::size_t longest_name = 64; // it goes into log lines

/// Returns the first root field's own name, not its alias; empty for a fragment. `selections` begin with '{'.
std::string_view first_root_field(std::string_view selections) noexcept {
    Lexer lexer{selections};
    lexer.next();
    const Token first = lexer.next();
    const Token second = lexer.next();
    const Token field = second.is(':') ? lexer.next() : first;
    return field.kind == TokenKind::name ? field.text : std::string_view{};
}

class Classifier final : public EnvelopeVisitor {
public:
    Classifier(std::string_view login_field, DocumentCache* cache) noexcept
        : login_field_{login_field}, cache_{cache} {}

    bool visit(const Envelope& envelope) override {
        const auto selected = select(envelope);
        if (!selected)
            return false;
        if (first_ && selected->name.size() <= longest_name) {
            std::string scratch;
            operation_.name = masked(selected->name, scratch); // an app may put a card number into a name
        }
        operation_.sole_field = first_ ? selected->sole_field : std::string_view{};
        if (first_ || rank(selected->kind) > rank(operation_.kind))
            operation_.kind = selected->kind;
        operation_.has_login = operation_.has_login || selected->has_login;
        ++operation_.count;
        first_ = false;
        return true;
    }

    [[nodiscard]] Operation& operation() noexcept { return operation_; }

private:
    std::optional<DocumentCache::Selected> select(const Envelope& envelope) {
        if (cache_ != nullptr)
            if (const auto known = cache_->find(envelope.document, envelope.operation_name))
                return known;
        if (!document_.parse(envelope.document, login_field_))
            return std::nullopt;
        const auto found = document_.select(envelope.operation_name);
        if (!found)
            return std::nullopt;
        DocumentCache::Selected selected{found->kind, found->name, {}, found->has_login};
        if (selected.kind == OperationKind::mutation) {
            selected.sole_field = found->sole_field;
            if (selected.name.empty())
                selected.name = first_root_field(found->selections);
        }
        if (cache_ != nullptr && !document_.has_literals())
            cache_->remember(envelope.document, envelope.operation_name, selected);
        return selected;
    }

    std::string_view login_field_;
    DocumentCache* cache_;
    Document document_;
    Operation operation_;
    bool first_ = true;
};

/// FNV-1a, 64 bits.
class Hash {
public:
    void add(unsigned char byte) noexcept { value_ = (value_ ^ byte) * 0x100000001B3ULL; }

    void add(std::string_view text) noexcept {
        for (const char c : text)
            add(static_cast<unsigned char>(c));
        add(end_of_text);
    }

    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

private:
    static constexpr unsigned char end_of_text = 0xFF; // never occurs in UTF-8 text
    std::uint64_t value_ = 0xCBF29CE484222325ULL;
};

class DocumentHasher final : public EnvelopeVisitor {
public:
    bool visit(const Envelope& envelope) override {
        Lexer lexer{envelope.document};
        Token before;
        std::size_t parentheses = 0;
        for (Token token = lexer.next(); token.kind != TokenKind::end;) {
            const Token next = lexer.next();
            if (token.kind == TokenKind::invalid)
                return false;
            parentheses += token.is('(') ? 1 : 0;
            parentheses -= token.is(')') && parentheses != 0 ? 1 : 0;
            if (!is_literal(token, before, next, parentheses != 0)) {
                hash_.add(static_cast<unsigned char>(token.kind));
                hash_.add(token.text);
            }
            before = token;
            token = next;
        }
        hash_.add(static_cast<unsigned char>(TokenKind::end));
        hash_.add(envelope.operation_name.value_or(""));
        return true;
    }

    [[nodiscard]] std::uint64_t value() const noexcept { return hash_.value(); }

private:
    /// Whether it is a string or a number; among arguments also a list, true, false, null or an enum value.
    /// Enum values are the names there that do not name an argument, a variable or a directive.
    static bool is_literal(const Token& token, const Token& before, const Token& next,
                           bool among_arguments) noexcept {
        if (token.kind == TokenKind::number || token.kind == TokenKind::string)
            return true;
        if (!among_arguments)
            return false;
        if (token.kind == TokenKind::name)
            return !next.is(':') && !before.is('$') && !before.is('@');
        return token.is('[') || token.is(']');
    }

    Hash hash_;
};

/// Hashes JSON that names its document in a way that is not read here (a stored one, by `extensions` or an
/// id). Hashes what may name it, as written, so that other variables do not make another document.
class NameHasher {
public:
    /// Returns false if it is not JSON, or if one of its envelopes names nothing.
    [[nodiscard]] bool read(std::string_view body) {
        json::Scan scan{body};
        if (scan.peek() == json::Kind::object)
            return read_envelope(scan) && scan.finish();
        std::size_t count = 0;
        for (scan.enter_array(); scan.next_element(); ++count)
            if (scan.peek() != json::Kind::object || !read_envelope(scan))
                return false;
        return count != 0 && scan.finish();
    }

    [[nodiscard]] std::uint64_t value() const noexcept { return hash_.value(); }

private:
    bool read_envelope(json::Scan& scan) {
        json::String key;
        bool named = false;
        for (scan.enter_object(); scan.next_member(key);) {
            const std::string_view name = key.text(buffer_);
            const bool names = equal_ignoring_case(name, "extensions") ||
                               equal_ignoring_case(name, "query") || names_stored_document(name);
            std::string_view raw;
            if (!names && !equal_ignoring_case(name, "operationName")) {
                scan.skip();
                continue;
            }
            hash_.add(name);
            scan.skip(raw);
            hash_.add(raw);
            named = named || names;
        }
        hash_.add(static_cast<unsigned char>(TokenKind::end));
        return scan.ok() && named;
    }

    json::TextBuffer buffer_;
    Hash hash_;
};

std::uint64_t hash_of_bytes(const RequestView& request) noexcept {
    Hash hash;
    hash.add(request.is_get ? 1 : 0);
    hash.add(request.query_string);
    hash.add(request.content_type);
    hash.add(request.body);
    return hash.value();
}

} // namespace

Operation classify(const RequestView& request, std::string_view login_field, DocumentCache* cache) {
    Classifier classifier{login_field, cache};
    const RequestForm form = read_request(request, classifier);
    if (form == RequestForm::unreadable) {
        Operation unreadable;
        unreadable.has_login = true;
        return unreadable;
    }
    classifier.operation().batch = form == RequestForm::batch;
    return std::move(classifier.operation());
}

std::uint64_t document_hash(const RequestView& request) {
    DocumentHasher hasher;
    if (read_request(request, hasher) != RequestForm::unreadable)
        return hasher.value();
    NameHasher names;
    return !request.is_get && names.read(request.body) ? names.value() : hash_of_bytes(request);
}

} // namespace bearerd::graphql
