#include <bearerd/graphql/verdict.hpp>

#include "data_rejection.hpp"

#include <bearerd/base/find.hpp>
#include <bearerd/base/utf8.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/json/text_buffer.hpp>

#include <algorithm>
#include <array>

namespace bearerd::graphql {
namespace {

constexpr std::uint16_t forbidden = 403;

constexpr std::string_view errors = "errors";
constexpr std::string_view throttle = "currentlyAvailable";
constexpr std::string_view escape = "\\u00"; // with which JSON can write each letter of a key

bool is_success(std::uint16_t status) noexcept {
    constexpr std::uint16_t first_success = 200;
    constexpr std::uint16_t first_redirect = 300;
    return status >= first_success && status < first_redirect;
}

bool is_text(std::string_view body) noexcept {
    return body.find('\0') == std::string_view::npos && is_utf8(body);
}

/// Whether there may be a key "data" that this program can't read, but another one can.
bool may_name_data(std::string_view text) noexcept {
    return text.find("\"data") != std::string_view::npos || text.find(escape) != std::string_view::npos;
}

bool names(std::string_view content_type, std::string_view word) noexcept {
    for (std::size_t at = 0; at + word.size() <= content_type.size(); ++at)
        if (equal_ignoring_case(content_type.substr(at, word.size()), word))
            return true;
    return false;
}

bool stands_at(std::string_view text, std::size_t at, std::string_view word) noexcept {
    return text.substr(at, word.size()) == word;
}

/// Whether there may be anything to judge: one of the words above is present. Each is recognised by two
/// adjacent letters that are rare in answers.
bool is_worth_reading(std::string_view body) noexcept {
    constexpr std::size_t in_errors = 1;   // "rr"
    constexpr std::size_t in_throttle = 8; // "yA"
    const auto is_word = [body](std::size_t at) {
        return (at >= in_errors && stands_at(body, at - in_errors, errors)) ||
               (at >= in_throttle && stands_at(body, at - in_throttle, throttle)) ||
               stands_at(body, at, escape);
    };
    const auto may_be_word = [](auto here, auto next) {
        return ((here == 'r') & (next == 'r')) | ((here == 'y') & (next == 'A')) |
               ((here == '\\') & (next == 'u'));
    };
    const char* const end = body.data() + body.size();
    for (const char* at = body.data(); (at = find_first_pair(at, end, may_be_word)) != end; ++at)
        if (is_word(static_cast<std::size_t>(at - body.data())))
            return true;
    return false;
}

/// Accepts only a possible number of credits, because conversion to an integer relies on it. Rejects NaN.
std::optional<double> credits(std::optional<double> told) noexcept {
    constexpr double most = 1e15; // every whole number up to it is a double
    return told && *told >= 0 && *told <= most ? told : std::nullopt;
}

/// The contents of one answer, or one element of a batch. A duplicate member could be read either way, so it
/// never counts for a rejection.
struct Answer {
    bool has_errors = false;    ///< `errors` is an array and not empty
    bool all_rejections = true; ///< each error matches the rules
    bool data_empty = true;     ///< absent, null, or an object of only nulls
    bool deep = false;          ///< an error's path goes below a root field
    bool all_of_fields = true;  ///< each error has the path of a root field; none is the whole request's
    std::size_t members = 0;    ///< of `data`
    bool has_errors_key = false;
    bool has_data_key = false;

    [[nodiscard]] bool rejected() const noexcept { return has_errors && all_rejections && data_empty; }
};

/// Reads answers by the rules. Every function consumes the current value, whatever its kind.
class AnswerReader {
public:
    AnswerReader(std::string_view body, bool may_mutate, const RejectionRules& rules) noexcept
        : scan_{body}, may_mutate_{may_mutate}, rules_{rules} {}

