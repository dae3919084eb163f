#include <bearerd/fleet/client.hpp>

#include "reply_reader.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <exception>
#include <random>
#include <utility>
#include <vector>

namespace bearerd::fleet {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;
using upstream::IoState;
using upstream::IoStep;

constexpr Duration connect_limit = 5s;  // name look-up, TCP and TLS
constexpr Duration greeting_limit = 1s; // a store that is paused accepts connections all the same
constexpr Duration first_pause = 100ms; // doubled by each failure in a row
constexpr Duration longest_pause = 5s;  // give or take the jitter
constexpr double pause_jitter = 0.25;
constexpr Duration short_life = 1s; // of a connection that is made again only after a pause
constexpr std::size_t read_size = 16UL << 10;

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

/// One command. Its caller waits for the timer, which is cancelled when the answer is there.
struct Pending {
    Pending(net::Executor executor, std::string text) : bytes{std::move(text)}, timer{executor} {}

    void end() noexcept {
        done = true;
        try {
            timer.cancel();
        } catch (const std::exception&) { // then it ends in its own time
        }
    }

    std::string bytes;
    Timer timer;
    bool done = false;          ///< answered, or given up
    std::optional<Value> value; ///< nullopt: not answered
};

using PendingPtr = std::shared_ptr<Pending>;

/// The first word of an error, which is its code. What follows may quote what was sent.
std::string code_of(const Value& error) {
    return error.text.substr(0, std::min(error.text.find(' '), std::size_t{32}));
}

/// Errors that speak of the server and not of the command: it has lost its role, or is not ready.
bool is_of_server(const Value& value) {
    if (value.kind != Value::Kind::error)
        return false;
    constexpr std::array<std::string_view, 7> codes{"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN",
                                                    "NOAUTH",   "MOVED",   "ASK"};
    return std::ranges::find(codes, code_of(value)) != codes.end();
}

/// Has the kernel find out within a minute that an idle line is dead, so that no command does.
void keep_alive(int descriptor) noexcept {
    const int on = 1;
    const int idle_s = 20;
    const int interval_s = 10;
    const int probes = 3;
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

} // namespace

Server::Server(const config::Fleet& settings)
    : user_{settings.user}, password_{settings.password.clone()}, database_{settings.database} {
    address_.url = settings.url;
    address_.connect_timeout = connect_limit;
    address_.tls = settings.tls;
    if (settings.url.tls)
        tls_ = std::make_unique<upstream::TlsContext>(settings.tls, settings.url.host, "fleet.tls");
}

std::vector<Command> Server::greeting() const {
    std::vector<Command> commands;
    if (!password_.empty()) {
        Command login{"AUTH"};
        if (!user_.empty())
            login.push_back(user_);
        login.emplace_back(password_.reveal());
        commands.push_back(std::move(login));
    }
    if (database_ != 0)
        commands.push_back({"SELECT", std::to_string(database_)});
    commands.push_back({"PING"});
    return commands;
}

/// A connection. The handlers that watch it keep it alive.
struct Client::Link {
    explicit Link(upstream::Dialed dialed)
        : socket{std::move(dialed.socket)}, ssl{std::move(dialed.ssl)}, opened_at{BootClock::now()} {
        keep_alive(socket.native_handle());
    }

    ~Link() { wipe(out); }

    [[nodiscard]] IoStep read(char* data, std::size_t size) noexcept {
        if (ssl)
            return upstream::tls_read(ssl.get(), data, size);
        const auto got = ::recv(socket.native_handle(), data, size, MSG_DONTWAIT);
        if (got > 0)
            return {IoState::done, static_cast<std::size_t>(got)};
        return {got == 0 ? IoState::end : net::would_block() ? IoState::want_read : IoState::failed, 0};
    }

