#include "waiting_requests.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace bearerd::auth {
namespace {

/// A request that was sent for a former user or upstream is never sent for the present one.
void let_pass(std::shared_ptr<Waiter> waiter) {
    const auto executor = waiter->executor;
    net::asio::post(executor, [waiter = std::move(waiter)] {
        waiter->done = true;
        waiter->pass = true;
        waiter->timer.cancel();
    });
}

/// Moves the last reference along, so that the waiter is destroyed on its own thread.
void hand_over(std::shared_ptr<Waiter> waiter, TokenPtr token, bool after_login, NoToken failure) {
    const auto executor = waiter->executor;
    net::asio::post(executor,
                    [waiter = std::move(waiter), token = std::move(token), after_login, failure]() mutable {
                        waiter->done = true;
                        waiter->token = std::move(token);
                        waiter->after_login = after_login;
                        waiter->failure = failure;
                        waiter->timer.cancel();
                    });
}

} // namespace

bool WaitingRequests::add(const std::shared_ptr<Waiter>& waiter, std::size_t limit) {
    if (waiters_.size() >= limit)
        std::erase_if(waiters_, [](const auto& other) { return other.expired(); });
    if (waiters_.size() >= limit)
        return false;
    waiters_.push_back(waiter);
    return true;
}

void WaitingRequests::release(const TokenMachine& machine, TimePoint now, std::uint64_t account_epoch,
                              const NoToken& failure) {
    const auto token = machine.good_token(now);
    for (const auto& weak : std::exchange(waiters_, {})) {
        auto waiter = weak.lock();
        if (!waiter)
            continue;
        const auto rejected = waiter->rejected_generation;
        const bool sent = rejected != 0;
        const bool of_former_account = waiter->account_epoch != account_epoch;
        if (of_former_account && sent)
            let_pass(std::move(waiter));
        else if (of_former_account)
            hand_over(std::move(waiter), nullptr, false, former_account);
        else if (token && token->generation > rejected)
            hand_over(std::move(waiter), token, machine.login_since(rejected), {});
        else
            hand_over(std::move(waiter), nullptr, false, failure);
    }
}

} // namespace bearerd::auth
