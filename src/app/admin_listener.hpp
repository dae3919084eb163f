#pragma once

#include "worker.hpp"

#include <bearerd/admin/admin_handler.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/server/listener.hpp>

#include <memory>
#include <optional>
#include <string>

namespace bearerd::app {

/// The admin listener of contract 8, on the first worker's thread. Its sessions are counted and drained apart
/// from the apps': probes are answered until the very end. Used on that thread, or while it does not run.
class AdminListener {
public:
    explicit AdminListener(Worker& worker);
    AdminListener(const AdminListener&) = delete;
    AdminListener& operator=(const AdminListener&) = delete;

    /// Listens where the settings say, if it does not already. Returns what is wrong, if anything; then
    /// nothing has changed.
    [[nodiscard]] std::optional<std::string> open(const config::Settings& settings);

    /// Answers by these settings and sources from the next request on.
    void serve(const config::Settings& settings, admin::Sources sources);

    /// Closes the listener and all connections, even during an answer.
    void close() noexcept;

private:
    Worker& worker_;
    Stats stats_;                 ///< of its own connections; nobody reads them
    server::MemoryBudget bodies_; ///< likewise: its bodies are small
    server::SessionContext session_context_;
    server::ClientLimit clients_;
    net::TaskGroup sessions_;
    std::optional<config::Address> address_;
    std::vector<std::unique_ptr<server::Listener>>
        listeners_; ///< the last one listens; those before have stopped
};

} // namespace bearerd::app
