#include "worker.hpp"

#include <bearerd/net/spawn.hpp>
#include <bearerd/transaction/restoring.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <chrono>

namespace bearerd::app {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;

constexpr auto drain_look = 10ms;        // how often a draining loop looks whether it is done
constexpr Duration hurried_stop = 500ms; // for the settlements of a fleet, after a second signal

/// Returns this thread's share of `max_connections`; the shares add up to it exactly, and each is at least
/// one.
std::size_t share_of(std::size_t total, std::size_t threads, std::size_t index) noexcept {
    return total / threads + (index < total % threads ? 1 : 0);
}

} // namespace

/// Keeps everything that a request needs alive until it has ended.
class Worker::ServingHandler final : public server::Handler {
public:
    ServingHandler(Worker& worker, std::shared_ptr<const ConfigSnapshot> generation,
                   std::shared_ptr<upstream::Pool> pool, std::unique_ptr<auth::TokenSource> tokens,
                   std::optional<journal::JournalClient> journal)
        : generation_{std::move(generation)},
          pool_{std::move(pool)},
          tokens_{std::move(tokens)},
          reconciler_{generation_->reconcile_plan,
                      *pool_,
                      *tokens_,
                      worker.context_.get_executor(),
                      worker.clock_,
                      worker.sessions_,
                      worker.stats_},
          background_reconciler_{generation_->reconcile_plan,
                                 *pool_,
                                 *tokens_,
                                 worker.context_.get_executor(),
                                 worker.clock_,
                                 worker.background_lookups_,
                                 worker.stats_},
          journal_{std::move(journal)},
          forwarder_{generation_->plan,
                     *pool_,
                     *tokens_,
                     worker.shared_.pending,
                     worker.stats_,
                     generation_->reconcile_plan.on() ? &reconciler_ : nullptr,
                     journal_ ? &*journal_ : nullptr} {
        if (generation_->identifier) {
            fleet_claims_ = worker.make_claims(*generation_);
            guard_.emplace(forwarder_, *worker.shared_.transactions, *generation_->identifier,
                           *generation_->settings, generation_->reconcile_plan.on() ? &reconciler_ : nullptr,
                           worker.context_.get_executor(), worker.clock_, worker.stats_,
                           worker.shared_.transaction_events, fleet_claims_.get());
        }
    }

    net::Task<server::Reply> handle(server::Request request) override {
        return guard_ ? guard_->handle(request) : forwarder_.handle(request);
    }

    [[nodiscard]] const transaction::Identifier* identifier() const noexcept {
        return generation_->identifier.get();
    }

    /// For lookups in the background; the handler must be kept alive meanwhile.
    [[nodiscard]] reconcile::Reconciler& background_reconciler() noexcept { return background_reconciler_; }

    [[nodiscard]] const config::Settings& settings() const noexcept { return *generation_->settings; }

private:
    std::shared_ptr<const ConfigSnapshot> generation_;
    std::shared_ptr<upstream::Pool> pool_;
    std::unique_ptr<auth::TokenSource> tokens_;
    reconcile::Reconciler reconciler_;
    reconcile::Reconciler background_reconciler_;
    std::optional<journal::JournalClient> journal_;
    proxy::Forwarder forwarder_;
    /// None: transactions are not shared with replicas.
    std::shared_ptr<transaction::FleetClaims> fleet_claims_;
    std::optional<transaction::Guard> guard_; ///< none: no rule replays repeats
};

Worker::Worker(std::size_t index, std::size_t count, Shared& shared)
    : index_{index},
      count_{count},
      shared_{shared},
      work_{context_.get_executor()},
      clock_{context_},
      session_context_{nullptr, stats_, shared_.bodies} {}

Worker::~Worker() {
    join();
}

void Worker::open_fleet() {
    if (!shared_.fleet_server)
        return;
    fleet_ = std::make_unique<fleet::Client>(context_, clock_, shared_.fleet_server, stats_);
    fleet_->start();
}

