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

/// The phase of the process. Written by the daemon, read by any thread.
enum class Phase : std::uint8_t {
    starting, ///< until it listens and the first login was tried
    serving,
    draining, ///< from the signal that ends it
};

/// Everything that the admin listener shows, and where it reads it. What is pointed to must outlive the
/// handler, and may change meanwhile on any thread, `history` only on the admin listener's. Only `journal`
/// may be nullptr.
struct Sources {
    std::string version;
    std::string upstream_url; ///< of the current settings: a reload makes a new handler
    std::string host;         ///< this machine's name
    TimePoint started_at{};   ///< for the uptime
    std::vector<const Stats*>
        stats; ///< one for each thread; not the one in which the admin listener itself counts
    const auth::TokenService* tokens = nullptr;
    const upstream::Health* health = nullptr;
    const std::atomic<Phase>* phase = nullptr;
    const Reloads* reloads = nullptr;
    const History* history = nullptr;
    const journal::Journal* journal = nullptr; ///< nullptr: none is kept
    /// Returns the JSON of /transactions for a key (contract 8). Empty if no rule replays repeats. Any
    /// thread.
    std::function<std::string(std::string_view key)> transactions{};
};

/// Answers the admin listener's requests (contract 8): /livez, /readyz, /metrics, /status.json,
/// /history.json, /transactions, and the status page with its style and script. For a server::ServiceSettings
/// without `paths` and with GET as the only method. Its requests are quiet: neither logged nor counted.
class AdminHandler final : public server::Handler {
public:
    explicit AdminHandler(Sources sources);

    [[nodiscard]] net::Task<server::Reply> handle(server::Request request) override;

private:
    Sources sources_;
};

} // namespace bearerd::admin
