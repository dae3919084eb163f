// Sends an upstream's bytes, in pieces, to a real pool over plain TCP on loopback, one exchange after the
// other. For any bytes:
// - nothing crashes, and each exchange ends after the upstream has ended;
// - a failure says that the request was sent: no bytes make it look as if it had not been;
// - a complete answer is contained in the bytes, and there is at most one for each head in them.
#include <bearerd/base/stats.hpp>
#include <bearerd/upstream/pool.hpp>

#include <boost/asio/co_spawn.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

using namespace bearerd;
using namespace std::chrono_literals;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

/// A listening socket that every input reuses.
struct Listening {
    Listening() {
        descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        require(::bind(descriptor, generic, size) == 0 && ::listen(descriptor, 16) == 0 &&
                ::getsockname(descriptor, generic, &size) == 0);
        port = ntohs(address.sin_port);
    }

    int descriptor = -1;
    std::uint16_t port = 0;
};

struct Ended {
    bool is_answer = false;
    std::optional<upstream::Failure> failure;
    std::string body;
};

/// Runs one exchange to its end; its body is streamed if it is not held.
net::Task<std::unique_ptr<Ended>> exchange(upstream::Pool& pool) {
    constexpr std::string_view head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    upstream::OutgoingRequest request;
    request.head = head;
    request.body = "{}";
    request.hold_limit = 256;
    auto ended = std::make_unique<Ended>();
    auto result = co_await pool.send(request);
    if (auto* failure = std::get_if<upstream::Failure>(&result)) {
        ended->failure = *failure;
        co_return ended;
    }
    auto& answer = std::get<upstream::ExchangePtr>(result);
    ended->is_answer = true;
    ended->body = answer->body();
    while (!answer->complete()) {
        if (const error_code code = co_await answer->read(TimePoint::max())) {
            ended->failure = upstream::Failure{code, upstream::Stage::reading, false, {}};
            co_return ended;
        }
        ended->body += answer->body();
    }
    co_return ended;
}

void settle(net::asio::io_context& context) {
    context.restart();
    while (context.poll() != 0)
        context.restart();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    static const Listening listening;
    const std::string all{reinterpret_cast<const char*>(data) + 1,
                          std::min<std::size_t>(size - 1, 32 * 1024)};
    std::string_view text = all;
    const std::size_t piece = data[0] % 8 == 0 ? SIZE_MAX : std::size_t{1} << (data[0] % 8);
    net::asio::io_context context;
    net::DeadlineClock clock{context};
    Stats stats;
    upstream::Health health;
    config::Upstream settings;
    settings.url.tls = false;
    settings.url.host = "127.0.0.1";
    settings.url.port = listening.port;
    settings.connect_timeout = settings.response_timeout = settings.reuse_for_mutations =
        settings.idle_timeout = 1h;
    auto pool = std::make_unique<upstream::Pool>(context, clock, settings, nullptr, 1, 1, stats, health);
    std::unique_ptr<Ended> ended;
    const auto on_end = [&](const std::exception_ptr& thrown, std::unique_ptr<Ended> value) {
        require(thrown == nullptr);
        ended = std::move(value);
    };
    net::asio::co_spawn(context.get_executor(), exchange(*pool), on_end);
    int peer = -1;
    while (peer < 0) {
        settle(context);
        peer = ::accept4(listening.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    settle(context);
    while (!text.empty() && !ended) {
        const auto sent = ::send(peer, text.data(), std::min(piece, text.size()), MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        text.remove_prefix(static_cast<std::size_t>(sent));
        settle(context);
    }
    ::close(peer);
    while (!ended)
        settle(context);
    if (ended->failure) {
        require(ended->failure->stage != upstream::Stage::connecting);
        require(ended->is_answer || !all.empty() || ended->failure->code == errc::closed ||
                ended->failure->code == errc::truncated);
    } else {
        require(all.find("HTTP/1.") != std::string::npos);
        require(ended->body.size() <= all.size());
    }
    pool->stop();
    settle(context);
    require(pool->quiet());
    pool.reset();
    clock.stop();
    settle(context);
    return 0;
}
