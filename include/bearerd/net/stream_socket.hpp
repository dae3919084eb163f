#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/error.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/net/task.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/version.hpp>

#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

// The versions of Asio whose internals were tried. With any other version, Asio's public wait is used.
#if !defined(BEARERD_PUBLIC_ASIO) && BOOST_ASIO_VERSION >= 102600 && BOOST_ASIO_VERSION < 102700
#define BEARERD_EDGE_WAIT_1_26 // Boost 1.81
#elif !defined(BEARERD_PUBLIC_ASIO) && BOOST_ASIO_VERSION >= 102800 && BOOST_ASIO_VERSION < 102900
#define BEARERD_EDGE_WAIT_1_28 // Boost 1.82 and 1.83
#endif

namespace bearerd::net {

/// Whether StreamSocket::async_wait_news reports new events only. If not, it is Asio's async_wait for
/// reading.
#if defined(BEARERD_EDGE_WAIT_1_26) || defined(BEARERD_EDGE_WAIT_1_28)
inline constexpr bool waits_by_edge = true;

namespace detail {

/// A read operation of Asio's reactor that makes no system call. It completes as soon as epoll has reported
/// something since the last such wait completed. Asio registers each socket once, edge triggered, and
/// remembers whether an edge arrived that no operation has seen; `done_and_exhausted` clears that mark.
/// Asio's own async_wait leaves the mark and asks epoll again, which is a system call each time.
template<class Handler>
class EdgeWait final : public asio::detail::reactor_op {
public:
    using handler_type = EdgeWait; // required by Asio 1.28: without an executor for immediate completion
    using io_executor_type = Executor;

    static EdgeWait* make(Handler handler, const Executor& executor) {
        Memory memory;
        return std::construct_at(memory.allocate(1), std::move(handler), executor);
    }

    EdgeWait(Handler&& handler, const Executor& executor)
        : reactor_op{{}, &EdgeWait::perform, &EdgeWait::complete},
          handler_{std::move(handler)},
          work_{handler_, executor} {}

private:
    using Memory = asio::recycling_allocator<EdgeWait>;
    using Work = asio::detail::handler_work<Handler, Executor>;

    static status perform(reactor_op*) noexcept { return done_and_exhausted; }

    /// If `owner` is null, the loop is being destroyed, and the handler with it.
    static void complete(void* owner, asio::detail::operation* base, const error_code&, std::size_t) {
        auto* wait = static_cast<EdgeWait*>(base);
        Work work{std::move(wait->work_)};
        asio::detail::binder1<Handler, error_code> bound{0, std::move(wait->handler_), wait->ec_};
        std::destroy_at(wait);
        Memory memory;
        memory.deallocate(wait, 1); // before the call, which may start the next wait
        if (owner == nullptr)
            return;
        const asio::detail::fenced_block fence{asio::detail::fenced_block::half};
        work.complete(bound, bound.handler_);
    }

    Handler handler_;
    Work work_;
};

/// Gives access to what the service of Asio's sockets keeps for derived classes.
template<class Service>
struct InsideService : Service {
    template<class Operation>
    static void start_reading(Service& service, typename Service::implementation_type& socket,
                              Operation* operation) {
        constexpr bool is_continuation = true;
        constexpr bool may_be_over_at_once = true;
        constexpr bool is_nothing = false;
#if defined(BEARERD_EDGE_WAIT_1_26)
        (service.*(&InsideService::start_op))(socket, asio::detail::reactor::read_op, operation,
                                              is_continuation, may_be_over_at_once, is_nothing);
#else
        // The overload for handlers without an immediate executor: its last parameter is a pointer.
        using Implementation = typename InsideService::base_implementation_type;
        using Start = void (asio::detail::reactive_socket_service_base::*)(
            Implementation&, int, Operation*, bool, bool, bool, const void*, void*);
        constexpr Start start = &InsideService::template start_op<Operation>;
        (service.*start)(socket, asio::detail::reactor::read_op, operation, is_continuation,
                         may_be_over_at_once, is_nothing, nullptr, nullptr);
#endif
    }
};

} // namespace detail
#else
inline constexpr bool waits_by_edge = false;
#endif

/// An idle time that lasts this long is no longer a pause within traffic.
inline constexpr Duration long_idle = std::chrono::milliseconds{100};

/// A connected, non-blocking socket of Asio's on which one message follows another. It makes the wait for the
/// next bytes cheap, and knows what that costs: which bytes such a wait does not report. Use it on the thread
/// of its executor only.
template<class Socket>
class StreamSocket : public Socket {
public:
    explicit StreamSocket(Socket socket) noexcept : Socket{std::move(socket)} {}

