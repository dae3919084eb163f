#include "yaml_tree.hpp"

#include "text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/utf8.hpp>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>

namespace bearerd::config {
namespace {

/// Far deeper than any configuration, far shallower than any stack.
constexpr std::size_t deepest = 16;

Position position_of(const YAML::Mark& mark) {
    if (mark.is_null() || mark.line < 0 || mark.column < 0)
        return {};
    return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

/// Ends the parse from within an event; caught in parse_yaml.
struct Refused {
    Position position;
    std::string message;
};

/// Builds the tree. Anchors, aliases and tags are refused. Nobody needs them here, a password that begins
/// with such a mark would silently lose it, and without aliases a small file can't become a large tree.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::string_view text, ConfigErrors& errors) : text_{text}, errors_{errors} {}

    [[nodiscard]] Node take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (std::exchange(started_, true))
            throw Refused{position_of(mark), "a second document begins here: leave only one"};
    }

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        place(make(Node::Kind::null, mark, {}, anchor));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        Node node = make(Node::Kind::refused, mark, {}, YAML::NullAnchor);
        report(node.position,
               "an alias (*) is not understood: write the value itself, in quotes if it begins with *");
        place(std::move(node));
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (!is_closed(mark))
            throw Refused{position_of(mark), "a quoted value is not closed: add the quotation mark"};
        Node node = make(Node::Kind::scalar, mark, tag, anchor);
        node.scalar = Secret{std::string_view{value}};
        place(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(make(Node::Kind::sequence, mark, tag, anchor));
    }

    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(make(Node::Kind::mapping, mark, tag, anchor));
    }

    void OnMapEnd() override { close(); }

private:
    /// A sequence or mapping that is still open.
    struct Open {
        Node node;
        bool has_key = false; ///< of a mapping: the next node is a value
        bool drop = false;    ///< that value belongs to a refused key
        Node::Entry entry;
        std::unordered_map<std::string, std::size_t> lines; ///< of the keys so far
    };

    Node make(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        Node node;
        node.kind = kind;
        node.position = position_of(mark);
        // The library reports "?" and "!" for a plain and a quoted scalar without a tag.
        if (!tag.empty() && tag != "?" && tag != "!") {
            report(node.position,
                   "a tag (!) is not understood: leave it out, or quote a value that begins with !");
            node.kind = Node::Kind::refused;
        } else if (anchor != YAML::NullAnchor) {
            report(node.position,
                   "an anchor (&) is not understood: leave it out, or quote a value that begins with &");
            node.kind = Node::Kind::refused;
        }
        return node;
    }

    /// The library takes an unclosed quotation mark for one that ends with the file.
    [[nodiscard]] bool is_closed(const YAML::Mark& mark) const {
        const std::size_t begin = mark.pos < 0 ? text_.size() : static_cast<std::size_t>(mark.pos);
        if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\''))
            return true; // plain, or a block
        const char quote = text_[begin];
        for (std::size_t i = begin + 1; i < text_.size(); ++i) {
            const bool twice = quote == '\'' && text_.substr(i).starts_with("''");
            if (twice || (quote == '"' && text_[i] == '\\'))
                ++i;
            else if (text_[i] == quote)
                return true;
        }
        return false;
    }

    void open(Node node) {
        if (stack_.size() >= deepest)
            throw Refused{node.position, "lists and mappings are nested too deeply here"};
        Open frame;
        frame.node = std::move(node);
        stack_.push_back(std::move(frame));
    }

    void close() {
        Node node = std::move(stack_.back().node);
        stack_.pop_back();
        place(std::move(node));
    }

    void place(Node node) {
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = stack_.back();
        // A refused mapping looks like a sequence here, but it is dropped anyway.
        if (parent.node.kind != Node::Kind::mapping) {
            parent.node.items.push_back(std::move(node));
        } else if (!std::exchange(parent.has_key, !parent.has_key)) {
            take_key(parent, node);
        } else {
            if (node.kind == Node::Kind::null) // the library reports where the next thing begins
                node.position = parent.entry.position;
            parent.entry.value = std::move(node);
            if (!parent.drop)
                parent.node.entries.push_back(std::move(parent.entry));
            parent.entry = {};
        }
    }

    void take_key(Open& parent, const Node& node) {
        parent.drop = node.kind != Node::Kind::scalar;
        if (parent.drop) {
            if (node.kind != Node::Kind::refused)
                report(node.position, "a key must be a single word, followed by a colon");
            return;
        }
        parent.entry.key = node.scalar.reveal();
        parent.entry.position = node.position;
        const auto [seen, is_new] = parent.lines.try_emplace(parent.entry.key, node.position.line);
        parent.drop = !is_new;
        if (parent.drop)
            errors_.add(node.position, path(),
                        "stands twice, first on line " + std::to_string(seen->second) +
                            ": leave one of the two");
    }

    /// Returns the keys from the root to here, dotted.
    [[nodiscard]] std::string path() const {
        std::string dotted;
        for (const Open& frame : stack_)
            if (!frame.entry.key.empty())
                dotted += (dotted.empty() ? "" : ".") + printable(frame.entry.key);
        return dotted;
    }

    void report(Position where, std::string message) { errors_.add(where, path(), std::move(message)); }

    std::string_view text_;
    ConfigErrors& errors_;
    bool started_ = false;
    std::vector<Open> stack_;
    Node root_;
};

