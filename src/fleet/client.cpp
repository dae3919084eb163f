#include <bearerd/fleet/client.hpp>

#include "reply_reader.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

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

constexpr Duration connect_limit = 5s; // name look-up, TCP and TLS
constexpr Duration look_limit = 1s;    // the same while the store is away, so that its return is noticed soon
constexpr Duration greeting_limit = 1s;    // a paused store accepts connections, but answers nothing
constexpr Duration first_pause = 100ms;    // doubled by each failure in a row
constexpr Duration longest_pause = 5s;     // give or take the jitter
constexpr double pause_jitter = 0.25;      // only ever shortens
constexpr Duration short_life = 1s;        // a connection that ends sooner is made again only after a pause
constexpr Duration conclusive_wait = 90ms; // unanswered for so long: the store is away (contract 12: 100 ms)
constexpr std::size_t read_size = 16UL << 10;

/// One command. Its caller waits for the timer, which is cancelled when the answer is there.
struct Pending {
    Pending(net::Executor executor, const Command& command, TimePoint now)
        : bytes{wire_text(command)}, timer{executor}, since{now} {}

    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    ~Pending() { wipe(bytes); } // the greeting's may hold the password

    void end() noexcept {
        done = true;
        try {
            timer.cancel();
        } catch (const std::exception&) { // the caller waits until the timer expires
        }
    }

    std::string bytes;
    net::Timer timer;
    TimePoint since;
    bool done = false;          ///< answered, or given up
    std::optional<Value> value; ///< nullopt: not answered
};

using PendingPtr = std::shared_ptr<Pending>;

/// The commands of a greeting, which may hold the password: it is not left in freed memory.
struct Greeting {
    explicit Greeting(std::vector<Command> from) : commands{std::move(from)} {}

    Greeting(const Greeting&) = delete;
    Greeting& operator=(const Greeting&) = delete;

    ~Greeting() {
        for (Command& command : commands)
            for (std::string& part : command)
                wipe(part);
    }

    std::vector<Command> commands;
};

/// Returns the code of an error: its first word. What follows may quote what was sent. For a command in a
/// script, Redis before 7 says "ERR Error running script … -CODE …".
std::string code_of(const Value& error) {
    constexpr std::size_t longest = 32;
    constexpr std::string_view in_script = "ERR Error running script";
    constexpr std::string_view mark = ": -";
    std::string_view text{error.text};
    if (const auto at = text.find(mark); text.starts_with(in_script) && at != std::string_view::npos)
        text.remove_prefix(at + mark.size());
    const auto* const end = std::ranges::find_if(text, [](char c) { return c < 'A' || c > 'Z'; });
    const auto size = static_cast<std::size_t>(end - text.begin());
    return size == 0 || size > longest ? "an error without a code" : std::string{text.substr(0, size)};
}

/// Whether the error concerns the server and not the command: the server has lost its role, is not ready, or
/// takes no writes.
bool is_of_server(std::string_view code) {
    constexpr std::array<std::string_view, 12> codes{"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN",
                                                     "NOAUTH",   "MOVED",   "ASK",        "BUSY",
                                                     "MISCONF",  "OOM",     "NOREPLICAS", "TRYAGAIN"};
    return std::ranges::find(codes, code) != codes.end();
}

/// Whether the error says that another node of the cluster has the key.
bool is_of_slot(std::string_view code) {
    return code == "MOVED" || code == "ASK";
}

/// Makes the kernel detect within a minute that an idle connection is dead, so that no command has to.
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
    : user_{settings.user},
      password_{settings.password.clone()},
      database_{settings.database},
      prefix_{settings.prefix} {
    address_.url = settings.url;
    address_.connect_timeout = connect_limit;
    address_.tls = settings.tls;
    if (settings.url.tls)
        tls_ = std::make_unique<upstream::TlsContext>(settings.tls, settings.url.host, "fleet.tls");
}

