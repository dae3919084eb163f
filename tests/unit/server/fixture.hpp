#pragma once

#include "unit/run_task.hpp"

#include <bearerd/net/event.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/session.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bearerd::server::test {

using namespace std::chrono_literals;

/// The app's end of a connection, non-blocking.
class Client {
public:
    explicit Client(int descriptor) : descriptor_{descriptor} {}

    Client(Client&& other) noexcept
        : received{std::move(other.received)},
          ended{other.ended},
          reset{other.reset},
          descriptor_{std::exchange(other.descriptor_, -1)} {}

    Client& operator=(Client&&) = delete;

    ~Client() { close(); }

    /// As much as the socket takes; how much that was.
    std::size_t send(std::string_view bytes) {
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }

    void shutdown_send() { ::shutdown(descriptor_, SHUT_WR); }

    void close() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
        descriptor_ = -1;
    }

    void drain() {
        char buffer[4096];
        while (!ended) {
            const auto size = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
            if (size > 0) {
                received.append(buffer, static_cast<std::size_t>(size));
                continue;
            }
            if (size < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            ended = true;
            reset = size < 0;
        }
    }

    /// Takes a whole answer with Content-Length out of what was received; empty where there is none yet.
    std::string take_answer() {
        drain();
        const auto head_end = received.find("\r\n\r\n");
        if (head_end == std::string::npos)
            return {};
        std::size_t size = head_end + 4;
        const auto field = received.find("Content-Length: ");
        if (field < head_end)
            size += std::stoul(received.substr(field + 16));
        if (received.size() < size)
            return {};
        std::string answer = received.substr(0, size);
        received.erase(0, size);
        return answer;
    }

    std::string received;
    bool ended = false;
    bool reset = false;

private:
    int descriptor_;
};

/// Answers "METHOD PATH?QUERY BODY", or misbehaves.
class FakeHandler final : public proxy::Handler {
public:
    enum class Mode { echo, throw_before, throw_behind_nothing, throw_amid, stay_silent, wait, look };

    explicit FakeHandler(net::Executor executor) : gate{executor} {}

    net::Task<void> handle(proxy::AppRequest request, proxy::Responder& responder,
                           proxy::Report& report) override {
        ++handled;
        report.name = operation_name;
        ids.emplace_back(request.context.request_id);
        if (mode == Mode::throw_before)
            throw std::runtime_error{"a bug"};
        if (mode == Mode::throw_behind_nothing && responder.write_now({}, {}) == 0)
            throw std::bad_alloc{};
        if (mode == Mode::stay_silent)
            co_return;
        if (mode == Mode::look)
            gone_at_once.push_back(responder.note_end());
        if (mode == Mode::wait || mode == Mode::look)
            co_await gate.wait();
        if (mode == Mode::look)
            found_gone.push_back(responder.app_is_gone());
        std::string body{request.head.method};
        body.append(" ").append(request.target.path);
        if (request.target.has_query)
            body.append("?").append(request.target.query);
        body.append(" ").append(request.body);
        std::string out;
        http::ReplyContext reply_context = request.context;
        if (!found_gone.empty() && found_gone.back()) {
            reply_context.keep_alive = false;
            responder.close_after();
        }
        http::append_own_reply(out, reply_context, 200, "text/plain", {}, body);
        report.status = 200;
        if (mode == Mode::throw_amid)
            out.resize(out.size() - 1);
        static_cast<void>(co_await responder.write(out, {}, {}));
        if (mode == Mode::throw_amid)
            throw std::runtime_error{"a bug"};
    }

    Mode mode = Mode::echo;
    net::Event gate;
    int handled = 0;
    std::string operation_name;
    std::vector<bool> gone_at_once; ///< by Mode::look: whether the app was, before the gate
    std::vector<bool> found_gone;   ///< likewise, behind the gate
    std::vector<std::string> ids;
};

/// Sessions over socket pairs, all in the test's own thread: the loop turns while the test waits for
/// something.
class SessionTest : public testing::Test {
protected:
    SessionTest() {
        site->paths = {"/", "/graphql"};
        site->request_body = 1024;
        site->header_timeout = 1h;
        site->body_timeout = 1h;
        site->idle_timeout = 1h;
        site->handler = handler;
        sites.site = site;
        arrival.listener.address = "127.0.0.1";
    }

    ~SessionTest() override {
        group.finish_now();
        handler->gate.set();
        clock_.stop();
        context.restart();
        context.poll();
    }

    [[nodiscard]] Client connect() {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        ClientSocket socket{context.get_executor(), net::asio::generic::stream_protocol{AF_UNIX, 0}, pair[0]};
        auto session =
            std::make_unique<Session>(std::move(socket), arrival, header_limit, sites, clock_, group);
        net::spawn(context.get_executor(), Session::run(std::move(session)), "session");
        return Client{pair[1]};
    }

    /// Turns the loop until `done` holds; false where that never comes.
    template<class Predicate>
    bool turn_until(Predicate done) {
        return bearerd::test::turn_until(context, std::move(done));
    }

    /// Turns the loop until it has nothing more to do at once.
    void settle() { bearerd::test::settle(context); }

    std::string answer(Client& client) {
        std::string text;
        EXPECT_TRUE(turn_until([&] { return !(text = client.take_answer()).empty() || client.ended; }));
        return text;
    }

    std::string exchange(Client& client, std::string_view request) {
        client.send(request);
        return answer(client);
    }

    bool ends(Client& client) {
        return turn_until([&] {
            client.drain();
            return client.ended;
        });
    }

    /// One request on a connection of its own, and its answer.
    std::string ask(std::string_view request) {
        Client client = connect();
        return exchange(client, request);
    }

    net::asio::io_context context;
    net::DeadlineClock clock_{context};
    net::TaskGroup group;
    Stats stats;
    std::shared_ptr<FakeHandler> handler = std::make_shared<FakeHandler>(context.get_executor());
    std::shared_ptr<Site> site = std::make_shared<Site>();
    BodyBudget bodies;
    SiteHolder sites{nullptr, stats, bodies};
    Arrival arrival;
    std::size_t header_limit = 4096;
};

inline std::string post(std::string_view body, std::string_view fields = {}, std::string_view target = "/") {
    return "POST " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

inline std::string body_of(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
}

inline std::string status_of(const std::string& answer) {
    return answer.size() < 12 ? "none" : answer.substr(9, 3);
}

inline bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

} // namespace bearerd::server::test