/// Returns nullptr if transactions are not shared with other replicas. What a former configuration's have to
/// write goes on.
std::shared_ptr<transaction::FleetClaims> Worker::make_claims(const ConfigSnapshot& generation) {
    if (!fleet_ || !generation.shared_identifier)
        return nullptr;
    const config::Settings& settings = *generation.settings;
    const std::shared_ptr<fleet::Store> store{std::shared_ptr<void>{}, fleet_.get()}; // as long as the loop
    auto claims = std::make_shared<transaction::FleetClaims>(
        store, generation.shared_identifier,
        transaction::FleetClaims::Settings{generation.claim_prefix, settings.fleet.lease,
                                           settings.transactions.remember, settings.fleet.required,
                                           settings.transactions.settle_for},
        context_.get_executor(), clock_, stats_);
    std::erase_if(all_claims_, [](const auto& former) { return former.expired(); });
    all_claims_.push_back(claims);
    return claims;
}

std::shared_ptr<upstream::Pool> Worker::make_pool(const std::shared_ptr<const ConfigSnapshot>& generation) {
    const config::Settings& settings = *generation->settings;
    const std::size_t share = share_of(settings.upstream.max_connections, count_, index_);
    auto pool =
        std::make_unique<upstream::Pool>(context_, clock_, settings.upstream, generation->tls.get(), share,
                                         settings.limits.pending_requests, stats_, shared_.health);
    // Its settings and TLS context live in the snapshot, which must not be destroyed first.
    return {pool.release(), [generation](upstream::Pool* owned) { delete owned; }};
}

std::shared_ptr<upstream::Pool>
Worker::make_login_pool(const std::shared_ptr<const ConfigSnapshot>& generation,
                        const std::shared_ptr<upstream::Pool>& pool) {
    if (!generation->login)
        return pool;
    constexpr std::size_t connections = 2; // there is one login at a time; another may still be ending
    auto own =
        std::make_unique<upstream::Pool>(context_, clock_, *generation->login, generation->login_tls.get(),
                                         connections, connections, stats_, login_health_);
    std::shared_ptr<upstream::Pool> login{own.release(),
                                          [generation](upstream::Pool* owned) { delete owned; }};
    former_pools_.push_back(login);
    return login;
}

std::optional<journal::JournalClient> Worker::make_journal_client(const ConfigSnapshot& generation) {
    if (shared_.journal == nullptr)
        return std::nullopt;
    return journal::JournalClient{*shared_.journal, *generation.settings, context_.get_executor(), clock_,
                                  generation.identifier.get()};
}

void Worker::serve(const std::shared_ptr<const ConfigSnapshot>& generation,
                   std::shared_ptr<upstream::Pool> pool, std::unique_ptr<auth::TokenSource> tokens,
                   std::optional<journal::JournalClient> journal) {
    const bool was_warm = pool_ ? shared_.health.keeps_warm(pool_.get()) : index_ == 0;
    if (pool_) {
        pool_->close_idle();
        std::erase_if(former_pools_, [](const auto& former) { return former.expired(); });
        former_pools_.push_back(pool_);
    }
    pool_ = pool;
    pool_->keep_warm(pool, was_warm);
    serving_ = std::make_shared<ServingHandler>(*this, generation, std::move(pool), std::move(tokens),
                                                std::move(journal));
    session_context_.service = server::make_service_settings(*generation->settings, serving_);
}

void Worker::listen(std::vector<server::ListeningSocket> sockets, std::size_t header_limit) {
    for (auto& socket : sockets) {
        listeners_.push_back(std::make_unique<server::Listener>(
            context_, clock_, sessions_, std::move(socket), header_limit, session_context_, shared_.clients));
        listeners_.back()->start();
    }
}

void Worker::stop_listening(const std::string& text) {
    for (const auto& listener : listeners_)
        if (listener->text() == text)
            listener->stop(); // destroyed with the worker: its last handler may still be queued
}

/// Returns nullptr while the worker drains.
Settler* Worker::settler() {
    if (draining_)
        return nullptr;
    auto asker = [this] {
        const config::Settings& settings = serving_->settings();
        Settler::Asker who;
        who.reconciler = {serving_, &serving_->background_reconciler()};
        who.identifier = serving_->identifier();
        who.table = shared_.transactions.get();
        who.account = account();
        who.settle_for = settings.transactions.settle_for;
        return who;
    };
    if (!settler_)
        settler_ =
            std::make_unique<Settler>(shared_.journal, context_.get_executor(), clock_, std::move(asker));
    return settler_.get();
}

