#pragma once

#include <bearerd/base/log.hpp>
#include <bearerd/config/config.hpp>

#include <memory>
#include <string>

namespace bearerd::app {

/// The log of contract 9, on spdlog. It writes lines to standard error as text or JSON, with the priority
/// prefix under journald, or entries with fields to the journal. A line is formatted once, on the thread that
/// logs, and written in batches by a writer thread, so that a slow terminal or a full pipe never delays a
/// request. Bounded: lines that do not fit are dropped and counted.
class LogSink final : public log::Sink {
public:
    LogSink();
    /// `journald`: the path of the journal's socket.
    explicit LogSink(std::string journald);
    /// Writes what is left; gives up if standard error accepts nothing for a second.
    ~LogSink() override;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    /// Applies to the lines from now on. Any thread. If there is no journal, warns and writes text to
    /// standard error.
    void configure(const config::Log& settings);

    void write(log::Level level, std::string_view message,
               std::span<const log::Field> fields) noexcept override;

    /// Waits until everything logged before is written, for `limit` at most.
    void flush(Duration limit) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bearerd::app
