#pragma once

#include "token_machine.hpp"

#include <bearerd/net/task.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace bearerd::auth {

/// One request that waits for a login. Made, awaited and destroyed on its own thread; the core keeps a weak
/// reference and posts the result.
struct Waiter {
    Waiter(net::Executor own, std::uint64_t from, std::uint64_t rejected)
        : executor{own}, timer{own}, account_epoch{from}, rejected_generation{rejected} {}

    net::Executor executor;
    net::Timer timer;                        ///< its deadline; cancelling it wakes the request
    const std::uint64_t account_epoch;       ///< its token source's
    const std::uint64_t rejected_generation; ///< of the token that was rejected; 0: the request has none yet
    bool done = false;
    TokenPtr token; ///< nullptr: `failure` says why
    bool after_login = false;
    bool pass = false; ///< it was sent for a user or upstream that a reload has replaced
    NoToken failure;
};

/// What a request gets if the configuration no longer names its account.
inline constexpr NoToken former_account{NoToken::Reason::login_unavailable, std::chrono::seconds{1}};

/// The requests of all threads that wait for a login. Not thread safe.
class WaitingRequests {
public:
    /// Returns false if there are `limit` of them already.
    [[nodiscard]] bool add(const std::shared_ptr<Waiter>& waiter, std::size_t limit);

    /// Posts its result to each of them: the machine's token if it is good and not the one that was rejected,
    /// otherwise `failure`. A request of another account never gets that token.
    void release(const TokenMachine& machine, TimePoint now, std::uint64_t account_epoch,
                 const NoToken& failure);

private:
    std::vector<std::weak_ptr<Waiter>> waiters_;
};

} // namespace bearerd::auth