    Judgement read() {
        const auto batch = json::for_each_answer(scan_, [this](std::size_t) { note(read_answer()); });
        judgement_.answers = batch.value_or(0);
        all_rejected_ = all_rejected_ && batch != 0;
        if (!scan_.finish()) { // not JSON: nothing that was read counts
            judgement_ = {};
            ran_ = false;
        } else if (all_rejected_) {
            judgement_.verdict = Verdict::rejected;
        } else {
            judgement_.verdict = any_errors_ ? Verdict::graphql_error : Verdict::ok;
        }
        return judgement_;
    }

    /// Whether the answer shows that something ran.
    [[nodiscard]] bool ran() const noexcept { return ran_; }

private:
    void note(const Answer& answer) noexcept {
        any_errors_ = any_errors_ || answer.has_errors;
        all_rejected_ = all_rejected_ && answer.rejected();
        if (answer.has_errors && answer.all_of_fields)
            judgement_.speaks_for = std::max(
                judgement_.speaks_for, answer.members == 1 ? SpeaksFor::only_field : SpeaksFor::named_fields);
        ran_ = ran_ || !answer.data_empty || answer.deep;
    }

    Answer read_answer() {
        Answer answer;
        json::for_each_member(scan_, [this, &answer](const json::String& key) {
            if (key.is("errors")) {
                answer.all_rejections = answer.all_rejections && !answer.has_errors_key;
                answer.has_errors_key = true;
                read_errors(answer);
            } else if (key.is("data")) {
                const bool doubled = answer.has_data_key;
                answer.has_data_key = true;
                answer.data_empty = read_data(answer.members) && answer.data_empty && !doubled;
            } else if (key.is("extensions")) {
                read_throttle();
            } else {
                scan_.skip();
            }
        });
        return answer;
    }

    void read_errors(Answer& answer) {
        json::for_each_element(scan_, [this, &answer] {
            answer.has_errors = true;
            std::size_t path = 0;
            answer.all_rejections = read_error(path) && answer.all_rejections;
            answer.all_of_fields = answer.all_of_fields && path != 0;
            answer.deep = answer.deep || path > 1;
        });
    }

    /// Whether this error says that the token was rejected and nothing had been executed. Sets `path` to the
    /// length of its path.
    bool read_error(std::size_t& path) {
        bool matches = false;
        bool doubled = false;
        bool seen_message = false;
        bool seen_extensions = false;
        bool seen_path = false;
        const auto once = [&doubled](bool& seen) {
            doubled = doubled || seen;
            seen = true;
        };
        json::for_each_member(scan_, [&](const json::String& key) {
            if (key.is("message")) {
                once(seen_message);
                matches = read_message() || matches;
            } else if (key.is("extensions")) {
                once(seen_extensions);
                matches = read_code(doubled) || matches;
            } else if (key.is("path")) {
                const std::size_t length = read_path();
                path = seen_path ? SIZE_MAX : length; // of two, either may be meant
                once(seen_path);
            } else {
                scan_.skip();
            }
        });
        return matches && !doubled && !(path > 1 && may_mutate_);
    }

    bool read_message() {
        const auto text = read_text();
        return text &&
               std::any_of(rules_.messages.begin(), rules_.messages.end(),
                           [&text](const auto& message) { return equal_ignoring_case(message, *text); });
    }

    bool read_code(bool& doubled) {
        bool matches = false;
        bool seen = false;
        json::for_each_member(scan_, [&](const json::String& key) {
            if (!key.is("code")) {
                scan_.skip();
                return;
            }
            doubled = doubled || seen;
            seen = true;
            const auto text = read_text();
            matches =
                text && std::find(rules_.codes.begin(), rules_.codes.end(), *text) != rules_.codes.end();
        });
        return matches;
    }

    /// Returns the path's length. Above one, it goes below a root field, whose resolver ran; a value that is
    /// no path may too. Null is treated as absent.
    std::size_t read_path() {
        const bool untold = scan_.peek() == json::Kind::null;
        std::size_t length = 0;
        const bool is_path = json::for_each_element(scan_, [this, &length] {
            ++length;
            scan_.skip();
        });
        return is_path || untold ? length : SIZE_MAX;
    }

