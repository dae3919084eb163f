#include "data_rejection.hpp"

#include <bearerd/json/pointer.hpp>
#include <bearerd/json/scan.hpp>

#include <algorithm>

namespace bearerd::graphql {
namespace {

/// Reads answers. Every function consumes the value that it is at, whatever its kind.
class DataReader {
public:
    DataReader(std::string_view body, std::span<const std::string> pointers) noexcept
        : scan_{body}, pointers_{pointers} {}

    std::optional<std::size_t> read() {
        bool rejected = true;
        const auto batch = json::for_each_answer(
            scan_, [this, &rejected](std::size_t) { rejected = read_answer() && rejected; });
        return scan_.finish() && rejected && batch != 0 ? std::optional{batch.value_or(0)} : std::nullopt;
    }

private:
    bool read_answer() {
        told_ = false;
        shown_ = false;
        json::for_each_member(scan_, [this](const json::String& key) {
            if (key.is("data")) {
                path_ = "/data";
                walk();
            } else if (key.is("errors")) {
                shown_ = is_value() || shown_; // an answer with errors is judged by them
            } else {
                scan_.skip();
            }
        });
        return told_ && !shown_;
    }

    // NOLINTNEXTLINE(misc-no-recursion): json::Scan bounds the depth
    void walk() {
        if (std::ranges::find(pointers_, path_) != pointers_.end()) {
            told_ = is_value() || told_;
            return;
        }
        const json::Kind kind = scan_.peek();
        const std::size_t size = path_.size();
        if (kind == json::Kind::object) {
            json::String key;
            for (scan_.enter_object(); scan_.next_member(key);) {
                if (key.is("__typename")) {
                    scan_.skip();
                    continue;
                }
                json::append_segment(path_, key.text(text_));
                walk();
                path_.resize(size);
            }
        } else if (kind == json::Kind::array) {
            scan_.enter_array();
            for (std::size_t index = 0; scan_.next_element(); ++index) {
                json::append_segment(path_, std::to_string(index));
                walk();
                path_.resize(size);
            }
        } else {
            const bool value = is_value();
            shown_ = shown_ || value || kind == json::Kind::boolean;
        }
    }

    bool is_value() {
        const json::Kind kind = scan_.peek();
        std::string_view raw;
        if (!scan_.skip(raw))
            return false;
        switch (kind) {
        case json::Kind::string:
            return raw != R"("")";
        case json::Kind::number:
            return true;
        case json::Kind::boolean:
            return raw == "true";
        case json::Kind::object:
        case json::Kind::array:
            return !is_hollow(raw);
        case json::Kind::null:
        case json::Kind::invalid:
            break;
        }
        return false;
    }

    /// An empty list or object, perhaps with blanks in it.
    static bool is_hollow(std::string_view raw) noexcept {
        return raw.substr(1, raw.size() - 2).find_first_not_of(" \t\r\n") == std::string_view::npos;
    }

    json::Scan scan_;
    std::span<const std::string> pointers_;
    std::string path_;
    json::TextBuffer text_;
    bool told_ = false;  ///< there is a value at a pointer
    bool shown_ = false; ///< and one elsewhere
};

} // namespace

std::optional<std::size_t> rejected_in_data(std::string_view body, std::span<const std::string> pointers) {
    return DataReader{body, pointers}.read();
}

} // namespace bearerd::graphql
