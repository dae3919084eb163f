#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/http/access.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/server/memory_budget.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bearerd::server {

/// What the sessions of one listener serve: rules, limits and the handler. Immutable; a reload replaces it,
/// and requests in flight keep the old one alive.
struct ServiceSettings {
    http::AccessRules access;
    std::vector<std::string> paths;           ///< empty: the handler checks the path itself
    std::vector<std::uint32_t> allowed_users; ///< of unix sockets; empty: every user
    std::vector<std::string> methods{"POST", "GET"};
    std::uint64_t request_body = 0;
    Duration header_timeout{};
    Duration body_timeout{};
    Duration idle_timeout{};
    /// An end of the client's stream within this time after its request belongs to the request.
    Duration half_close_window = std::chrono::milliseconds{50};
    bool errors_always_200 = false;
    bool log_requests = true;
    std::shared_ptr<Handler> handler;
};

/// The settings in force for one thread's sessions, what they count in, and what they share with the other
/// threads'.
struct SessionContext {
    std::shared_ptr<const ServiceSettings> service;
    Stats& stats;
    MemoryBudget& bodies;
};

/// Returns what the proxy serves by these settings. `handler` must be this thread's.
[[nodiscard]] std::shared_ptr<const ServiceSettings> make_service_settings(const config::Settings& settings,
                                                                           std::shared_ptr<Handler> handler);

} // namespace bearerd::server
