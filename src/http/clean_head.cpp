#include <bearerd/http/clean_head.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/secret.hpp>
#include <bearerd/http/framing.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

namespace bearerd::http {
namespace {

constexpr std::size_t version_size = std::string_view{"HTTP/1.1"}.size();
constexpr std::size_t status_size = 3;
/// No real length has nearly as many digits, and it can't overflow.
constexpr std::size_t most_length_digits = 18;

/// Each option gets its own line.
constexpr std::size_t room_for_options = 1024;

constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

/// Whether no value may contain it.
constexpr bool is_odd(char c) noexcept {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
}

/// Takes the next line, and returns it without its end, CRLF or LF.
std::string_view take_line(std::string_view& rest) noexcept {
    auto line = take_until(rest, '\n');
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

/// Replaces each line end that a fold follows by blanks, except that of the first line.
void unfold(std::string& text) noexcept {
    const auto first = text.find('\n');
    for (auto at = first; at != std::string::npos; at = text.find('\n', at + 1)) {
        if (at == first || at + 1 == text.size() || !is_blank(text[at + 1]))
            continue;
        text[at] = ' ';
        if (text[at - 1] == '\r')
            text[at - 1] = ' ';
    }
}

std::string_view without_zeros(std::string_view digits) noexcept {
    while (digits.size() > 1 && digits.front() == '0')
        digits.remove_prefix(1);
    return digits;
}

/// What the fields say about the body's length.
class Bounds {
public:
    /// Whether the field is about the body's length.
    bool take(std::string_view name, std::string_view value) {
        if (equal_ignoring_case(name, "content-length"))
            take_length(value);
        else if (equal_ignoring_case(name, "transfer-encoding"))
            take_codings(value);
        else
            return false;
        return true;
    }

    /// Whether the body's length is certain. `old`: HTTP/1.0.
    [[nodiscard]] bool sound(bool old) const noexcept {
        if (encoding_unknown_ || codings_ > 1)
            return false;
        if (codings_ == 1)
            return !old || !any_length_; // before 1.1 there was no chunked: which one was meant?
        return lengths_sound_;
    }

    void append_to(std::string& out) const {
        if (codings_ == 1)
            out.append("Transfer-Encoding: chunked\r\n");
        else if (any_length_)
            out.append("Content-Length: ").append(length_).append("\r\n");
    }

private:
    void take_length(std::string_view list) {
        do {
            const auto digits = without_zeros(trim(take_until(list, ',')));
            const bool fits = is_digits(digits) && digits.size() <= most_length_digits;
            lengths_sound_ = lengths_sound_ && fits && (!any_length_ || digits == length_);
            any_length_ = true;
            length_ = digits;
        } while (!list.empty());
    }

    void take_codings(std::string_view list) {
        while (!list.empty()) {
            const auto coding = trim(take_until(list, ','));
            if (equal_ignoring_case(coding, "chunked"))
                ++codings_;
            else if (!coding.empty() && !equal_ignoring_case(coding, "identity"))
                encoding_unknown_ = true;
        }
    }

    std::string_view length_;
    bool any_length_ = false;
    bool lengths_sound_ = true;
    int codings_ = 0; ///< how often "chunked" appeared
    bool encoding_unknown_ = false;
};

struct StatusLine {
    std::string_view status;
    std::string_view reason;
    bool old = false; ///< HTTP/1.0

    /// Whether it has no body, whatever its fields say (RFC 9112, section 6.3).
    [[nodiscard]] bool excludes_body() const noexcept {
        return status.front() == '1' || status == "204" || status == "304";
    }
};

std::optional<StatusLine> read_status_line(std::string_view line) noexcept {
    if (line.size() <= version_size || !line.starts_with("HTTP/1.") || !is_digit(line[version_size - 1]) ||
        !is_blank(line[version_size]))
        return std::nullopt;
    StatusLine result;
    result.old = line[version_size - 1] == '0';
    const auto rest = trim(line.substr(version_size));
    result.status = rest.substr(0, status_size);
    if (result.status.size() != status_size || !is_digits(result.status))
        return std::nullopt;
    auto after = rest.substr(status_size);
    if (after.starts_with('.')) // IIS: 403.14
        after.remove_prefix(std::min(after.find_first_not_of("0123456789", 1), after.size()));
    if (!after.empty() && !is_blank(after.front()))
        return std::nullopt;
    const auto reason = trim(after);
    if (std::ranges::all_of(reason, [](char c) { return c >= ' ' && c < '\x7f'; }))
        result.reason = reason;
    return result;
}

/// Appends the options of a Connection field that Beast accepts: tokens, not too many.
void append_options(std::string& out, std::string_view list, std::size_t& count) {
    while (!list.empty()) {
        const auto option = trim(take_until(list, ','));
        if (is_token(option) && count++ < most_connection_options)
            out.append("Connection: ").append(option).append("\r\n");
    }
}

/// Whether an unreadable name looks like a field about the body's length.
bool hints_at_bounds(std::string_view line) {
    std::string letters;
    for (const char c : line.substr(0, line.find(':'))) {
        if (is_token({&c, 1}))
            letters.push_back(c);
    }
    const auto begins_with = [&](std::string_view name) {
        return equal_ignoring_case(std::string_view{letters}.substr(0, name.size()), name);
    };
    return begins_with("content-length") || begins_with("transfer-encoding");
}

/// Appends the fields in clean form, or leaves them out. Returns false if the body's length is uncertain.
bool append_fields(std::string& out, std::string_view rest, const StatusLine& first) {
    Bounds bounds;
    std::size_t options = 0;
    while (!rest.empty()) {
        const auto line = take_line(rest);
        const auto colon = line.find(':');
        const auto name = line.substr(0, colon);
        const auto clean_name = trim(name);
        const bool is_field = colon != std::string_view::npos && is_token(clean_name) &&
                              !is_blank(name.front()) && std::ranges::none_of(line, is_odd);
        if (!is_field) {
            if (!first.excludes_body() && hints_at_bounds(line))
                return false;
            continue;
        }
        const auto value = trim(line.substr(colon + 1));
        if (bounds.take(clean_name, value))
            continue;
        if (equal_ignoring_case(clean_name, "connection"))
            append_options(out, value, options);
        else if (!equal_ignoring_case(clean_name, "proxy-connection") &&
                 !equal_ignoring_case(clean_name, "upgrade"))
            out.append(clean_name).append(": ").append(value).append("\r\n");
    }
    const bool sound = bounds.sound(first.old);
    if (sound || !first.excludes_body())
        bounds.append_to(out);
    return sound || first.excludes_body();
}

} // namespace

HeadScan scan_response_head(std::string_view data, std::size_t& from) noexcept {
    for (auto end = data.find('\n', from); end != std::string_view::npos; end = data.find('\n', end + 1)) {
        from = end + 1;
        const auto line_end = end != 0 && data[end - 1] == '\r' ? end - 1 : end;
        if (line_end == 0 || data[line_end - 1] == '\n')
            return {HeadEnd::complete, end + 1};
    }
    from = data.size();
    return {};
}

std::optional<std::uint16_t> status_of_head(std::string_view head) noexcept {
    const auto first = read_status_line(take_line(head));
    if (!first)
        return std::nullopt;
    const auto add = [](int number, char digit) { return 10 * number + (digit - '0'); };
    return static_cast<std::uint16_t>(std::accumulate(first->status.begin(), first->status.end(), 0, add));
}

bool clean_response_head(std::string_view head, std::string& clean) {
    std::string text{head};
    unfold(text);
    std::string_view rest{text};
    const auto first = read_status_line(take_line(rest));
    bool sound = first.has_value();
    if (first) {
        clean.clear();
        clean.reserve(2 * head.size() + room_for_options); // it may hold a token: never reallocate it
        // A chunked answer of an HTTP/1.0 server is treated as HTTP/1.1.
        clean.append("HTTP/1.1 ").append(first->status).append(" ").append(first->reason).append("\r\n");
        sound = append_fields(clean, rest, *first);
        clean.append("\r\n");
    }
    wipe(text);
    return sound;
}

} // namespace bearerd::http