    [[nodiscard]] IoStep write(const char* data, std::size_t size) noexcept {
        if (ssl)
            return upstream::tls_write(ssl.get(), data, size);
        const auto put = ::send(socket.native_handle(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put > 0)
            return {IoState::done, static_cast<std::size_t>(put)};
        return {net::would_block() ? IoState::want_write : IoState::failed, 0};
    }

    void close() noexcept {
        if (ssl)
            upstream::tls_close(ssl.get());
        error_code ignored;
        socket.close(ignored);
    }

    upstream::TcpSocket socket;
    upstream::SslPtr ssl; ///< nullptr: redis://
    ReplyReader replies;
    std::string out; ///< not written yet from `written` on
    std::size_t written = 0;
    bool wants_room = false; ///< the socket takes no more just now
    bool watches_read = false;
    bool watches_room = false;
    TimePoint opened_at;
};

struct Client::State : std::enable_shared_from_this<Client::State> {
    /// `connecting`: not tried yet, or the server has closed a connection that was idle.
    enum class Phase : std::uint8_t { connecting, up, away };

    State(asio::io_context& context, net::DeadlineClock& deadline_clock, std::shared_ptr<Server> of,
          Stats& counters, Hooks for_tests)
        : executor{context.get_executor()},
          clock{deadline_clock},
          server{std::move(of)},
          stats{counters},
          hooks{std::move(for_tests)},
          dialer{context, clock, server->address(), server->tls(), hooks.resolve},
          wake{executor} {
        stats.fleet_store_up.set(0);
    }

    static net::Task<void> run(std::shared_ptr<State> self);
    [[nodiscard]] net::Task<std::string> connect_and_serve();
    [[nodiscard]] net::Task<std::string> greet(std::shared_ptr<Link> link);
    [[nodiscard]] net::Task<std::string> serve(std::shared_ptr<Link> served);
    [[nodiscard]] net::Task<void> pause();
    [[nodiscard]] std::optional<std::string> pump(Link& link);
    [[nodiscard]] static std::optional<std::string> write_out(Link& link) noexcept;
    [[nodiscard]] std::optional<std::string> take_replies(Link& link);
    void send_queued(Link& link);
    void watch(const std::shared_ptr<Link>& link);
    void fail_all() noexcept;
    void went_away(const std::string& why);
    void came_back();
    void look_once_more();
    void gave_up(const PendingPtr& pending);

