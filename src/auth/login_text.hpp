#pragma once

#include <bearerd/auth/login_codec.hpp>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// What the login's codecs write and read. Pure.
namespace bearerd::auth {

/// Wipes a text at the end of the scope.
class Wiped {
public:
    explicit Wiped(std::string& text) noexcept : text_{text} {}

    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

    ~Wiped() { wipe(text_); }

private:
    std::string& text_;
};

/// Returns the head of a POST. `authorization`: the whole value of that header; empty: none is sent. No
/// header of `upstream.headers` replaces one of these.
[[nodiscard]] std::string login_head(const config::Upstream& upstream, std::string_view content_type,
                                     std::size_t body_size, std::string_view authorization);

/// Returns `{"query":…,"variables":{…}}`, in memory that was never reallocated.
[[nodiscard]] Secret
graphql_body(std::string_view query,
             std::initializer_list<std::pair<std::string_view, std::string_view>> variables);

/// Returns an upstream's text in a form fit for a log line. A text that may hold one of the secrets is not
/// shown.
[[nodiscard]] std::string quoted(const std::string& text, std::span<const Secret* const> secrets);

[[nodiscard]] LoginOutcome failed_login(LoginOutcome::Kind kind, std::string reason,
                                        std::optional<Duration> retry_after = std::nullopt);

/// Returns parse_retry_after() of an answer.
[[nodiscard]] std::optional<Duration> retry_after_of(const http::ResponseHead& head);

/// Whether an answer with this status may reject the credentials, if its body says so.
[[nodiscard]] bool may_reject(std::uint16_t status) noexcept;

/// Returns why a value in the place of a token is not one, as a part of a sentence; empty if there is nothing
/// to say.
[[nodiscard]] std::string_view token_flaw(std::string_view value) noexcept;

/// Returns the string or number at a JSON pointer of a text, as text; nullopt if there is none.
[[nodiscard]] std::optional<std::string> text_at(std::string_view json, std::string_view pointer);

/// The same for strings only. Empty if there is none, or if the pointer is empty.
[[nodiscard]] Secret secret_at(std::string_view json, std::string_view pointer);

/// Overwrites that string, and the strings of all members whose name is the pointer's last segment: a key may
/// appear twice, and readers differ in which one they take. Does nothing if the pointer is empty. Read all
/// secrets of an answer first: the member of another one may have the same name.
void hide_secret(std::string& json, std::string_view pointer);

/// Overwrites the strings of all members of this name, whether the text is JSON or not.
void hide_members(std::string& json, std::string_view name);

/// Reads a life in units of `unit`, or the Unix time of its end, which requires the answer's `Date`. Returns
/// nullopt if the text is neither; a life of more than 30 days is cut to that.
[[nodiscard]] std::optional<Duration> parse_life(std::string_view text, Duration unit, std::string_view date);

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7), the form that senders must use. The day
/// of the week is not compared with the date.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

} // namespace bearerd::auth