std::vector<Command> Server::greeting(std::string_view slot) const {
    constexpr const char* write = "return redis.call('SET', KEYS[1], '1', 'PX', '1000')";
    std::vector<Command> commands;
    if (!password_.empty()) {
        Command login;
        login.reserve(3); // growing would leave a short password behind
        login.emplace_back("AUTH");
        if (!user_.empty())
            login.push_back(user_);
        login.emplace_back(password_.reveal());
        commands.push_back(std::move(login));
    }
    if (database_ != 0)
        commands.push_back({"SELECT", std::to_string(database_)});
    std::string key{slot.empty() ? std::string_view{prefix_} : slot};
    commands.push_back({"EVAL", write, "1", key.append(":greeting")});
    return commands;
}

std::string_view Server::slot_of(const Command& command) const noexcept {
    constexpr std::size_t key_of_eval = 3;
    const std::size_t at = command.size() > key_of_eval && command[0].starts_with("EVAL") ? key_of_eval : 1;
    if (command.size() <= at)
        return {};
    const std::string_view key{command[at]};
    const auto end = key.find('}');
    const bool is_of_fleet = key.starts_with(prefix_) && key.substr(prefix_.size()).starts_with(":{");
    return is_of_fleet && end != std::string_view::npos ? key.substr(0, end + 1) : std::string_view{};
}

bool Server::note_refused(const std::string& code, TimePoint now) {
    constexpr std::size_t most_codes = 16;
    const std::lock_guard lock{refused_mutex_};
    const auto known = std::ranges::find(refused_, code, &std::pair<std::string, LogLimit>::first);
    if (known != refused_.end())
        return known->second.is_due(now);
    if (refused_.size() >= most_codes)
        refused_.erase(refused_.begin());
    return refused_.emplace_back(code, LogLimit{}).second.is_due(now);
}

