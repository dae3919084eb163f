#pragma once

#include "session.hpp"
#include "unit/run_task.hpp"

#include <bearerd/net/event.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/server/own_reply.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
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

    /// Reads so much at most.
    void take(std::size_t most) {
        std::string bytes(most, '\0');
        const auto size = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        received.append(bytes, 0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }

    /// Takes a whole answer with Content-Length out of what was received; empty if there is none yet.
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

/// A body that is produced in pieces.
class FakeSource final : public BodySource {
public:
    enum class End { last, broken, exception };

    /// What it does, and what happened to it.
    struct Script {
        std::vector<std::string> pieces;
        End end = End::last; ///< the last piece has the end; the other ends come after it
        bool waits = false;  ///< for the gate, before each piece but the first
        std::size_t taken = 0;
        int read_for_nobody = 0;
        int finished = 0;
    };

    FakeSource(Script& script, net::Event& gate) : script_{script}, gate_{gate} {}

    net::Task<Piece> next() override {
        if (script_.waits && script_.taken > 0) // the first piece is there with the head
            co_await gate_.wait();
        if (script_.taken == script_.pieces.size() && script_.end == End::exception)
            throw std::bad_alloc{};
        if (script_.taken == script_.pieces.size())
            co_return Piece{{}, State::broken};
        const std::string& piece = script_.pieces[script_.taken++];
        const bool last = script_.end == End::last && script_.taken == script_.pieces.size();
        co_return Piece{piece, last ? State::last : State::more};
    }

    net::Task<void> read_for_nobody() override {
        ++script_.read_for_nobody;
        co_return;
    }

    Report finish() override {
        ++script_.finished;
        Report report;
        report.outcome = graphql::Verdict::graphql_error;
        return report;
    }

private:
    Script& script_;
    net::Event& gate_;
};

/// Notes whether a reply was written.
class FakeDelivery final : public Delivery {
public:
    explicit FakeDelivery(std::vector<bool>& written) : written_{written} {}

    void ended(bool whole) noexcept override { written_.push_back(whole); }

private:
    std::vector<bool>& written_;
};

/// Answers "METHOD PATH?QUERY BODY", or misbehaves.
class FakeHandler final : public Handler {
public:
    enum class Mode { echo, throw_before, stay_silent, wait, look, lend, stream };

    explicit FakeHandler(net::Executor executor) : gate{executor} {}

    net::Task<Reply> handle(Request request) override {
        ++handled;
        ids.emplace_back(request.context.request_id);
        if (mode == Mode::throw_before)
            throw std::runtime_error{"a bug"};
        if (mode == Mode::stay_silent) {
            Reply silent;
            silent.report.kind = OperationKind::mutation;
            co_return silent;
        }
        if (mode == Mode::look)
            gone_at_once.push_back(request.app.note_end());
        if (mode == Mode::wait || mode == Mode::look)
            co_await gate.wait();
        if (mode == Mode::look)
            found_gone.push_back(request.app.is_gone());
        co_return reply_to(request);
    }

    Mode mode = Mode::echo;
    net::Event gate;
    int handled = 0;
    std::string operation_name;
    std::string lent;               ///< by Mode::lend: the body
    int lent_now = 0;               ///< likewise: replies that still have it
    FakeSource::Script script;      ///< by Mode::stream
    http::BodyFraming framing{};    ///< likewise
    std::vector<bool> gone_at_once; ///< by Mode::look: whether the app was, before the gate
    std::vector<bool> found_gone;   ///< likewise, after the gate
    std::vector<bool> written;      ///< whether each reply was that is no stream
    std::vector<std::string> ids;

private:
    Reply reply_to(const Request& request) {
        if (mode == Mode::stream)
            return streamed(request.context);
        std::string body{request.head.method};
        body.append(" ").append(request.target.path);
        if (!request.target.query.empty())
            body.append("?").append(request.target.query);
        body.append(" ").append(request.body);
        http::ReplyContext reply_context = request.context;
        const bool gone = !found_gone.empty() && found_gone.back();
        if (gone)
            reply_context.keep_alive = false;
        Report report;
        report.name = operation_name;
        if (mode == Mode::lend)
            body = lent;
        Reply reply = own_reply(reply_context, 200, "text/plain", {}, std::move(body), std::move(report));
        if (gone)
            reply.after = AfterReply::close;
        reply.delivery = std::make_unique<FakeDelivery>(written);
        if (mode == Mode::lend) {
            ++lent_now;
            reply.body =
                BorrowedBody{lent, {&lent_now, [](void* count) noexcept { --*static_cast<int*>(count); }}};
        }
        return reply;
    }

    Reply streamed(const http::ReplyContext& context) {
        http::ResponseHead head;
        head.status = 200;
        head.reason = "OK";
        Reply reply;
        reply.framing = framing;
        http::append_app_head(reply.head, head, {}, context, framing, 100);
        if (framing == http::BodyFraming::until_close)
            reply.after = AfterReply::close;
        reply.body = std::make_unique<FakeSource>(script, gate);
        return reply;
    }
};

/// Sessions over socket pairs, all in the test's own thread: the loop turns while the test waits for
/// something.
class SessionTest : public testing::Test {
protected:
    SessionTest() {
        service->paths = {"/", "/graphql"};
        service->request_body = 1024;
        service->header_timeout = 1h;
        service->body_timeout = 1h;
        service->idle_timeout = 1h;
        service->handler = handler;
        session_context.service = service;
        accepted.listener.address = "127.0.0.1";
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
        serve(pair[0], AF_UNIX);
        return Client{pair[1]};
    }

    /// The same over TCP, where a reset can be distinguished from a close.
    [[nodiscard]] Client connect_over_tcp() {
        const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(listening, any, size), 0);
        EXPECT_EQ(::listen(listening, 1), 0);
        EXPECT_EQ(::getsockname(listening, any, &size), 0);
        const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::connect(client, any, size), 0);
        const int ours = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        ::close(listening);
        serve(ours, AF_INET);
        return Client{client};
    }

    /// Runs the loop until `done` holds; returns false if it never does.
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

    void serve(int descriptor, int family) {
        ClientSocket socket{context.get_executor(), net::asio::generic::stream_protocol{family, 0},
                            descriptor};
        auto session = std::make_unique<Session>(std::move(socket), accepted, header_limit, session_context,
                                                 clock_, group);
        net::spawn(context.get_executor(), Session::run(std::move(session)), "session");
    }

    net::asio::io_context context;
    net::DeadlineClock clock_{context};
    net::TaskGroup group;
    Stats stats;
    std::shared_ptr<FakeHandler> handler = std::make_shared<FakeHandler>(context.get_executor());
    std::shared_ptr<ServiceSettings> service = std::make_shared<ServiceSettings>();
    MemoryBudget bodies;
    SessionContext session_context{nullptr, stats, bodies};
    AcceptedConnection accepted;
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
