// Sends a client's bytes, in pieces, to a real session over a socket pair; its handler answers at once. For
// any bytes:
// - nothing crashes, and the session ends after the client has ended;
// - each request that was handled gets exactly one answer;
// - no more requests are handled than the bytes contain heads.
#include <bearerd/base/stats.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/own_reply.hpp>

#include "../../src/server/session.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace bearerd;
using namespace std::chrono_literals;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

constexpr std::string_view answer_mark = "\r\n\r\nhandled";

class MarkingHandler final : public server::Handler {
public:
    net::Task<server::Reply> handle(server::Request request) override {
        ++handled;
        require(request.target.valid && request.body.size() <= 512);
        co_return server::own_reply(request.context, 200, "text/plain", {}, "handled");
    }

    std::size_t handled = 0;
};

std::size_t occurrences(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
        ++count;
    return count;
}

void settle(net::asio::io_context& context) {
    context.restart();
    while (context.poll() != 0)
        context.restart();
}

void receive(int descriptor, std::string& into) {
    char buffer[16 * 1024];
    while (true) {
        const auto size = ::recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size <= 0)
            return;
        into.append(buffer, static_cast<std::size_t>(size));
    }
}

std::shared_ptr<const server::ServiceSettings>
make_service_settings(std::shared_ptr<MarkingHandler> handler) {
    auto service = std::make_shared<server::ServiceSettings>();
    service->access.allowed_origins = {"https://till.example"};
    service->paths = {"/", "/graphql"};
    service->request_body = 512;
    service->header_timeout = service->body_timeout = service->idle_timeout = 1h;
    service->handler = std::move(handler);
    return service;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view text{reinterpret_cast<const char*>(data) + 1,
                          std::min<std::size_t>(size - 1, 16 * 1024)};
    const std::string_view all = text;
    const std::size_t piece = data[0] % 8 == 0 ? SIZE_MAX : std::size_t{1} << (data[0] % 8);
    net::asio::io_context context;
    net::DeadlineClock clock{context};
    net::TaskGroup group;
    Stats stats;
    const auto handler = std::make_shared<MarkingHandler>();
    server::MemoryBudget bodies;
    server::SessionContext session_context{make_service_settings(handler), stats, bodies};
    int pair[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    server::ClientSocket socket{context.get_executor(), net::asio::generic::stream_protocol{AF_UNIX, 0},
                                pair[0]};
    server::AcceptedConnection accepted;
    accepted.listener.address = "127.0.0.1";
    auto session =
        std::make_unique<server::Session>(std::move(socket), accepted, 2048, session_context, clock, group);
    net::spawn(context.get_executor(), server::Session::run(std::move(session)), "session");
    std::string received;
    while (!text.empty()) {
        const auto sent =
            ::send(pair[1], text.data(), std::min(piece, text.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
        settle(context);
        receive(pair[1], received);
        if (sent <= 0)
            break;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::shutdown(pair[1], SHUT_WR);
    settle(context);
    receive(pair[1], received);
    require(group.empty());
    require(occurrences(received, answer_mark) == handler->handled);
    require(handler->handled <= occurrences(all, "HTTP/1."));
    ::close(pair[1]);
    clock.stop();
    settle(context);
    return 0;
}
