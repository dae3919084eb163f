#pragma once

#include "profile.hpp"
#include "support/simulator.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bearerd::ledger {

/// Apps that give up while their mutation waits for something, and cashiers who press again: the same
/// reference on another connection. What they wait for is held until the kernel shows to bearerd that they
/// have gone, so each of these mutations could have been withheld, and none may be executed. Others wait
/// as well and stay.
class Leavers {
public:
    Leavers(test::Simulator& simulator, BearerdProcess& bearerd, std::uint64_t seed);

    /// One round: `action` says what they wait for. No other round may be near (contract 3.6), and for a
    /// handshake no client may have a request in flight.
    void give_up(Action action);

    /// One for each reference.
    [[nodiscard]] const std::vector<Record>& records() const { return records_; }

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

    /// The mutations of apps that left, counted by the outcome in bearerd's log.
    [[nodiscard]] const std::map<std::string, std::size_t>& outcomes() const { return outcomes_; }

private:
    enum class Farewell { reset, close, half_close };

    /// A request on a connection of its own.
    struct App {
        Record record;
        std::string request_id;
        test::HttpClient client;
        Farewell farewell = Farewell::reset;
        bool presses_again_soon = false;  ///< before what it waits for is released
        bool presses_again_later = false; ///< or after it
    };

    void hold(Action action);
    void let_go(Action action);
    App send(std::string reference, bool mutation);
    App send_next(bool mutation);
    void leave(App& app);
    void finish(App& app);
    void read(App& app);
    void check_log(const App& app);
    void await_turn();
    void end_connections();
    void await_journal();
    void await_held(std::int64_t count);

    test::Simulator& simulator_;
    BearerdProcess& bearerd_;
    std::uint64_t seed_;
    std::size_t sent_ = 0;
    std::vector<App> stayers_;
    std::vector<Record> records_;
    std::vector<std::string> violations_;
    std::map<std::string, std::size_t> outcomes_;
};

} // namespace bearerd::ledger
