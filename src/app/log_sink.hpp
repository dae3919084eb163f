#pragma once

#include <bearerd/base/log.hpp>
#include <bearerd/config/config.hpp>

#include <memory>
#include <string>

namespace bearerd::app {

/// The log of contract 9, on spdlog: lines to standard error as text or JSON, with the priority prefix under
/// journald; or entries with fields of their own to the journal. A line is formatted once, on the thread that
/// logs, and written in batches by a thread of its own, so that a slow terminal or a full pipe never holds up
/// a request. Bounded: what does not fit is dropped and counted.
class LogSink final : public log::Sink {
public:
    LogSink();
    /// `journald`: the path of the journal's socket.
    explicit LogSink(std::string journald);
    /// Writes what is left; gives up where standard error takes nothing for a second.
    ~LogSink() override;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    /// Takes effect for the lines from now on. Any thread. If the journal is not there, warns and writes text
    /// to standard error.
    void configure(const config::Log& settings);

    void write(log::Level level, std::string_view message,
               std::span<const log::Field> fields) noexcept override;

    /// Waits until everything logged before is written, at most `limit`.
    void flush(Duration limit) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bearerd::app
