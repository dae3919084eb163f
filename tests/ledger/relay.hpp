#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::ledger {

/// A TCP relay on loopback between a client and a server, which can be cut. It runs on a thread of its own.
class Relay {
public:
    enum class State : std::uint8_t {
        whole,
        deaf, ///< what the client sends arrives, and no answer comes
        cut,  ///< connections end, and new ones end at once
    };

    explicit Relay(std::uint16_t server_port);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay();

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Any thread. Answers that were dropped do not come later.
    void set(State state) { state_ = state; }

private:
    struct Pair {
        int client = -1;
        int server = -1;
    };

    void run();
    void accept();
    [[nodiscard]] bool pass(int from, int to);
    void close_all();

    std::uint16_t server_port_;
    std::uint16_t port_;
    int listener_;
    std::vector<Pair> pairs_;
    std::atomic<State> state_{State::whole};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace bearerd::ledger
