#include <bearerd/upstream/dialer.hpp>

#include <bearerd/base/signals.hpp>
#include <bearerd/net/readiness.hpp>
#include <bearerd/net/spawn.hpp>

#include "connect_proxy.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

namespace bearerd::upstream {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;

constexpr Duration stagger = 250ms;     // RFC 8305 section 8, Connection Attempt Delay
constexpr Duration address_life = 30s;  // getaddrinfo gives no TTL; this follows a moved upstream soon enough
constexpr Duration last_hope = 1s;      // for a look-up, after all known addresses have failed
constexpr std::size_t most_lookups = 4; // hanging ones, each in a thread of its own
constexpr std::size_t most_addresses = 16; // a bound on what one name can make us try

std::atomic<std::size_t> lookup_threads = 0; // of all dialers

std::string endpoint_text(const TcpEndpoint& endpoint) {
    const bool v6 = endpoint.address().is_v6();
    return (v6 ? "[" : "") + endpoint.address().to_string() + (v6 ? "]:" : ":") +
           std::to_string(endpoint.port());
}

/// Gives the descriptor a new registration in the reactor. Connecting left it registered for writability,
/// with which every new wait for an answer would wake the loop once for nothing.
error_code register_again(TcpSocket& socket) {
    error_code code;
    const auto protocol = socket.local_endpoint(code).protocol();
    if (code)
        return code;
    TcpSocket fresh{socket.get_executor()};
    const int descriptor = socket.release(code);
    if (code)
        return code;
    fresh.assign(protocol, descriptor, code);
    if (code)
        ::close(descriptor);
    socket = std::move(fresh);
    return code;
}

} // namespace

/// The waits of a whole dial, or of one of its addresses. Its deadline, the shutdown, or the end of the race
/// can end them.
struct Dialer::Attempt {
    explicit Attempt(Dialer& owner)
        : dialer{owner},
          event{std::make_shared<net::Event>(owner.executor_)},
          deadline{owner.clock_, &Attempt::on_deadline, this} {
        dialer.attempts_.push_back(this);
    }

    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    ~Attempt() { std::erase(dialer.attempts_, this); }

    static void on_deadline(void* self) noexcept {
        auto& attempt = *static_cast<Attempt*>(self);
        attempt.event->set();
        if (attempt.socket != nullptr) {
            error_code ignored;
            attempt.socket->cancel(ignored);
        }
    }

    Dialer& dialer;
    std::shared_ptr<net::Event> event; ///< an abandoned look-up may still set it later
    net::Deadline deadline;
    TcpSocket* socket = nullptr; ///< the socket on which one address waits
};

/// Shared by the dialer and the threads that look up its name. getaddrinfo can't be interrupted, so neither
/// the dialer nor the process waits for such a thread.
struct Dialer::Lookups {
    /// Runs on the look-up's thread.
    static void run(const std::shared_ptr<Lookups>& self, const ResolveFunction& resolve,
                    const std::string& host, std::uint16_t port, std::uint64_t number) noexcept {
        const auto leave = [](std::atomic<std::size_t>* threads) { --*threads; };
        const std::unique_ptr<std::atomic<std::size_t>, decltype(leave)> leaving{&lookup_threads, leave};
        block_signals();
        Resolved resolved;
        try {
            resolved = resolve(host, port);
        } catch (...) {
            resolved.code = asio::error::no_memory;
        }
        const std::lock_guard lock{self->mutex};
        if (!self->executor)
            return; // the dialer has ended, and perhaps the loop too
        try {
            asio::post(*self->executor, [self, number, resolved = std::move(resolved)]() mutable {
                self->finish(number, std::move(resolved));
            });
        } catch (...) {
            // Without memory this can't be reported. The look-up counts as one that hangs.
        }
    }

    [[nodiscard]] bool under_way() const noexcept { return answered != started; }

    /// Makes the next answer set the event.
    void tell(const std::shared_ptr<net::Event>& event) {
        if (under_way() && std::ranges::find(waiters, event) == waiters.end())
            waiters.push_back(event);
    }

    /// Runs on the loop.
    void finish(std::uint64_t number, Resolved resolved) {
        --running;
        const bool good = !resolved.endpoints.empty();
        // A newer look-up has brought addresses, or is still running and may do better.
        if (good ? number < brought : number != started)
            return;
        answered = std::max(answered, number);
        ++answers;
        if (good)
            brought = number;
        if (good || !newest || newest->endpoints.empty()) // a failure removes no addresses
            newest = std::move(resolved);
        for (const auto& waiter : waiters)
            waiter->set();
        waiters.clear();
    }

    std::mutex mutex;
    std::optional<net::Executor> executor; ///< under the mutex; none after the dialer has ended

