#include "ops_load.hpp"

#include "support/simulator.hpp"

#include <exception>
#include <optional>
#include <utility>

namespace bearerd::test {

std::string Load::expect_data(const HttpResponse& response) {
    const bool fine =
        response.status == 200 && response.complete && response.body.find("balance") != std::string::npos;
    return fine ? std::string{} : std::to_string(response.status) + " " + response.body;
}

Load::Load(std::uint16_t port, std::size_t clients, bool keep_connections, Judge judge,
           std::chrono::milliseconds pace)
    : judge_{std::move(judge)}, pace_{pace} {
    for (std::size_t i = 0; i < clients; ++i)
        threads_.emplace_back([this, port, keep_connections] { run(port, keep_connections); });
}

Load::~Load() {
    static_cast<void>(end());
}

bool Load::wait_for_more(std::uint64_t count, Deadline deadline) const {
    const std::uint64_t target = answered_ + count;
    while (answered_ < target) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

std::vector<std::string> Load::end() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    ended_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
    threads_.clear();
    return std::exchange(failures_, {});
}

void Load::run(std::uint16_t port, bool keep) {
    std::optional<HttpClient> client;
    while (!ending_) {
        std::string failure;
        try {
            if (!client)
                client.emplace(port);
            const HttpResponse response = client->post(balance_query());
            failure = judge_(response);
            const auto connection = response.header("Connection");
            if (!keep || (connection && *connection == "close"))
                client.reset();
        } catch (const std::exception& problem) {
            failure = problem.what();
            client.reset();
        }
        ++answered_;
        std::unique_lock lock{mutex_};
        if (!failure.empty())
            failures_.push_back(std::move(failure));
        ended_.wait_for(lock, pace_, [this] { return ending_.load(); });
    }
}

} // namespace bearerd::test
