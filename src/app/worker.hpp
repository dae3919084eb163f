#pragma once

#include "background_lookups.hpp"
#include "config_snapshot.hpp"

#include <bearerd/admin/reloads.hpp>
#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/fleet/client.hpp>
#include <bearerd/journal/journal.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task_group.hpp>
#include <bearerd/server/listener.hpp>
#include <bearerd/server/service_settings.hpp>
#include <bearerd/transaction/fleet_claims.hpp>
#include <bearerd/transaction/guard.hpp>
#include <bearerd/transaction/table.hpp>
#include <bearerd/upstream/pool.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::app {

/// What all workers share; it outlives them.
struct Shared {
    server::ClientLimit clients;
    server::MemoryBudget bodies;
    std::atomic<std::uint32_t> pending{0}; ///< requests in flight
    admin::Reloads reloads;
    std::shared_ptr<fleet::Server> fleet_server; ///< none: nothing is shared with other replicas
    upstream::Health health;
    journal::Journal* journal = nullptr;              ///< nullptr: off. Destroyed before the workers.
    std::unique_ptr<transaction::Table> transactions; ///< nullptr until a rule needs it; then kept.
    transaction::Events transaction_events;
    std::atomic<std::size_t> workers_without_sessions{0}; ///< of those that drain
};

/// One thread with its loop, sessions and pool. Call everything but context(), make_journal_client() and
/// join() on that thread, or while it does not run; other threads post to context().
class Worker {
public:
    /// `index` of `count` determines its share of the upstream connections.
    Worker(std::size_t index, std::size_t count, Shared& shared);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    [[nodiscard]] net::asio::io_context& context() noexcept { return context_; }

    [[nodiscard]] net::DeadlineClock& clock() noexcept { return clock_; }

    [[nodiscard]] net::TaskGroup& sessions() noexcept { return sessions_; }

    [[nodiscard]] Stats& stats() noexcept { return stats_; }

    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

    /// Connects to the store of the fleet, if there is one. Call it once, before anything is served.
    void open_fleet();

    /// Returns this thread's access to the store of the fleet, which lives as long as the worker; nullptr:
    /// there is none.
    [[nodiscard]] fleet::Store* store_of_fleet() const noexcept { return fleet_.get(); }

    /// Returns this thread's pool for a snapshot, to be passed to serve().
    [[nodiscard]] std::shared_ptr<upstream::Pool>
    make_pool(const std::shared_ptr<const ConfigSnapshot>& snapshot);

    /// Returns the transport of logins: that pool, or a separate one if they go to another server.
    [[nodiscard]] std::shared_ptr<upstream::Pool>
    make_login_pool(const std::shared_ptr<const ConfigSnapshot>& snapshot,
                    const std::shared_ptr<upstream::Pool>& pool);

    /// Returns this thread's access to the journal for a snapshot, to be passed to serve(); nullopt if none
    /// is kept. Call it on the thread that reloads, before the next reload can begin a guard
    /// (Journal::begin_guard).
    [[nodiscard]] std::optional<journal::JournalClient> make_journal_client(const ConfigSnapshot& snapshot);

    /// Serves with this snapshot from the next request on. The former pool closes as its requests end.
    void serve(const std::shared_ptr<const ConfigSnapshot>& snapshot, std::shared_ptr<upstream::Pool> pool,
               std::unique_ptr<auth::TokenSource> tokens, std::optional<journal::JournalClient> journal);

    void listen(std::vector<server::ListeningSocket> sockets, std::size_t header_limit);
    /// Stops listening at the address `text`; connections accepted there continue.
    void stop_listening(const std::string& text);

    /// Looks up, in the background, what former processes left unresolved in the journal.
    void recover(const std::vector<journal::JournalEntry>& entries);

    /// Looks up, in the background, what has become unknown. Call it on the first worker.
    void look_up_later(BackgroundLookups::Case unknown);

    /// Drops the background look-up of a transaction whose outcome has become known otherwise.
    void drop_lookup(const std::vector<journal::MutationField>& fields, std::uint32_t account);

    /// Applies a person's close of an entry. `others`: see journal::Journal::Events.
    void closed(const journal::JournalEntry& entry, bool others);

    /// Records in the table how an entry ended that was sent before its guard existed.
    void record_outcome(const journal::JournalEntry& entry);

    /// Phase one of a shutdown: no new connections, idle ones close, busy ones finish. When all have,
    /// `drained` is called on this thread.
    void drain(std::function<void()> drained);
    /// Call it when all workers have drained: until then requests of another worker may need a login, which
    /// runs on the first one. After it the loop has no work left.
    void end();
    /// Phase two of a shutdown: requests in flight end now, each with an answer. `hurried`: less time is left
    /// for what the other replicas of a fleet are to know.
    void end_requests(bool hurried);

    /// Runs the loop on this thread until it is out of work.
    void run();
    /// Runs the loop on a new thread.
    void start_thread();
    void join();

private:
    class ServingHandler;

    [[nodiscard]] BackgroundLookups* background_lookups();
    [[nodiscard]] std::uint32_t account() const;
    [[nodiscard]] std::shared_ptr<transaction::FleetClaims> make_claims(const ConfigSnapshot& snapshot);
    void stop_pools();
    void stop_claims(Duration within) noexcept;
    [[nodiscard]] bool claims_written() const;
    [[nodiscard]] net::Task<void> finish(std::function<void()> drained);

    std::size_t index_;
    std::size_t count_;
    Shared& shared_;
    net::asio::io_context context_{1};
    net::asio::executor_work_guard<net::Executor> work_;
    net::DeadlineClock clock_;
    Stats stats_;
    net::TaskGroup sessions_;
    std::unique_ptr<fleet::Client> fleet_; ///< none: nothing is shared with other replicas
    server::SessionContext session_context_;
    net::TaskGroup lookup_tasks_; ///< in the background: a shutdown does not wait for them
    std::unique_ptr<BackgroundLookups> background_lookups_;
    std::shared_ptr<ServingHandler> serving_;
    std::shared_ptr<upstream::Pool> pool_;
    std::vector<std::weak_ptr<upstream::Pool>> former_pools_;         ///< and those of logins
    std::vector<std::weak_ptr<transaction::FleetClaims>> all_claims_; ///< of former configurations, too
    upstream::Health login_health_; ///< of the login's own server, which is not the upstream's
    std::vector<std::unique_ptr<server::Listener>> listeners_;
    std::thread thread_;
    bool draining_ = false;
};

} // namespace bearerd::app