    // On the loop only:
    std::vector<std::shared_ptr<net::Event>> waiters;
    std::size_t running = 0;
    std::uint64_t started = 0;  ///< the number of the last look-up
    std::uint64_t answered = 0; ///< the number of the newest one that has answered
    std::uint64_t brought = 0;  ///< the number of the newest one with addresses
    std::uint64_t answers = 0;
    TimePoint started_at{};
    std::optional<Resolved> newest; ///< until the dialer has taken it
};

/// Parallel attempts on several addresses. The first to complete TCP, proxy and TLS wins.
struct Dialer::Race {
    enum class Step : std::uint8_t { tcp, proxy, tls };

    Race(Dialer& owner, std::shared_ptr<net::Event> event, TimePoint end)
        : dialer{owner}, changed{std::move(event)}, until{end} {
        ++dialer.races_;
    }

    Race(const Race&) = delete;
    Race& operator=(const Race&) = delete;

    ~Race() { --dialer.races_; }

    /// Ends the running attempts. One that was started and has not run yet ends at once.
    void end() noexcept {
        over = true;
        for (Attempt* attempt : attempts)
            attempt->deadline.expire();
    }

    /// Keeps the failure of the address that got furthest, because it is the most informative.
    void fail(Step step, Failure failure) {
        if (!worst || step >= worst_step) {
            worst = std::move(failure);
            worst_step = step;
        }
    }

    Dialer& dialer;
    std::shared_ptr<net::Event> changed;
    TimePoint until;
    std::vector<Attempt*> attempts; ///< running
    std::size_t running = 0;
    std::optional<Dialed> winner;
    TcpEndpoint winners_endpoint;
    bool failed_one = false; ///< since the last look: the next one starts at once
    bool refused = false;    ///< by the proxy, whose other addresses would answer the same
    bool over = false;       ///< no attempt may start any more
    std::optional<Failure> worst;
    Step worst_step = Step::tcp;
};

Resolved look_up(const std::string& host, std::uint16_t port) {
    Resolved resolved;
    asio::io_context context; // never run: this look-up blocks
    asio::ip::tcp::resolver resolver{context};
    const auto results =
        resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service, resolved.code);
    for (const auto& result : results)
        resolved.endpoints.push_back(result.endpoint());
    return resolved;
}

bool is_looking_up() noexcept {
    return lookup_threads != 0;
}

std::vector<TcpEndpoint> interleave_families(const std::vector<TcpEndpoint>& resolved) {
    std::vector<TcpEndpoint> first;
    std::vector<TcpEndpoint> second;
    for (const TcpEndpoint& endpoint : resolved)
        (endpoint.protocol() == resolved.front().protocol() ? first : second).push_back(endpoint);
    std::vector<TcpEndpoint> order;
    for (std::size_t i = 0; order.size() < most_addresses && (i < first.size() || i < second.size()); ++i) {
        if (i < first.size())
            order.push_back(first[i]);
        if (i < second.size())
            order.push_back(second[i]);
    }
    return order;
}

Dialer::Dialer(asio::io_context& context, net::DeadlineClock& clock, const config::Upstream& settings,
               TlsContext* tls, ResolveFunction resolve)
    : executor_{context.get_executor()},
      clock_{clock},
      settings_{settings},
      tls_{tls},
      resolve_{std::move(resolve)},
      lookups_{std::make_shared<Lookups>()} {
    lookups_->executor = executor_;
}

Dialer::~Dialer() {
    const std::lock_guard lock{lookups_->mutex};
    lookups_->executor.reset();
    lookups_->waiters.clear(); // they belong to this thread
}

void Dialer::stop() noexcept {
    stopped_ = true;
    for (Attempt* attempt : attempts_)
        attempt->deadline.expire();
}

Failure Dialer::failure(const Attempt& attempt, error_code code, std::string detail) const {
    if (stopped_)
        return {errc::shutting_down, Stage::connecting, false, std::move(detail)};
    if (attempt.deadline.expired())
        return {errc::timed_out, Stage::connecting, false, "connecting took too long: " + detail};
    return {code, Stage::connecting, false, std::move(detail)};
}

net::Task<DialResult> Dialer::dial(TimePoint give_up) {
    Attempt attempt{*this};
    if (stopped_)
        co_return Failure{errc::shutting_down, Stage::connecting, false, {}};
    const TimePoint until = std::min(BootClock::now() + settings_.connect_timeout, give_up);
    attempt.deadline.set(until);
    auto resolved = co_await resolve(attempt);
    if (auto* failed = std::get_if<Failure>(&resolved))
        co_return std::move(*failed);
    auto addresses = std::get<std::vector<TcpEndpoint>>(std::move(resolved));
    if (last_served_) {
        const auto served = std::ranges::find(addresses, *last_served_);
        if (served != addresses.end())
            std::rotate(addresses.begin(), served, std::next(served));
    }
    const auto race = std::make_shared<Race>(*this, attempt.event, until);
    co_await run_race(attempt, race, std::move(addresses));
    if (race->winner && !stopped_) {
        last_served_ = race->winners_endpoint;
        co_return std::move(*race->winner);
    }
    known_until_ = {}; // no address worked: ask again for the next connection
    if (!race->worst || stopped_)
        co_return failure(attempt, errc::connect_failed, "no address answers");
    co_return std::move(*race->worst);
}

