#pragma once

#include <bearerd/net/task.hpp>

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace bearerd::test {

/// Runs a coroutine on a loop until it has ended, with whatever else the loop has to do meanwhile; throws
/// what it threw. One that waits for what never comes ends in an exception of ours where the loop runs dry.
template<class T>
T run_task(net::asio::io_context& context, net::Task<T> task) {
    std::exception_ptr failure;
    std::optional<T> result;
    const auto on_end = [&](std::exception_ptr thrown, T value) {
        failure = std::move(thrown);
        result.emplace(std::move(value));
    };
    net::asio::co_spawn(context.get_executor(), std::move(task), on_end);
    context.restart();
    while (!result && context.run_one() != 0) {
    }
    if (failure)
        std::rethrow_exception(failure);
    if (!result)
        throw std::logic_error{"the coroutine waits for ever"};
    return std::move(*result);
}

inline void run_task(net::asio::io_context& context, net::Task<void> task) {
    std::exception_ptr failure;
    bool done = false;
    const auto on_end = [&](std::exception_ptr thrown) {
        failure = std::move(thrown);
        done = true;
    };
    net::asio::co_spawn(context.get_executor(), std::move(task), on_end);
    context.restart();
    while (!done && context.run_one() != 0) {
    }
    if (failure)
        std::rethrow_exception(failure);
    if (!done)
        throw std::logic_error{"the coroutine waits for ever"};
}

/// Runs the loop until `done` holds; returns false if it does not within half a minute.
template<class Predicate>
bool turn_until(net::asio::io_context& context, Predicate done) {
    using namespace std::chrono_literals;
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        context.restart();
        context.run_one_for(5ms);
    }
    return true;
}

/// Turns the loop until it has nothing more to do at once.
inline void settle(net::asio::io_context& context) {
    context.restart();
    while (context.poll() != 0)
        context.restart();
}

} // namespace bearerd::test
