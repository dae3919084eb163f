#pragma once

#include "scenario.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/types.h>

/// Shared by the scenarios about access and malformed input (ingress_*_test.cpp).
namespace bearerd::test {

/// Returns a process's memory according to the kernel, in KiB: "VmRSS:" now, "VmHWM:" at its peak.
[[nodiscard]] inline long memory_kib(pid_t pid, const std::string& field = "VmRSS:") {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(field))
            return std::strtol(line.c_str() + field.size(), nullptr, 10);
    return 0;
}

/// A sanitizer holds back freed memory; with this it holds back little.
[[nodiscard]] inline Environment little_kept_memory() {
    const char* options = std::getenv("ASAN_OPTIONS");
    return {
        {"ASAN_OPTIONS", (options != nullptr ? std::string{options} + ":" : "") + "quarantine_size_mb=1"}};
}

/// A sanitizer's own memory counts as ours: bounds are multiplied by this.
#ifdef BEARERD_SANITIZED
inline constexpr long memory_factor = 4;
#else
inline constexpr long memory_factor = 1;
#endif

/// Returns the metric that counts one outcome of requests that were never classified.
[[nodiscard]] inline std::string refused_metric(const std::string& outcome) {
    return R"(bearerd_requests_total{operation="unknown",outcome=")" + outcome + "\"}";
}

/// Waits for a metric to fall to `most`; returns false if it doesn't.
[[nodiscard]] inline bool falls_to(const Daemon& daemon, std::string_view name, double most,
                                   const Deadline& deadline = Deadline{}) {
    while (daemon.metric(name) > most) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
}

/// Waits for a metric to be `least` or more, because the admin listener's own connections may count too.
[[nodiscard]] inline bool rises_to(const Daemon& daemon, std::string_view name, double least) {
    return daemon.wait_for_metric(name, least) || daemon.metric(name) > least;
}

/// The simulator with bearerd in front of it.
struct Shop {
    explicit Shop(const std::string& config = "", const std::vector<std::string>& arguments = {})
        : simulator{arguments},
          daemon{{.upstream_url = simulator.url(),
                  .ca_pem = simulator.ca_pem(),
                  .config = config,
                  .environment = little_kept_memory()}} {}

    /// Returns how many requests reached the upstream, without logins.
    [[nodiscard]] std::int64_t requests() const {
        return simulator.stat("requests") - simulator.stat("logins_ok");
    }

    Simulator simulator;
    Daemon daemon;
};

} // namespace bearerd::test