    /// Whether it is null or an object of only nulls. Counts its members.
    bool read_data(std::size_t& members) {
        if (scan_.peek() == json::Kind::null)
            return scan_.skip();
        bool only_nulls = true;
        const bool object = json::for_each_member(scan_, [&](const json::String&) {
            ++members;
            only_nulls = only_nulls && scan_.peek() == json::Kind::null;
            scan_.skip();
        });
        return object && only_nulls;
    }

    /// Reads `cost.throttleStatus.currentlyAvailable` of the extensions.
    void read_throttle() {
        read_member("cost", [this] {
            read_member("throttleStatus", [this] {
                read_member("currentlyAvailable", [this] {
                    if (scan_.peek() == json::Kind::number)
                        judgement_.throttle_available = credits(scan_.number());
                    else
                        scan_.skip();
                });
            });
        });
    }

    /// Calls `on_value` at the member of that name; it consumes the value.
    template<class OnValue>
    void read_member(std::string_view name, OnValue on_value) {
        json::for_each_member(scan_, [&](const json::String& key) {
            if (key.is(name))
                on_value();
            else
                scan_.skip();
        });
    }

    std::optional<std::string_view> read_text() {
        json::String string;
        if (scan_.peek() != json::Kind::string) {
            scan_.skip();
            return std::nullopt;
        }
        if (!scan_.string(string))
            return std::nullopt;
        return string.text(text_);
    }

    json::Scan scan_;
    bool may_mutate_;
    const RejectionRules& rules_;
    Judgement judgement_;
    bool any_errors_ = false;
    bool all_rejected_ = true;
    bool ran_ = false;
    json::TextBuffer text_;
};

} // namespace

Judgement judge(std::uint16_t status, std::string_view body, OperationKind kind, const RejectionRules& rules,
                bool own_login) {
    const bool may_mutate = kind != OperationKind::query;
    const bool told_by_status =
        std::find(rules.statuses.begin(), rules.statuses.end(), status) != rules.statuses.end();
    Judgement judgement;
    bool ran = false;
    if (is_worth_reading(body) || (told_by_status && may_mutate)) {
        AnswerReader reader{body, may_mutate, rules};
        judgement = reader.read();
        ran = may_mutate && reader.ran();
    }
    if (status == forbidden) {
        if (judgement.verdict == Verdict::rejected)
            judgement.verdict = Verdict::graphql_error;
    } else if (told_by_status && !ran) {
        // It covers what the body speaks for, which may be one root field of several.
        judgement.verdict = Verdict::rejected;
    } else if (!rules.pointers.empty() && !own_login && judgement.verdict == Verdict::ok &&
               is_success(status)) {
        if (const auto answers = rejected_in_data(body, rules.pointers)) {
            judgement.verdict = Verdict::rejected;
            judgement.speaks_for = SpeaksFor::one_field;
            judgement.answers = *answers;
        }
    }
    return judgement;
}

bool shows_data(std::uint16_t status, std::string_view body) noexcept {
    const json::Kind kind = json::Scan{body}.peek();
    return is_success(status) && (kind == json::Kind::object || kind == json::Kind::array) &&
           body.find(R"("data")") != std::string_view::npos;
}

bool hides_nothing(std::string_view content_type, std::string_view body) noexcept {
    constexpr std::array<std::string_view, 2> streams{"multipart/", "event-stream"};
    for (const std::string_view stream : streams)
        if (names(content_type, stream))
            return false;
    if (!is_text(body))
        return false;
    json::Scan scan{body};
    const json::Kind kind = scan.peek();
    const bool begins_as_json = kind == json::Kind::object || kind == json::Kind::array;
    if (!begins_as_json && may_name_data(body))
        return false;
    return (!begins_as_json && !names(content_type, "json")) || (scan.skip() && scan.finish());
}

} // namespace bearerd::graphql