/// A connection. The handlers that watch it keep it alive.
struct Client::Link {
    Link(upstream::Dialed dialed, TimePoint now)
        : socket{std::move(dialed.socket)}, ssl{std::move(dialed.ssl)}, opened_at{now} {
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
    bool closed_by_peer = false;
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
    [[nodiscard]] net::Task<std::string> answers_until(std::shared_ptr<Link> link, PendingPtr last);
    [[nodiscard]] net::Task<std::string> answers_quickly(std::shared_ptr<Link> link);
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
    [[nodiscard]] PendingPtr begin(const Command& command, Duration within);
    [[nodiscard]] net::Task<std::optional<Value>> end(PendingPtr pending, Duration within);
    [[nodiscard]] bool refuses_calls(std::size_t commands);
    [[nodiscard]] std::optional<std::string> take(Value value);
    void note_refused(const std::string& code);
    void look_once_more();
    void send_last() noexcept;
    void gave_up(const PendingPtr& pending, Duration within);

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
    std::optional<std::string> ended; ///< why `serving` has ended, if look_once_more() noticed it
    std::string slot;                 ///< of the last command's key: see Server::greeting()
    bool reached = false;             ///< the store has answered since the start
    bool noted_away = false;          ///< the server's note_away() was called, and note_back() was not yet
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
    state_->send_last();
    state_->stopped = true;
    if (std::exchange(state_->noted_away, false))
        static_cast<void>(state_->server->note_back()); // which says nothing about the store
    state_->dialer.stop();
    state_->fail_all();
    state_->wake.set();
}

bool Client::up() const noexcept {
    return state_->phase == State::Phase::up && !state_->stopped;
}

net::Task<std::vector<std::optional<Value>>> Client::call_all(std::vector<Command> commands,
                                                              Duration within) {
    const auto state = state_;
    std::vector<std::optional<Value>> values(commands.size());
    if (state->refuses_calls(commands.size()))
        co_return values;
    std::vector<PendingPtr> pending;
    pending.reserve(commands.size());
    for (const Command& command : commands)
        pending.push_back(state->begin(command, within));
    for (std::size_t i = 0; i < pending.size(); ++i) {
        auto answer = state->end(pending[i], within);
        values[i] = co_await std::move(answer);
    }
    co_return values;
}

Client::Presence Client::presence() const noexcept {
    if (state_->stopped || state_->phase == State::Phase::away)
        return Presence::away;
    return state_->reached ? Presence::ready : Presence::starting;
}

bool Client::State::refuses_calls(std::size_t commands) {
    const bool refuses = stopped || phase == Phase::away;
    if (refuses)
        stats.fleet_store_errors.add(commands);
    return refuses;
}

/// Queues the command, which is sent as soon as the connection allows.
PendingPtr Client::State::begin(const Command& command, Duration within) {
    if (const auto now_in = server->slot_of(command); !now_in.empty() && now_in != slot)
        slot = now_in;
    auto pending = std::make_shared<Pending>(executor, command, hooks.now());
    pending->timer.expires_after(within);
    queued.push_back(pending);
    wake.set();
    return pending;
}

/// Waits for the answer, or until the command's time is over.
net::Task<std::optional<Value>> Client::State::end(PendingPtr pending, Duration within) {
    const auto self = shared_from_this();
    if (!pending->done)
        co_await pending->timer.async_wait(asio::as_tuple(asio::deferred));
    if (!pending->done)
        look_once_more();
    if (!pending->done)
        gave_up(pending, within);
    if (!pending->value || pending->value->kind == Value::Kind::error)
        stats.fleet_store_errors.add();
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
    const TimePoint give_up = BootClock::now() + (phase == Phase::away ? look_limit : connect_limit);
    auto dialed = co_await dialer.dial(give_up);
    if (const auto* const failure = std::get_if<upstream::Failure>(&dialed))
        co_return failure->detail.empty() ? failure->code.message() : failure->detail;
    const auto made = std::make_shared<Link>(std::get<upstream::Dialed>(std::move(dialed)), hooks.now());
    std::string why = co_await greet(made);
    if (why.empty()) {
        came_back();
        why = co_await serve(made);
    }
    serving.reset();
    made->close();
    const bool was_idle = phase == Phase::up && made->closed_by_peer && sent.empty() && queued.empty() &&
                          hooks.now() - made->opened_at >= short_life;
    if (was_idle)
        phase = Phase::connecting;
    co_return was_idle ? std::string{} : why;
}

/// Returns why the store is not ready; empty: it is.
net::Task<std::string> Client::State::greet(std::shared_ptr<Link> link) {
    std::vector<std::pair<std::string, PendingPtr>> greetings; // with the names of their commands
    {
        const Greeting greeting{server->greeting(slot)};
        std::size_t size = 0;
        for (const Command& command : greeting.commands) {
            greetings.emplace_back(command.front(),
                                   std::make_shared<Pending>(executor, command, hooks.now()));
            size += greetings.back().second->bytes.size();
        }
        link->out.reserve(size); // growing would leave the password behind
    }
    for (const auto& [name, greeting] : greetings) {
        link->out += greeting->bytes;
        wipe(greeting->bytes);
        sent.push_back(greeting);
    }
    auto answered = answers_until(link, greetings.back().second);
    const std::string why = co_await std::move(answered);
    for (const auto& [name, greeting] : greetings) {
        if (!greeting->value)
            co_return why.empty() ? name + ": no answer" : why;
        if (greeting->value->kind != Value::Kind::error)
            continue;
        // As long as it is not known where the keys are, another node of a cluster may have this one.
        const std::string code = code_of(*greeting->value);
        if (!slot.empty() || !is_of_slot(code))
            co_return name + ": " + code + (why.empty() ? "" : "; " + why);
    }
    if (!why.empty())
        co_return why;
    if (phase != Phase::away)
        co_return std::string{};
    auto quick = answers_quickly(link);
    co_return co_await std::move(quick);
}

/// Sends what is written to the link, and waits for the answer to `last`. Returns why there is none.
net::Task<std::string> Client::State::answers_until(std::shared_ptr<Link> link, PendingPtr last) {
    net::Deadline deadline{clock, &net::Event::set_at_deadline, &wake};
    deadline.set_after(greeting_limit);
    while (!last->done) {
        if (auto why = pump(*link))
            co_return *why;
        if (last->done)
            break;
        if (stopped || deadline.expired())
            co_return "no answer to the greeting";
        watch(link);
        co_await wake.wait();
    }
    co_return std::string{};
}

/// A store that was away counts as back only if it answers as quickly as requests need it. Otherwise it would
/// go away and come back for ever, and delay a request each time. AUTH may take longer. Returns why the store
/// is not back; empty: it is.
net::Task<std::string> Client::State::answers_quickly(std::shared_ptr<Link> link) {
    PendingPtr probe;
    {
        const Greeting greeting{server->greeting(slot)};
        probe = std::make_shared<Pending>(executor, greeting.commands.back(), hooks.now());
    }
    link->out += probe->bytes;
    sent.push_back(probe);
    auto answered = answers_until(link, probe);
    std::string why = co_await std::move(answered);
    if (why.empty() && hooks.now() - probe->since > conclusive_wait)
        why = "it answers too slowly";
    co_return why;
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
    const auto shortened = scaled(wait, 1 - pause_jitter * roll);
    deadline.set_after(std::max(first_pause, shortened));
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
        link.closed_by_peer = step.state != IoState::done;
        if (link.closed_by_peer)
            return "it closed the connection";
        link.replies.feed({bytes.data(), step.size});
        while (auto value = link.replies.next()) {
            if (auto why = take(std::move(*value)))
                return why;
        }
        if (link.replies.broken())
            return "its answer is not in the protocol, or too large";
    }
}

