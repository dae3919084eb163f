#pragma once

#include <bearerd/admin/history.hpp>
#include <bearerd/admin/reloads.hpp>
#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/clock.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/journal/journal.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/upstream/pool.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::admin {

/// Where the process stands. Written by the daemon, read by any thread.
enum class Phase : std::uint8_t {
    starting, ///< until it listens and the first login was tried
    serving,
    draining, ///< from the signal that ends it on
};

/// Everything that the admin listener tells about, and where it reads it. What is pointed to outlives the
/// handler and may change meanwhile on any thread, `history` on the admin listener's alone; no pointer but
/// `journal` is null.
struct Sources {
    std::string version;
    std::string upstream_url; ///< of the settings of the moment: a reload makes a new handler
    std::string host;         ///< this machine's name
    TimePoint started_at{};   ///< for the uptime
    std::vector<const Stats*>
        stats; ///< one for each thread; not the one that the admin listener's site counts in
    const auth::TokenService* tokens = nullptr;
    const upstream::Health* health = nullptr;
    const std::atomic<Phase>* phase = nullptr;
    const Reloads* reloads = nullptr;
    const History* history = nullptr;
    const journal::Journal* journal = nullptr; ///< none is kept
    /// The JSON of /transactions for a key (contract 8). Empty: no rule replays repeats. Any thread.
    std::function<std::string(std::string_view key)> transactions{};
};

/// Answers the admin listener's requests (contract 8): /livez, /readyz, /metrics, /status.json, /history.json
/// and the status page. For a server::ServiceSettings with no `paths` and the one method GET. Its requests
/// are quiet: neither logged nor counted.
class AdminHandler final : public server::Handler {
public:
    explicit AdminHandler(Sources sources);

    [[nodiscard]] net::Task<server::Reply> handle(server::Request request) override;

private:
    Sources sources_;
};

} // namespace bearerd::admin