void Worker::recover(const std::vector<journal::JournalEntry>& items) {
    if (Settler* const background = settler())
        background->start(items);
}

void Worker::settle(Settler::Case unknown) {
    if (Settler* const background = settler())
        background->add(std::move(unknown));
}

void Worker::settled(const std::vector<journal::Field>& fields, std::uint32_t account) {
    if (settler_)
        settler_->remove(fields, account);
}

void Worker::closed(const journal::JournalEntry& item, bool others) {
    if (others && item.executed() == outcome::Executed::no)
        return; // the other one's transaction stays what it is, and is looked up on
    settled(item.intent.fields, item.intent.account);
    const transaction::Identifier* const identifier = serving_->identifier();
    if (identifier == nullptr)
        return;
    if (auto closed = transaction::restored_from(item, *identifier, account(), journal::uptime(), wall_ms()))
        shared_.transactions->close(std::move(*closed), BootClock::now());
}

void Worker::concluded(const journal::JournalEntry& item) {
    const transaction::Identifier* const identifier = serving_->identifier();
    if (identifier == nullptr)
        return;
    if (auto ended = transaction::concluded_from(item, *identifier, account(), journal::uptime(), wall_ms()))
        shared_.transactions->record_outcome(std::move(*ended), BootClock::now());
}

std::uint32_t Worker::account() const {
    return journal::account_of(serving_->settings());
}

void Worker::drain(std::function<void()> drained) {
    if (draining_)
        return;
    draining_ = true;
    if (pool_)
        pool_->stop_keeping_warm();
    if (settler_)
        settler_->stop();
    background_lookups_.finish_now();
    for (const auto& listener : listeners_)
        listener->stop();
    // Sessions just accepted begin in a turn of the loop that is queued already; they are asked after it.
    asio::post(context_, [this] { sessions_.finish_soon(); });
    net::spawn(context_.get_executor(), finish(std::move(drained)), "shutdown");
}

void Worker::cut(bool hurried) {
    stop_pools();
    stop_claims(hurried ? hurried_stop : transaction::FleetClaims::longest_stop);
    sessions_.finish_now();
}

void Worker::stop_pools() {
    if (pool_)
        pool_->stop();
    for (const auto& former : former_pools_)
        if (const auto pool = former.lock())
            pool->stop();
}

void Worker::stop_claims(Duration within) noexcept {
    for (const auto& each : all_claims_)
        if (const auto claims = each.lock())
            claims->stop(within);
}

/// Whether all is written that other replicas have to know, or was tried.
bool Worker::claims_written() const {
    return std::ranges::all_of(all_claims_, [](const auto& each) {
        const auto claims = each.lock();
        return claims == nullptr || claims->idle();
    });
}

net::Task<void> Worker::finish(std::function<void()> drained) {
    net::Timer timer{context_.get_executor()};
    bool ended = false;
    bool all_ended = false;
    do {
        timer.expires_after(drain_look);
        static_cast<void>(co_await timer.async_wait(asio::as_tuple(asio::deferred)));
        if (sessions_.empty() && !std::exchange(ended, true))
            ++shared_.workers_without_sessions;
        // Another worker's request may still settle a claim of this one.
        all_ended = shared_.workers_without_sessions >= count_;
        if (all_ended)
            stop_claims(transaction::FleetClaims::longest_stop);
    } while (!all_ended || !claims_written());
    drained();
}

void Worker::end() {
    stop_pools(); // a login may still wait for its answer, and no deadline passes once the clock has stopped
    if (fleet_)
        fleet_->stop();
    work_.reset();
    clock_.stop();
}

void Worker::run() {
    net::run(context_);
}

void Worker::start_thread() {
    thread_ = std::thread{[this] { run(); }};
}

void Worker::join() {
    if (thread_.joinable())
        thread_.join();
}

} // namespace bearerd::app