/// Explains the library's reasons to somebody who edits a file. Its own texts are not shown, because some of
/// them quote the file, which may contain a password.
std::string explain(std::string_view reason) {
    struct Meaning {
        std::string_view reason;
        std::string_view sentence;
    };
    namespace msg = YAML::ErrorMsg;
    static const Meaning meanings[] = {
        {msg::MAP_VALUE,
         "a colon does not fit here: check the indentation, and quote a value that holds \": \""},
        {msg::MAP_KEY, "a key does not fit here: check the indentation"},
        {msg::BLOCK_ENTRY, "a list's - does not fit here: check the indentation"},
        {msg::END_OF_MAP_FLOW,
         "a { is not closed: add the }, or a comma between its entries, and quote a value that holds { or }"},
        {msg::END_OF_SEQ_FLOW, "a [ is not closed: add the ], or a comma between its items"},
        {msg::END_OF_MAP, "this does not fit the mapping above it: check the indentation and the colon"},
        {msg::END_OF_SEQ, "this does not fit the list above it: check the indentation and the -"},
        {msg::FLOW_END, "a closing bracket has no opening one: remove it, or quote the value"},
        {msg::EOF_IN_SCALAR, "a quoted value is not closed: add the quotation mark"},
        {msg::DOC_IN_SCALAR, "a quoted value is not closed: add the quotation mark"},
        {msg::INVALID_ESCAPE, "a backslash in double quotes is not understood: use single quotes"},
        {msg::INVALID_HEX, "a backslash in double quotes is not understood: use single quotes"},
        {msg::INVALID_UNICODE, "a backslash in double quotes is not understood: use single quotes"},
        {msg::UNKNOWN_TOKEN, "a value can't begin like this: quote it"},
        {msg::UNKNOWN_ANCHOR, "a value that begins with * must be quoted"},
        {msg::ALIAS_NOT_FOUND, "a value that begins with * must be quoted"},
        {msg::CHAR_IN_ALIAS, "a value that begins with * must be quoted"},
        {msg::ANCHOR_NOT_FOUND, "a value that begins with & must be quoted"},
        {msg::CHAR_IN_ANCHOR, "a value that begins with & must be quoted"},
    };
    for (const Meaning& meaning : meanings)
        if (reason.starts_with(meaning.reason))
            return std::string{meaning.sentence};
    return "this is not YAML: check the indentation, colons and quotes";
}

/// Returns the line in which the library gave up; the first is 1.
std::string_view line_of(std::string_view text, std::size_t line) {
    for (; line > 1 && !text.empty(); --line)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    return text.substr(0, text.find('\n'));
}

/// A tab in the indentation is a common mistake, and appears as one of several other errors.
ConfigError explain(const YAML::Exception& failure, std::string_view text) {
    const Position where = position_of(failure.mark);
    const std::string_view line = line_of(text, where.line);
    const auto tab = line.substr(0, line.find_first_not_of(" \t")).find('\t');
    if (tab != std::string_view::npos)
        return {where.line, tab + 1, {}, "there is a tab in the indentation: use blanks"};
    return {where.line, where.column, {}, explain(failure.msg)};
}

/// Reads a view without copying it.
class ViewBuffer final : public std::streambuf {
public:
    explicit ViewBuffer(std::string_view text) {
        char* const begin = const_cast<char*>(text.data()); // get area only: nobody writes
        setg(begin, begin, begin + text.size());
    }
};

/// The library guesses other encodings and repairs bad bytes silently, so they are refused here.
bool check_bytes(std::string_view text, ConfigErrors& errors) {
    const auto invalid = find_invalid_utf8(text);
    std::size_t bad = 0;
    while (bad < invalid.value_or(text.size())) {
        const char c = text[bad];
        if (is_control(c) && c != '\n' && c != '\r' && c != '\t')
            break;
        ++bad;
    }
    if (bad == text.size())
        return true;
    const std::string_view before = text.substr(0, bad);
    const auto newline = before.rfind('\n');
    Position where;
    for (const char c : before)
        where.line += c == '\n' ? 1 : 0;
    where.column = newline == std::string_view::npos ? bad + 1 : bad - newline;
    errors.add(where, {},
               invalid == bad ? "this is not UTF-8: save the file in that encoding"
                              : "there is a control character here: remove it");
    return false;
}

} // namespace

std::optional<Node> parse_yaml(std::string_view text, ConfigErrors& errors) {
    if (!check_bytes(text, errors))
        return std::nullopt;
    text = without_bom(text); // the library would not count the mark
    try {
        ViewBuffer buffer{text};
        std::istream stream{&buffer};
        YAML::Parser parser{stream};
        TreeBuilder builder{text, errors};
        while (parser.HandleNextDocument(builder)) {
        }
        return builder.take();
    } catch (const Refused& refused) {
        errors.add(refused.position, {}, refused.message);
    } catch (const YAML::Exception& failure) {
        const ConfigError error = explain(failure, text);
        errors.add({error.line, error.column}, {}, error.message);
    } catch (const std::exception&) { // from the library's own containers; a file may cause only an error
        errors.add({}, {}, "this can't be read as YAML");
    }
    return std::nullopt;
}

} // namespace bearerd::config
