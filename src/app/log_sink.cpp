#include "log_sink.hpp"

#include "batch_writer.hpp"
#include "journald.hpp"
#include "log_text.hpp"

#include <bearerd/base/find.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace bearerd::app {
namespace {

using Format = config::Log::Format;
using Buffer = LogBuffer;

/// Whether standard error goes to journald, which then reads a priority prefix (sd-daemon(3)).
bool under_journald() {
    const char* stream = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe): at start, one thread

    struct stat status{};

    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0)
        return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

spdlog::level::level_enum spdlog_level(log::Level level) noexcept {
    switch (level) {
    case log::Level::debug:
        return spdlog::level::debug;
    case log::Level::info:
        return spdlog::level::info;
    case log::Level::warning:
        return spdlog::level::warn;
    case log::Level::error:
        break;
    }
    return spdlog::level::err;
}

/// Whether the text can stand between quotes as it is.
bool is_plain(std::string_view text) noexcept {
    const auto special = [](auto c) { return (c < ' ') | (c == '\x7f') | (c == '"') | (c == '\\'); };
    return find_first(text, special) == text.size();
}

/// Whether the text can stand without quotes.
bool is_bare(std::string_view text) noexcept {
    const auto special = [](auto c) {
        return (c <= ' ') | (c == '\x7f') | (c == '"') | (c == '\\') | (c == '=');
    };
    return !text.empty() && find_first(text, special) == text.size();
}

void append_quoted(Buffer& out, std::string_view text) {
    if (is_plain(text)) {
        out.push_back('"');
        append(out, text);
        out.push_back('"');
        return;
    }
    const nlohmann::json value = text;
    append(out, std::string_view{value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)});
}

/// key=value for people: quoted only if it would be ambiguous otherwise.
struct TextValue {
    Buffer& out;

    void operator()(std::string_view text) const {
        is_bare(text) ? append(out, text) : append_quoted(out, text);
    }

    void operator()(std::int64_t number) const { append(out, number); }

    void operator()(double number) const { append(out, number); }
};

struct JsonValue {
    Buffer& out;

    void operator()(std::string_view text) const { append_quoted(out, text); }

    void operator()(std::int64_t number) const { append(out, number); }

    void operator()(double number) const { append(out, number); }
};

void append_text(Buffer& out, std::string_view message, std::span<const log::Field> fields) {
    append(out, message);
    for (const log::Field& field : fields) {
        out.push_back(' ');
        append(out, field.key);
        out.push_back('=');
        std::visit(TextValue{out}, field.value);
    }
}

/// Appends everything but the braces, the time and the level, which spdlog's pattern adds.
void append_json(Buffer& out, std::string_view message, std::span<const log::Field> fields) {
    append(out, std::string_view{"\"msg\":"});
    append_quoted(out, message);
    for (const log::Field& field : fields) {
        append(out, std::string_view{",\""});
        append(out, field.key);
        append(out, std::string_view{"\":"});
        std::visit(JsonValue{out}, field.value);
    }
}

log::Level lowest_level(config::Log::Level level) noexcept {
    switch (level) {
    case config::Log::Level::debug:
        return log::Level::debug;
    case config::Log::Level::info:
        return log::Level::info;
    case config::Log::Level::warning:
        return log::Level::warning;
    case config::Log::Level::error:
        break;
    }
    return log::Level::error;
}

} // namespace

/// Formats a line and passes it to the writer thread. All of this happens under one lock, so that lines are
/// ordered by their times, and none mixes two formats.
struct LogSink::Impl {
    explicit Impl(std::string socket) : journald_path{std::move(socket)} {
        [[maybe_unused]] const error_code none = set_format(Format::text); // text needs no journal
    }

