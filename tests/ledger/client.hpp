#pragma once

#include "record.hpp"
#include "support/http_client.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace bearerd::ledger {

/// How far the clients have come, for the code that disturbs them.
class Progress {
public:
    explicit Progress(std::size_t clients) : of_client_(clients) {}

    /// Called by a client after each mutation, and once it has no more to do.
    void advance(std::size_t client);
    void end(std::size_t client);

    /// Pauses the clients between two requests: none sends from here until resume().
    void pause_all();
    void resume();
    /// Called by a client before each request.
    void wait_while_paused();

    /// bearerd is gone for good: the clients must end.
    void give_up();

    [[nodiscard]] bool given_up() const { return given_up_; }

    /// Waits until this many mutations are done in all.
    void wait_for(std::size_t mutations);
    /// Waits until whatever is in flight now has been answered.
    void wait_for_all_in_flight();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::size_t> of_client_;
    std::size_t total_ = 0;
    std::size_t ended_ = 0;
    std::size_t waiting_ = 0; ///< clients, while paused
    bool paused_ = false;
    std::atomic<bool> given_up_ = false;
};

/// What one client does. The same plan sends the same requests in the same order.
struct ClientPlan {
    std::uint16_t port = 0;
    std::uint64_t seed = 1;
    std::size_t index = 0;
    std::size_t mutations = 0;
    int cards = 0;                            ///< that the simulator has besides its first
    std::chrono::microseconds mean_pause{0};  ///< between two requests
    std::chrono::milliseconds answer_time{0}; ///< after which it gives up, and that is a violation
};

/// Sends its redemptions and balance checks one after the other, over kept and fresh connections; never sends
/// one again. Runs on a thread of its own.
[[nodiscard]] std::vector<Record> run_client(const ClientPlan& plan, Progress& progress);

/// The documents that they send.
[[nodiscard]] std::string balance_check(const std::string& card);
[[nodiscard]] std::string redemption(const std::string& card, const std::string& reference, bool valid);

/// Returns a body decoded, if its coding is gzip.
[[nodiscard]] std::string plain_body(const test::HttpResponse& response);

/// Records what an answer means. `card` is the requested one; the answer to a mutation must also return the
/// reference.
void read_answer(int status, const std::string& body, const std::string& request_id, const std::string& card,
                 Record& record);

} // namespace bearerd::ledger