void Dialer::take_looked_up() {
    const auto newest = std::exchange(lookups_->newest, std::nullopt);
    if (!newest)
        return;
    lookup_error_ = newest->code;
    if (newest->endpoints.empty())
        return;
    known_ = interleave_families(newest->endpoints);
    known_until_ = BootClock::now() + address_life;
}

/// If the upstream has moved, the addresses with which a dial began are useless.
void Dialer::add_known(std::vector<TcpEndpoint>& addresses) const {
    for (const TcpEndpoint& endpoint : known_)
        if (std::ranges::find(addresses, endpoint) == addresses.end())
            addresses.push_back(endpoint);
}

/// Starts a look-up, unless one is running that may still answer.
void Dialer::start_lookup(const std::string& host, std::uint16_t port) {
    Lookups& lookups = *lookups_;
    const TimePoint now = BootClock::now();
    if (lookups.under_way() && now - lookups.started_at < settings_.connect_timeout)
        return;
    if (lookups.running >= most_lookups)
        return;
    const std::uint64_t number = ++lookups.started;
    lookups.started_at = now;
    ++lookups.running;
    ++lookup_threads;
    try {
        std::thread{&Lookups::run, lookups_, resolve_, host, port, number}.detach();
    } catch (const std::exception&) { // no thread, or no memory
        --lookup_threads;
        Resolved none;
        none.code = asio::error::host_not_found_try_again;
        lookups.finish(number, std::move(none));
    }
}

net::Task<std::variant<std::vector<TcpEndpoint>, Failure>> Dialer::resolve(Attempt& attempt) {
    const std::string& host = settings_.proxy ? settings_.proxy->host : settings_.url.host;
    const std::uint16_t port = settings_.proxy ? settings_.proxy->port : settings_.url.port;
    error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal)
        co_return std::vector<TcpEndpoint>{TcpEndpoint{literal, port}};
    const std::shared_ptr<Lookups> lookups = lookups_;
    const std::uint64_t answers = lookups->answers;
    take_looked_up();
    if (known_.empty() || BootClock::now() >= known_until_)
        start_lookup(host, port);
    // Earlier addresses are the best guess until the name server answers; then its addresses join the race.
    if (!known_.empty())
        co_return known_;
    while (lookups->answers == answers && !attempt.deadline.expired()) {
        lookups->tell(attempt.event);
        co_await attempt.event->wait();
    }
    std::erase(lookups->waiters, attempt.event);
    take_looked_up(); // another dial may have taken it already
    if (!known_.empty())
        co_return known_;
    std::string detail = (settings_.proxy ? "looking up the proxy " : "looking up ") + host;
    detail += lookups->answers == answers ? " brings no answer" // it may serve a later dial yet
                                          : ": " + lookup_error_.message();
    co_return failure(attempt, errc::name_not_found, std::move(detail));
}

/// Starts one address after the other until one succeeds. Ends when no attempt is running.
net::Task<void> Dialer::run_race(Attempt& attempt, std::shared_ptr<Race> race,
                                 std::vector<TcpEndpoint> addresses) {
    const auto end = [](Race* left) { left->end(); };
    const std::unique_ptr<Race, decltype(end)> ending{race.get(), end}; // also if an exception ends this
    net::Deadline next{clock_, &net::Event::set_at_deadline, attempt.event.get()};
    net::Deadline hope{clock_, &net::Event::set_at_deadline, attempt.event.get()};
    bool hoping = false;
    // If time is short, each of the addresses still gets its turn.
    const Duration left = race->until - BootClock::now();
    const Duration pause = std::min<Duration>(stagger, left / (static_cast<int>(addresses.size()) + 1));
    std::size_t started = 0;
    while (!race->winner && !attempt.deadline.expired()) {
        take_looked_up();
        add_known(addresses);
        const bool turn = race->running == 0 || race->failed_one || next.expired();
        if (turn && started < addresses.size() && !race->refused) {
            race->failed_one = false;
            ++race->running;
            net::spawn(executor_, try_address(race, addresses[started++]), "an address of the upstream");
            next.set_after(pause);
        } else if (race->running == 0) {
            if (race->refused || !lookups_->under_way() || hope.expired())
                break;
            if (!std::exchange(hoping, true))
                hope.set_after(last_hope);
        }
        lookups_->tell(attempt.event);
        co_await attempt.event->wait();
    }
    std::erase(lookups_->waiters, attempt.event);
    race->end();
    while (race->running != 0)
        co_await attempt.event->wait();
}

