#pragma once

#include "support/http_client.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::test {

/// Clients that send balance queries one after the other until end(), each on a connection that it keeps, or
/// on a new one for each request. Anything but a complete 200 with data is a failure, unless another judge is
/// given. A kept connection that bearerd announced to close (Connection: close) is replaced, as HTTP
/// requires.
class Load {
public:
    /// Returns what is wrong with an answer, as text; empty if it is as expected. Called by all clients.
    using Judge = std::function<std::string(const HttpResponse&)>;

    static std::string expect_data(const HttpResponse& response);

    /// `pace`: how long each client pauses after an answer.
    Load(std::uint16_t port, std::size_t clients, bool keep_connections, Judge judge = expect_data,
         std::chrono::milliseconds pace = {});
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;
    ~Load();

    /// Waits until this many more requests were answered; returns false if they are not.
    [[nodiscard]] bool wait_for_more(std::uint64_t count, Deadline deadline = Deadline{}) const;

    /// Ends the clients. Returns the failures as texts.
    std::vector<std::string> end();

    [[nodiscard]] std::uint64_t answered() const { return answered_; }

private:
    void run(std::uint16_t port, bool keep);

    const Judge judge_;
    const std::chrono::milliseconds pace_;
    std::atomic<bool> ending_{false};
    std::atomic<std::uint64_t> answered_{0};
    std::mutex mutex_;
    std::condition_variable ended_;
    std::vector<std::string> failures_;
    std::vector<std::thread> threads_;
};

} // namespace bearerd::test