    net::Executor executor;
    net::DeadlineClock& clock;
    std::shared_ptr<Server> server;
    Stats& stats;
    Hooks hooks;
    upstream::Dialer dialer;
    net::Event wake; ///< of the coroutine that keeps the connection
    std::minstd_rand dice{std::random_device{}()};
    std::deque<PendingPtr> queued; ///< not sent yet
    std::deque<PendingPtr> sent;   ///< answered in this order
    Phase phase = Phase::connecting;
    std::uint32_t failures = 0;       ///< in a row
    std::shared_ptr<Link> serving;    ///< while it serves
    std::optional<std::string> ended; ///< why that has, if look_once_more() has found it
    bool late = false;                ///< a command was not answered in time
    bool stopped = false;
};

Client::Client(asio::io_context& context, net::DeadlineClock& clock, std::shared_ptr<Server> server,
               Stats& stats)
    : Client{context, clock, std::move(server), stats, Hooks{}} {}

Client::Client(asio::io_context& context, net::DeadlineClock& clock, std::shared_ptr<Server> server,
               Stats& stats, Hooks hooks)
    : state_{std::make_shared<State>(context, clock, std::move(server), stats, std::move(hooks))} {}

Client::~Client() {
    stop();
}

void Client::start() {
    net::spawn(state_->executor, State::run(state_), "fleet store");
}

void Client::stop() noexcept {
    state_->stopped = true;
    state_->dialer.stop();
    state_->fail_all();
    state_->wake.set();
}

bool Client::up() const noexcept {
    return state_->phase == State::Phase::up && !state_->stopped;
}

net::Task<std::optional<Value>> Client::call(Command command, Duration within) {
    const auto state = state_;
    if (state->stopped || state->phase == State::Phase::away) {
        state->stats.fleet_store_errors.add();
        co_return std::nullopt;
    }
    const auto pending = std::make_shared<Pending>(state->executor, wire_text(command));
    state->queued.push_back(pending);
    state->wake.set();
    pending->timer.expires_after(within);
    co_await pending->timer.async_wait(asio::as_tuple(asio::deferred));
    if (!pending->done)
        state->look_once_more();
    if (!pending->done)
        state->gave_up(pending);
    if (!pending->value || pending->value->kind == Value::Kind::error)
        state->stats.fleet_store_errors.add();
    co_return std::move(pending->value);
}

/// Keeps a connection for as long as the client lives.
net::Task<void> Client::State::run(std::shared_ptr<State> self) {
    while (!self->stopped) {
        std::string why;
        try {
            why = co_await self->connect_and_serve();
        } catch (const std::exception& problem) { // no memory
            why = problem.what();
        }
        self->serving.reset();
        self->fail_all();
        if (self->stopped || why.empty())
            continue;
        self->went_away(why);
        ++self->failures;
        co_await self->pause();
    }
}

/// Returns why the connection ended or was not made; empty: it was idle, and may be made again at once.
net::Task<std::string> Client::State::connect_and_serve() {
    const TimePoint give_up = BootClock::now() + connect_limit;
    auto dialed = co_await dialer.dial(give_up);
    if (const auto* const failure = std::get_if<upstream::Failure>(&dialed))
        co_return failure->detail.empty() ? failure->code.message() : failure->detail;
    const auto made = std::make_shared<Link>(std::get<upstream::Dialed>(std::move(dialed)));
    std::string why = co_await greet(made);
    if (why.empty()) {
        came_back();
        why = co_await serve(made);
    }
    serving.reset();
    made->close();
    const bool was_idle = phase == Phase::up && sent.empty() && queued.empty() &&
                          BootClock::now() - made->opened_at >= short_life;
    if (was_idle)
        phase = Phase::connecting;
    co_return was_idle ? std::string{} : why;
}

/// Returns why the store is not ready; empty: it is.
net::Task<std::string> Client::State::greet(std::shared_ptr<Link> link) {
    std::vector<PendingPtr> greetings;
    std::size_t size = 0;
    for (const Command& command : server->greeting()) {
        greetings.push_back(std::make_shared<Pending>(executor, wire_text(command)));
        size += greetings.back()->bytes.size();
    }
    link->out.reserve(size); // growing would leave the password behind
    for (const PendingPtr& greeting : greetings) {
        link->out += greeting->bytes;
        wipe(greeting->bytes);
        sent.push_back(greeting);
    }
    net::Deadline deadline{clock, &net::Event::set_at_deadline, &wake};
    deadline.set_after(greeting_limit);
    while (!greetings.back()->done) {
        if (auto why = pump(*link))
            co_return *why;
        if (greetings.back()->done)
            break;
        if (stopped || deadline.expired())
            co_return "no answer to the greeting";
        watch(link);
        co_await wake.wait();
    }
    for (const PendingPtr& greeting : greetings)
        if (!greeting->value || greeting->value->kind == Value::Kind::error)
            co_return "it says " + (greeting->value ? code_of(*greeting->value) : std::string{"nothing"});
    co_return std::string{};
}

/// Returns why the connection ended.
net::Task<std::string> Client::State::serve(std::shared_ptr<Link> served) {
    serving = served;
    ended.reset();
    while (!stopped) {
        if (ended)
            co_return *ended;
        send_queued(*served);
        if (auto why = pump(*served))
            co_return *why;
        if (late)
            co_return "no answer in time";
        if (!queued.empty())
            continue;
        watch(served);
        co_await wake.wait();
    }
    co_return "stopped";
}

net::Task<void> Client::State::pause() {
    constexpr std::uint32_t most_doublings = 10;
    const double roll = hooks.jitter ? hooks.jitter() : std::uniform_real_distribution<double>{0, 1}(dice);
    const auto wait = std::min(first_pause * (1U << std::min(failures - 1, most_doublings)), longest_pause);
    net::Deadline deadline{clock, &net::Event::set_at_deadline, &wake};
    deadline.set_after(std::chrono::duration_cast<Duration>(wait * (1 + pause_jitter * (2 * roll - 1))));
    while (!stopped && !deadline.expired())
        co_await wake.wait();
}

/// Moves what can be moved without waiting. Returns why the connection has ended, if it has.
std::optional<std::string> Client::State::pump(Link& link) {
    if (auto why = write_out(link))
        return why;
    return take_replies(link);
}

std::optional<std::string> Client::State::write_out(Link& link) noexcept {
    link.wants_room = false;
    while (link.written < link.out.size()) {
        const IoStep step = link.write(link.out.data() + link.written, link.out.size() - link.written);
        if (step.state == IoState::done) {
            link.written += step.size;
            continue;
        }
        link.wants_room = step.state == IoState::want_write;
        if (link.wants_room || step.state == IoState::want_read)
            return std::nullopt;
        return "it closed the connection";
    }
    if (link.written != 0)
        wipe(link.out);
    link.written = 0;
    return std::nullopt;
}

std::optional<std::string> Client::State::take_replies(Link& link) {
    std::array<char, read_size> bytes; // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    while (true) {
        const IoStep step = link.read(bytes.data(), bytes.size());
        if (step.state == IoState::want_write)
            link.wants_room = true;
        if (step.state == IoState::want_write || step.state == IoState::want_read)
            return std::nullopt;
        if (step.state != IoState::done)
            return "it closed the connection";
        link.replies.feed({bytes.data(), step.size});
        while (auto value = link.replies.next()) {
            if (sent.empty())
                return "it answered what nobody had asked";
            const PendingPtr pending = std::move(sent.front());
            sent.pop_front();
            if (phase == Phase::up) // else it is the greeting's: a store may answer that and nothing else
                failures = 0;
            std::optional<std::string> why;
            if (is_of_server(*value))
                why = "it says " + code_of(*value);
            if (!pending->done) {
                pending->value = std::move(value);
                pending->end();
            }
            if (why)
                return why;
        }
        if (link.replies.broken())
            return "its answer is not in the protocol, or too large";
    }
}

/// What nobody waits for any more is not sent: it could be executed long after.
void Client::State::send_queued(Link& link) {
    for (; !queued.empty(); queued.pop_front()) {
        if (queued.front()->done)
            continue;
        link.out += queued.front()->bytes;
        sent.push_back(std::move(queued.front()));
    }
}

void Client::State::watch(const std::shared_ptr<Link>& link) {
    const auto wait_for = [&](asio::socket_base::wait_type what, bool Link::* watches) {
        if (std::exchange((*link).*watches, true))
            return;
        link->socket.async_wait(what, [self = shared_from_this(), link, watches](error_code) {
            (*link).*watches = false;
            self->wake.set();
        });
    };
    wait_for(asio::socket_base::wait_read, &Link::watches_read);
    if (link->wants_room)
        wait_for(asio::socket_base::wait_write, &Link::watches_room);
}

void Client::State::fail_all() noexcept {
    for (auto* const list : {&sent, &queued}) {
        for (const PendingPtr& pending : *list)
            if (!pending->done)
                pending->end();
        list->clear();
    }
}

void Client::State::went_away(const std::string& why) {
    phase = Phase::away;
    stats.fleet_store_up.set(0);
    if (server->note_away(true))
        log::warning(
            "the store of the fleet is away: each replica goes on by itself",
            {{"store", std::string_view{server->address().url.text}}, {"reason", std::string_view{why}}});
}

void Client::State::came_back() {
    phase = Phase::up;
    late = false;
    stats.fleet_store_up.set(1);
    if (server->note_away(false))
        log::info("the store of the fleet is back",
                  {{"store", std::string_view{server->address().url.text}}});
}

/// The timer of a thread or process that was held up may pass although the answer is there.
void Client::State::look_once_more() {
    if (!serving || ended)
        return;
    ended = take_replies(*serving);
    if (ended)
        wake.set();
}

/// Nobody is to wait as long for the same store again.
void Client::State::gave_up(const PendingPtr& pending) {
    pending->done = true;
    if (stopped)
        return;
    late = true; // if there is a connection, it ends
    std::erase(queued, pending);
    went_away("no answer in time");
    wake.set();
}

} // namespace bearerd::fleet
