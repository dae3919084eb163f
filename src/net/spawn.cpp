#include <bearerd/net/spawn.hpp>

#include <bearerd/base/log.hpp>

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace bearerd::net {
namespace {

void log_exception(const std::exception_ptr& failure, std::string_view what) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
        log::error("internal error, carrying on",
                   {{"in", what}, {"reason", std::string_view{exception.what()}}});
    } catch (...) { // our code throws nothing else, but a log line is better than a lost coroutine
        log::error("internal error, carrying on", {{"in", what}});
    }
}

} // namespace

void spawn(const Executor& executor, Task<void> task, std::string_view what) {
    asio::co_spawn(executor, std::move(task), [what](const std::exception_ptr& failure) {
        if (failure)
            log_exception(failure, what);
    });
}

void run(asio::io_context& context) {
    while (true) {
        try {
            context.run();
            return;
        } catch (...) { // exceptions of composed operations surface here and not in the coroutine
            log_exception(std::current_exception(), "event loop");
        }
    }
}

} // namespace bearerd::net
