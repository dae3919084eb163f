#include "graphql_lexer.hpp"

namespace bearerd::sim {
namespace {

constexpr int max_depth = 64;

/// Recursive descent over the grammar; throws SyntaxError, which stays inside this file.
class Reader {
public:
    explicit Reader(std::string_view text) : lexer_(text) { advance(); }

    Document document() {
        Document document;
        do {
            definition(document);
        } while (token_.kind != Token::Kind::end);
        return document;
    }

private:
    void advance() { token_ = lexer_.next(); }

    [[noreturn]] void unexpected() const {
        if (token_.kind == Token::Kind::end)
            throw SyntaxError{"Syntax Error: Unexpected <EOF>.", token_.where};
        throw SyntaxError{"Syntax Error: Unexpected \"" + token_.text.substr(0, 40) + "\".", token_.where};
    }

    bool is(std::string_view punctuator) const {
        return token_.kind == Token::Kind::punctuator && token_.text == punctuator;
    }

    bool is_word(std::string_view word) const {
        return token_.kind == Token::Kind::name && token_.text == word;
    }

    bool skip(std::string_view punctuator) {
        if (!is(punctuator))
            return false;
        advance();
        return true;
    }

    void expect(std::string_view punctuator) {
        if (!skip(punctuator))
            unexpected();
    }

    std::string name() {
        if (token_.kind != Token::Kind::name)
            unexpected();
        std::string text = token_.text;
        advance();
        return text;
    }

    void definition(Document& document) {
        if (is_word("fragment")) {
            fragment(document);
            return;
        }
        Operation operation;
        operation.where = token_.where;
        if (!is("{"))
            header(operation);
        operation.selections = selection_set();
        document.operations.push_back(std::move(operation));
    }

    void header(Operation& operation) {
        if (is_word("mutation"))
            operation.kind = Operation::Kind::mutation;
        else if (is_word("subscription"))
            operation.kind = Operation::Kind::subscription;
        else if (!is_word("query"))
            unexpected();
        advance();
        if (token_.kind == Token::Kind::name)
            operation.name = name();
        if (skip("(")) {
            do {
                operation.variables.push_back(variable_definition());
            } while (!skip(")"));
        }
        directives();
    }

    VariableDefinition variable_definition() {
        VariableDefinition definition;
        expect("$");
        definition.name = name();
        expect(":");
        definition.type = type();
        if (skip("="))
            definition.fallback = value();
        directives();
        return definition;
    }

    std::string type() {
        const Deeper deeper(*this);
        std::string text;
        if (skip("[")) {
            text = "[" + type() + "]";
            expect("]");
        } else {
            text = name();
        }
        if (skip("!"))
            text += "!";
        return text;
    }

    void fragment(Document& document) {
        const auto where = token_.where;
        advance();
        if (is_word("on"))
            unexpected();
        const std::string key = name();
        if (!is_word("on"))
            unexpected();
        advance();
        Fragment fragment;
        fragment.type = name();
        directives();
        fragment.selections = selection_set();
        if (!document.fragments.emplace(key, std::move(fragment)).second)
            throw SyntaxError{"There can be only one fragment named \"" + key + "\".", where};
    }

    std::vector<Selection> selection_set() {
        const Deeper deeper(*this);
        std::vector<Selection> selections;
        expect("{");
        do {
            selections.push_back(selection());
        } while (!skip("}"));
        return selections;
    }

    Selection selection() {
        Selection selection;
        selection.where = token_.where;
        if (skip("...")) {
            spread(selection);
            return selection;
        }
        selection.alias = selection.name = name();
        if (skip(":"))
            selection.name = name();
        selection.arguments = arguments();
        selection.directives = directives();
        if (is("{"))
            selection.selections = selection_set();
        return selection;
    }

    void spread(Selection& selection) {
        if (token_.kind == Token::Kind::name && !is_word("on")) {
            selection.kind = Selection::Kind::spread;
            selection.name = name();
            selection.directives = directives();
            return;
        }
        selection.kind = Selection::Kind::inline_fragment;
        if (is_word("on")) {
            advance();
            selection.type = name();
        }
        selection.directives = directives();
        selection.selections = selection_set();
    }

    Arguments arguments() {
        Arguments list;
        if (!skip("("))
            return list;
        do {
            std::string key = name();
            expect(":");
            list.emplace_back(std::move(key), value());
        } while (!skip(")"));
        return list;
    }

    std::vector<Directive> directives() {
        std::vector<Directive> list;
        while (skip("@")) {
            Directive directive;
            directive.name = name();
            directive.arguments = arguments();
            list.push_back(std::move(directive));
        }
        return list;
    }

    Value value() {
        const Deeper deeper(*this);
        Value value;
        value.where = token_.where;
        if (skip("$")) {
            value.kind = Value::Kind::variable;
            value.text = name();
        } else if (skip("[")) {
            value.kind = Value::Kind::list;
            while (!skip("]"))
                value.items.push_back(this->value());
        } else if (skip("{")) {
            value.kind = Value::Kind::object;
            while (!skip("}")) {
                value.keys.push_back(name());
                expect(":");
                value.items.push_back(this->value());
            }
        } else {
            scalar(value);
        }
        return value;
    }

    void scalar(Value& value) {
        value.text = token_.text;
        switch (token_.kind) {
        case Token::Kind::integer:
            value.kind = Value::Kind::integer;
            break;
        case Token::Kind::number:
            value.kind = Value::Kind::number;
            break;
        case Token::Kind::string:
            value.kind = Value::Kind::string;
            break;
        case Token::Kind::name:
            value.kind = token_.text == "null"                             ? Value::Kind::null
                         : token_.text == "true" || token_.text == "false" ? Value::Kind::boolean
                                                                           : Value::Kind::enumeration;
            break;
        case Token::Kind::end:
        case Token::Kind::punctuator:
            unexpected();
        }
        advance();
    }

    /// Bounds the recursion, so that a document of a million brackets is refused and not a crash.
    class Deeper {
    public:
        explicit Deeper(Reader& reader) : reader_(reader) {
            if (++reader_.depth_ > max_depth)
                throw SyntaxError{"Syntax Error: The document is nested too deeply.", reader_.token_.where};
        }

        ~Deeper() { --reader_.depth_; }

        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;

    private:
        Reader& reader_;
    };

    Lexer lexer_;
    Token token_;
    int depth_ = 0;
};

} // namespace

std::variant<Document, SyntaxError> read_document(std::string_view text) {
    try {
        return Reader(text).document();
    } catch (SyntaxError& error) {
        return std::move(error);
    }
}

} // namespace bearerd::sim