    /// Waits until something new has happened to the socket since the last such wait: bytes, the end, an
    /// error. Unlike Asio's async_wait(wait_read), it costs no system call, but it reports only what is new:
    ///
    /// - Bytes that were there when the last wait completed, and that were not read until the kernel had no
    /// more, are not reported again; nor is an end that arrived together with the last bytes. So an idle
    /// socket must be read once more after a while: see wait_result().
    /// - It may complete although there is nothing to read: the first wait on a socket does, and so does the
    /// one after an async_wait.
    ///
    /// Ends with operation_aborted after the socket's cancel() or close(). Only one wait at a time, and no
    /// async_wait for reading beside it. Without waits_by_edge it reports everything that can be read, each
    /// time: the caller must read, or accept that it is reported again.
    template<class CompletionToken>
    auto async_wait_news(CompletionToken token) {
#if defined(BEARERD_EDGE_WAIT_1_26) || defined(BEARERD_EDGE_WAIT_1_28)
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [this](auto handler) {
                auto& service = this->impl_.get_service();
                auto* wait =
                    detail::EdgeWait<decltype(handler)>::make(std::move(handler), this->get_executor());
                detail::InsideService<std::remove_reference_t<decltype(service)>>::start_reading(
                    service, this->impl_.get_implementation(), wait);
            },
            token);
#else
        return this->async_wait(Socket::wait_read, std::move(token));
#endif
    }

    /// As recv(2), and remembers whether the kernel may have more.
    [[nodiscard]] ssize_t receive_now(std::span<char> room) noexcept {
        const ssize_t size = ::recv(this->native_handle(), room.data(), room.size(), 0);
        if (size == 0)
            input_ = Input::ended;
        else if (size > 0)
            set_drained(static_cast<std::size_t>(size) < room.size());
        else if (would_block())
            set_drained(true);
        return size;
    }

    /// Whether the last read has taken all that had arrived, so that another one is likely to find nothing.
    [[nodiscard]] bool drained() const noexcept { return input_ == Input::drained; }

    /// For a caller that does not read by receive_now().
    void set_drained(bool drained) noexcept { input_ = drained ? Input::drained : Input::perhaps; }

    /// Whether receive_now() has found the end of the peer's stream.
    [[nodiscard]] bool ended() const noexcept { return input_ == Input::ended; }

    /// What to do after a wait for news of an idle socket.
    enum class WaitResult : std::uint8_t {
        news, ///< read: something may have arrived
        read, ///< read all the same, once in an idle time: something may have arrived without being reported.
              ///< Then call stay_idle().
        over, ///< the idle time has passed, or the wait was cancelled
    };

    /// Begins an idle time, from `since` to `until`. The callback of `deadline` must cancel the socket's
    /// operations.
    void begin_idle(Deadline& deadline, TimePoint since, TimePoint until) {
        is_long_idle_ = until <= since + long_idle;
        deadline.set(std::min(until, since + long_idle));
    }

    /// Continues it after WaitResult::read.
    void stay_idle(Deadline& deadline, TimePoint until) {
        is_long_idle_ = true;
        deadline.set(until);
    }

    /// `code`: how the wait ended. The deadline can't cancel a wait that completed before it passed.
    [[nodiscard]] WaitResult wait_result(const error_code& code, const Deadline& deadline) const noexcept {
        const bool due = deadline.expired();
        if (due && !is_long_idle_)
            return WaitResult::read;
        return code || due ? WaitResult::over : WaitResult::news;
    }

    /// Whether the idle time has been more than a pause within traffic.
    [[nodiscard]] bool is_long_idle() const noexcept { return is_long_idle_; }

private:
    /// What the kernel may still have for us.
    enum class Input : std::uint8_t { drained, perhaps, ended };

    Input input_ = Input::drained;
    bool is_long_idle_ = false;
};

} // namespace bearerd::net