net::Task<void> Dialer::try_address(std::shared_ptr<Race> race, TcpEndpoint endpoint) {
    try {
        co_await connect_and_secure(*race, endpoint);
    } catch (const std::exception& problem) { // such as lack of memory
        Failure failed{errc::connect_failed, Stage::connecting, false, problem.what()};
        race->fail(Race::Step::tcp, std::move(failed));
    }
    --race->running;
    race->failed_one = true; // unless it has won
    race->changed->set();
}

net::Task<void> Dialer::connect_and_secure(Race& race, TcpEndpoint endpoint) {
    if (race.winner || race.refused || race.over)
        co_return;
    Attempt attempt{*this};
    race.attempts.push_back(&attempt);
    const auto leave = [&race, &attempt](void*) { std::erase(race.attempts, &attempt); };
    const std::unique_ptr<Attempt, decltype(leave)> leaving{&attempt, leave};
    attempt.deadline.set(race.until);
    TcpSocket socket{executor_};
    if (auto failed = co_await connect(attempt, socket, endpoint)) {
        race.fail(Race::Step::tcp, std::move(*failed));
        co_return;
    }
    if (settings_.proxy) {
        if (auto failed = co_await traverse_proxy(race, attempt, socket)) {
            race.fail(Race::Step::proxy, std::move(*failed));
            co_return;
        }
    }
    SslPtr ssl;
    if (tls_ != nullptr) {
        auto secured = co_await secure(attempt, socket);
        if (auto* failed = std::get_if<Failure>(&secured)) {
            race.fail(Race::Step::tls, std::move(*failed));
            co_return;
        }
        ssl = std::get<SslPtr>(std::move(secured));
    }
    const error_code registered = register_again(socket);
    if (registered || attempt.deadline.expired()) {
        race.fail(Race::Step::tls, failure(attempt, registered, registered.message()));
        co_return;
    }
    if (race.winner)
        co_return;
    const bool resumed = ssl && tls_resumed(ssl.get());
    race.winner.emplace(Dialed{std::move(socket), std::move(ssl), resumed, endpoint});
    race.winners_endpoint = endpoint;
}

net::Task<std::optional<Failure>> Dialer::connect(Attempt& attempt, TcpSocket& socket, TcpEndpoint endpoint) {
    error_code code;
    socket.open(endpoint.protocol(), code);
    if (!code)
        socket.set_option(asio::ip::tcp::no_delay{true}, code);
    if (!code) {
        attempt.socket = &socket;
        auto [connected] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::deferred));
        attempt.socket = nullptr;
        code = connected;
    }
    if (code)
        co_return failure(attempt, errc::connect_failed,
                          (settings_.proxy ? "the proxy " : "") + endpoint_text(endpoint) + ": " +
                              code.message());
    socket.non_blocking(true, code);
    if (!code)
        socket.native_non_blocking(true, code);
    if (code)
        co_return failure(attempt, code, "the socket can't be set up: " + code.message());
    co_return std::nullopt;
}

net::Task<std::variant<SslPtr, Failure>> Dialer::secure(Attempt& attempt, TcpSocket& socket) {
    SslPtr ssl = tls_->make_stream(socket.native_handle());
    attempt.socket = &socket;
    IoState state = IoState::failed;
    error_code waited;
    while (!waited) {
        state = tls_handshake(ssl.get());
        if (state != IoState::want_read && state != IoState::want_write)
            break;
        const auto what = state == IoState::want_read ? TcpSocket::wait_read : TcpSocket::wait_write;
        waited = co_await net::wait_ready(socket, what, attempt.deadline);
    }
    attempt.socket = nullptr;
    if (waited)
        co_return failure(attempt, waited, "the TLS handshake was not finished");
    if (state == IoState::done)
        co_return std::move(ssl);
    TlsFault fault = tls_fault(ssl.get());
    const errc code = fault.certificate ? errc::certificate_invalid : errc::tls_failed;
    co_return failure(attempt, code, std::move(fault.reason));
}

net::Task<std::optional<Failure>> Dialer::traverse_proxy(Race& race, Attempt& attempt, TcpSocket& socket) {
    attempt.socket = &socket;
    const std::string target =
        (settings_.url.host.find(':') == std::string::npos ? settings_.url.host
                                                           : "[" + settings_.url.host + "]") +
        ":" + std::to_string(settings_.url.port);
    auto failed =
        co_await connect_through_proxy(socket, attempt.deadline, race.until, *settings_.proxy, target);
    attempt.socket = nullptr;
    if (!failed)
        co_return std::nullopt;
    race.refused = race.refused || failed->final;
    co_return failure(attempt, failed->code, std::move(failed->detail));
}

} // namespace bearerd::upstream