/// Gives an answer to the command that it belongs to. Returns why the connection has to end, if it has to.
std::optional<std::string> Client::State::take(Value value) {
    if (sent.empty())
        return "it answered what nobody had asked";
    const PendingPtr pending = std::move(sent.front());
    sent.pop_front();
    std::optional<std::string> why;
    const bool is_greeting =
        phase != Phase::up; // greet() judges it: a store may answer that and nothing else
    if (!is_greeting && value.kind == Value::Kind::error) {
        const std::string code = code_of(value);
        if (is_of_server(code))
            why = "it says " + code;
        else
            note_refused(code);
    }
    if (!is_greeting && !why)
        failures = 0;
    if (!pending->done) {
        pending->value = std::move(value);
        pending->end();
    }
    return why;
}

/// Logs the code only: the error's text may quote what was sent.
void Client::State::note_refused(const std::string& code) {
    if (server->note_refused(code, hooks.now()))
        log::warning(
            "the store of the fleet refuses a command: what the command was for is not shared",
            {{"store", std::string_view{server->address().url.text}}, {"code", std::string_view{code}}});
}

/// Sends what is queued, except commands whose callers have given up: they could be executed long afterwards.
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
    if (!std::exchange(noted_away, true) && server->note_away())
        log::warning(
            "the store of the fleet is away: each replica goes on by itself",
            {{"store", std::string_view{server->address().url.text}}, {"reason", std::string_view{why}}});
}

void Client::State::came_back() {
    phase = Phase::up;
    reached = true;
    late = false;
    stats.fleet_store_up.set(1);
    if (std::exchange(noted_away, false) && server->note_back())
        log::info("the store of the fleet is back",
                  {{"store", std::string_view{server->address().url.text}}});
}

/// Reads what has arrived: if the thread or the process was held up, a timer expires although the answer is
/// there.
void Client::State::look_once_more() {
    if (!serving || ended)
        return;
    ended = take_replies(*serving);
    if (ended)
        wake.set();
}

/// Writes the commands that were called before stop(), such as the release of a lease, as far as the socket
/// takes them at once.
void Client::State::send_last() noexcept {
    if (!serving || ended || stopped)
        return;
    try {
        send_queued(*serving);
        static_cast<void>(write_out(*serving));
    } catch (const std::exception&) { // no memory: it is not sent
    }
}

/// Marks the store as away, so that no other caller waits as long for it. A short wait, as at the end of a
/// request's time, says nothing about the store, unless another command has been unanswered for longer.
void Client::State::gave_up(const PendingPtr& pending, Duration within) {
    pending->done = true;
    if (stopped)
        return;
    const auto oldest = sent.empty() ? pending->since : std::min(pending->since, sent.front()->since);
    std::erase(queued, pending);
    if (within < conclusive_wait && hooks.now() - oldest < conclusive_wait)
        return;
    late = true; // if there is a connection, it ends
    went_away("no answer in time");
    wake.set();
}

} // namespace bearerd::fleet