    /// Returns why the journal can't be used; lines then go to standard error as text.
    error_code set_format(Format format) {
        error_code failure;
        if (format == Format::journald)
            failure = JournaldSocket{journald_path}.connect();
        const std::lock_guard lock{mutex};
        const bool as_json = format == Format::json;
        native = format == Format::journald && !failure;
        if (native && !journald_writer)
            journald_writer.emplace(journald_output(), [this](std::size_t dropped) {
                return notice(dropped, "log lines were dropped: the journal is too slow or can't be reached",
                              &Impl::entry_of);
            });
        const auto* pattern = as_json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}"
                                      : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
        formatter =
            std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n");
        json = as_json;
        return failure;
    }

    void write(log::Level level, std::string_view message, std::span<const log::Field> fields) {
        const std::lock_guard lock{mutex};
        const bool urgent = level >= log::Level::warning;
        if (native)
            journald_writer->add(entry_of(level, message, fields), urgent);
        else
            writer.add(line_of(level, message, fields), urgent);
    }

    void flush(Duration limit) {
        writer.flush(limit);
        if (BatchWriter* const other = journal_writer())
            other->flush(limit);
    }

    using Formatted = std::string_view (Impl::*)(log::Level, std::string_view, std::span<const log::Field>);

    /// Returns the notice about lines that were dropped.
    std::string notice(std::size_t dropped, std::string_view message, Formatted formatted) {
        const log::Field lines{"lines", static_cast<std::int64_t>(dropped)};
        const std::lock_guard lock{mutex};
        return std::string{(this->*formatted)(log::Level::warning, message, {&lines, 1})};
    }

    /// Returns the writer, which is never removed after it was made.
    BatchWriter* journal_writer() {
        const std::lock_guard lock{mutex};
        return journald_writer ? &*journald_writer : nullptr;
    }

    [[nodiscard]] BatchWriter::Output journald_output() const {
        return [socket = std::make_shared<JournaldSocket>(journald_path)](std::string_view batch,
                                                                          const std::atomic<bool>& stop) {
            return socket->send(batch, stop);
        };
    }

    /// Returns an entry for the journal. Valid until the next call. Requires the lock.
    std::string_view entry_of(log::Level level, std::string_view message,
                              std::span<const log::Field> fields) {
        payload.clear();
        append_text(payload, message, fields);
        entry.clear();
        append_journald_entry(entry, level, {payload.data(), payload.size()}, fields);
        return {entry.data(), entry.size()};
    }

    /// Returns a line. Valid until the next call. Requires the lock.
    std::string_view line_of(log::Level level, std::string_view message, std::span<const log::Field> fields) {
        payload.clear();
        if (json)
            append_json(payload, message, fields);
        else
            append_text(payload, message, fields);
        line.clear();
        if (journald) {
            const std::array prefix{'<', journald_priority(level), '>'};
            line.append(prefix.data(), prefix.data() + prefix.size());
        }
        formatter->format({{}, spdlog_level(level), {payload.data(), payload.size()}}, line);
        return {line.data(), line.size()};
    }

    std::mutex mutex;
    std::unique_ptr<spdlog::formatter> formatter;
    bool json = false;
    bool native = false; ///< lines go to the journal as entries
    bool journald = under_journald();
    std::string journald_path;
    Buffer payload;
    Buffer entry;
    spdlog::memory_buf_t line;
    // Last, so that they are destroyed first: until then their threads may ask for a notice.
    BatchWriter writer{
        STDERR_FILENO, [this](std::size_t dropped) {
            return notice(dropped, "log lines were dropped: standard error is too slow or can't be written",
                          &Impl::line_of);
        }};
    std::optional<BatchWriter> journald_writer;
};

LogSink::LogSink() : LogSink{std::string{journald_socket}} {}

LogSink::LogSink(std::string journald) : impl_{std::make_unique<Impl>(std::move(journald))} {
    log::install(this, log::Level::info);
}

LogSink::~LogSink() {
    log::install(nullptr, log::Level::error);
}

void LogSink::configure(const config::Log& settings) {
    const error_code failure = impl_->set_format(settings.format);
    log::install(this, lowest_level(settings.level));
    if (failure)
        log::warning("the journal can't be reached (log.format: journald), so the log goes to standard error "
                     "as text; after a reload it is tried again",
                     {{"reason", std::string_view{failure.message()}}});
}

void LogSink::write(log::Level level, std::string_view message, std::span<const log::Field> fields) noexcept {
    try {
        impl_->write(level, message, fields);
    } catch (...) { // a line that can't be formatted for lack of memory must not fail a request
    }
}

void LogSink::flush(Duration limit) noexcept {
    impl_->flush(limit);
}

} // namespace bearerd::app
