#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

/// The interface of the log: no macros, no dependency. app/log_sink (spdlog) implements it; before that is
/// installed, and in unit tests, lines are dropped. Only app, server, transaction, net/spawn and the I/O
/// drivers of auth, upstream, fleet and journal log (ARCHITECTURE.md). A function logs an error or returns
/// it, never both.
namespace bearerd::log {

enum class Level : std::uint8_t { debug, info, warning, error };

/// One key=value of a line. Strings are views that must stay valid during the call only. Never a body,
/// variable, card number or secret (contract 9).
struct Field {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double> value;
};

/// Receives the lines. Called from any thread; must neither block nor throw.
class Sink {
public:
    virtual ~Sink() = default;
    virtual void write(Level level, std::string_view message, std::span<const Field> fields) noexcept = 0;
};

/// Installs the sink (nullptr: none) and the lowest level that reaches it. The sink must outlive every thread
/// that logs. Not safe to call concurrently with itself.
void install(Sink* sink, Level lowest) noexcept;

/// `message` is a short sentence; the values are fields: log::warning("login failed", {{"reason", r}}).
void write(Level level, std::string_view message, std::span<const Field> fields) noexcept;

void debug(std::string_view message, std::initializer_list<Field> fields = {}) noexcept;
void info(std::string_view message, std::initializer_list<Field> fields = {}) noexcept;
void warning(std::string_view message, std::initializer_list<Field> fields = {}) noexcept;
void error(std::string_view message, std::initializer_list<Field> fields = {}) noexcept;

} // namespace bearerd::log
