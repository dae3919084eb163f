#pragma once

#include "deadline.hpp"
#include "http_client.hpp"
#include "notify_socket.hpp"
#include "process.hpp"
#include "temporary_directory.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

namespace bearerd::test {

/// The credentials that every test uses; the simulator accepts them.
inline constexpr std::string_view username = "till-042";
inline constexpr std::string_view password = "correct-horse-battery-staple";

/// What a daemon is started with.
struct DaemonOptions {
    std::string upstream_url;
    std::string ca_pem = {};                ///< empty: no upstream.tls.ca_file
    std::string config = {};                ///< YAML that is merged into the base configuration, key by key
    Environment environment = {};           ///< see Process
    std::vector<std::string> launcher = {}; ///< a program with its arguments that becomes the daemon
    bool wait_until_ready = true; ///< for READY=1, sent after it listens and has tried the first login
};

/// The real bearerd with a configuration of its own, on free ports. Its destructor stops it. It fails the
/// test if the daemon does not exit with 0 (so a sanitizer's report fails the test), or if the password, a
/// JWT or a card number is in its output. A failed test prints that output.
class Daemon {
public:
    explicit Daemon(const DaemonOptions& options);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }

    [[nodiscard]] HttpClient client() const { return HttpClient{port_}; }

    /// Sends one POST on a connection of its own.
    HttpResponse post(std::string_view body, const Headers& headers = {}) const;

    /// An answer of the admin listener; a metric by its full name with labels, 0 if it is absent.
    [[nodiscard]] HttpResponse admin(std::string_view target) const;
    [[nodiscard]] double metric(std::string_view name) const;
    /// Waits for a metric to reach a value: counters are summed with a delay. Returns false if it doesn't.
    [[nodiscard]] bool wait_for_metric(std::string_view name, double value,
                                       Deadline deadline = Deadline{}) const;

    [[nodiscard]] Process& process() { return *process_; }

    /// What it sends to systemd.
    [[nodiscard]] NotifySocket& notify() { return notify_; }

    [[nodiscard]] std::string output() const { return process_->output(); }

    [[nodiscard]] const std::string& config_file() const { return config_file_; }

    [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

    /// Rewrites the configuration: the base, then `config`. For SIGHUP.
    void write_config(std::string_view config);

    /// Sends SIGTERM and returns the exit status; nullopt if it does not end.
    std::optional<ExitStatus> stop();

private:
    TemporaryDirectory directory_;
    NotifySocket notify_;
    std::uint16_t port_;
    std::uint16_t admin_port_;
    std::string upstream_url_;
    std::string ca_file_;
    std::string config_file_;
    std::unique_ptr<Process> process_;
    bool stopped_ = false;
};

/// Runs `bearerd` with these arguments until it ends.
[[nodiscard]] Finished run_bearerd(const std::vector<std::string>& arguments,
                                   const Environment& environment = {});

/// Runs `call` this many times, each on a thread of its own, all started together. Returns their results, if
/// any.
template<class Call>
auto in_parallel(std::size_t count, Call call) {
    using Result = decltype(call(std::size_t{}));
    static_assert(!std::is_same_v<Result, bool>, "a vector's bools share words, and threads write these");
    std::vector<std::conditional_t<std::is_void_v<Result>, char, Result>> results(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            if constexpr (std::is_void_v<Result>)
                call(i);
            else
                results[i] = call(i);
        });
    for (std::thread& thread : threads)
        thread.join();
    if constexpr (!std::is_void_v<Result>)
        return results;
}

} // namespace bearerd::test
