#pragma once

#include <bearerd/base/log_limit.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/fleet/store.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/upstream/dialer.hpp>
#include <bearerd/upstream/tls.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::fleet {

/// The store's server, shared by the clients of all threads. Immutable, except for its notes on whether the
/// server answers.
class Server {
public:
    /// `settings` must be on. Throws upstream::TlsFileError if a file of `fleet.tls` can't be used, and
    /// std::runtime_error if TLS can't be set up for another reason.
    explicit Server(const config::Fleet& settings);

    [[nodiscard]] const config::Upstream& address() const noexcept { return address_; }

    [[nodiscard]] upstream::TlsContext* tls() const noexcept { return tls_.get(); }

    /// The commands that open a connection. They may hold the password. The last one writes a key that lives
    /// for a second, and so shows that the store takes scripts that write: a replica, or a server without
    /// room, answers other commands all the same. `slot`: the text in front of the key's name, up to the
    /// closing brace, so that a cluster keeps it where the other keys are; empty if it is not known yet.
    [[nodiscard]] std::vector<Command> greeting(std::string_view slot) const;

    /// The text up to the closing brace of the key that a command names; empty if it names no key of a fleet.
    [[nodiscard]] std::string_view slot_of(const Command& command) const noexcept;

    /// Notes that one more client gets no answer. Returns whether all clients got answers before. Any thread.
    [[nodiscard]] bool note_away() noexcept { return away_.fetch_add(1) == 0; }

    /// Notes that one of those clients gets answers again, or has ended. Returns whether all clients get
    /// answers now. Any thread.
    [[nodiscard]] bool note_back() noexcept { return away_.fetch_sub(1) == 1; }

    /// Notes that it has refused a command with this code, at this time. Returns whether a log line is due:
    /// one for each code in ten minutes. Any thread. Throws only for lack of memory.
    [[nodiscard]] bool note_refused(const std::string& code, TimePoint now);

private:
    config::Upstream address_; ///< what a dialer needs of it
    std::unique_ptr<upstream::TlsContext> tls_;
    std::string user_;
    Secret password_;
    std::uint32_t database_;
    std::string prefix_;
    std::atomic<std::uint32_t> away_{0}; ///< clients that it does not answer
    std::mutex refused_mutex_;
    std::vector<std::pair<std::string, LogLimit>> refused_; ///< by their codes
};

/// One thread's connection to the store. It is made ahead, and made again when it ends; commands that are
/// called at the same time share it, and are answered in order. If a command is not answered in time, or the
/// connection fails, or the server says that it can't serve, no command is sent for 100 ms, then up to 5 s,
/// until the store has taken a write within 90 ms in the background: call_all() returns at once
/// meanwhile. A wait of less than 90 ms does not show that the store is away: only that command is given up.
/// One thread only; logs that the store goes away or is back, and the code of what it refuses.
class Client final : public Store {
public:
    /// Chance, time and name look-ups, which tests replace.
    struct Hooks {
        std::function<double()> jitter; ///< in [0, 1); empty: a random one
        std::function<TimePoint()> now = &BootClock::now;
        upstream::ResolveFunction resolve = upstream::look_up;
    };

    /// `clock` and `stats` must outlive the loop's work.
    Client(net::asio::io_context& context, net::DeadlineClock& clock, std::shared_ptr<Server> server,
           Stats& stats);
    Client(net::asio::io_context& context, net::DeadlineClock& clock, std::shared_ptr<Server> server,
           Stats& stats, Hooks hooks);
    /// Calls stop().
    ~Client() override;

    /// Begins to connect. Call it once.
    void start();

    /// Ends the connection; every call returns nullopt from now on. What was called before is still sent if
    /// the socket takes it at once. Leaves no work on the loop.
    void stop() noexcept;

    /// Whether the store has answered, and nothing has failed since.
    [[nodiscard]] bool up() const noexcept;

    [[nodiscard]] net::Task<std::vector<std::optional<Value>>> call_all(std::vector<Command> commands,
                                                                        Duration within) override;
    [[nodiscard]] Presence presence() const noexcept override;

private:
    struct Link;
    struct State;
    std::shared_ptr<State> state_; ///< shared with the coroutine that keeps the connection
};

} // namespace bearerd::fleet
