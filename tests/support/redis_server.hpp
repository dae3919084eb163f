#pragma once

#include "process.hpp"
#include "temporary_directory.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bearerd::test {

/// A redis-server (or valkey-server) of the test's own, on loopback.
class RedisServer {
public:
    struct Options {
        std::string password = {}; ///< empty: none is asked for
        /// PEM; empty: without TLS.
        std::string certificate = {};
        std::string key = {};
        bool keeps_all = false; ///< each change is on disk before it is answered, and there after a restart
    };

    RedisServer() : RedisServer{Options{}} {}

    explicit RedisServer(Options options);

    /// Whether there is such a program on this machine.
    [[nodiscard]] static bool is_installed();

    /// redis://127.0.0.1:PORT, or rediss:// with TLS.
    [[nodiscard]] std::string url() const;

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Sends a command in one line and returns the first line of its answer. Without TLS and password only.
    std::string command(const std::string& line) const;

    void start();
    /// As by SIGKILL: nothing of what was stored is left, unless it keeps all.
    void kill();

    void pause() { process_->signal(SIGSTOP); }

    void resume() { process_->signal(SIGCONT); }

private:
    Options options_;
    TemporaryDirectory directory_;
    std::uint16_t port_;
    std::unique_ptr<Process> process_;
};

} // namespace bearerd::test
