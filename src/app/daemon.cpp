#include "daemon.hpp"

#include "admin_listener.hpp"
#include "check_command.hpp"
#include "exit_status.hpp"
#include "generation.hpp"
#include "process.hpp"
#include "systemd.hpp"
#include "worker.hpp"

#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/base/units.hpp>
#include <bearerd/config/parse.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>

namespace bearerd::app {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;

constexpr Duration last_words = 1s;
constexpr unsigned exit_limit_s = 12; // from the last request on; the last write to the token store fits in
constexpr auto cut_limit = 3s; // from the end of the grace period to a process that is gone, whatever hangs

class Daemon {
public:
    Daemon(std::shared_ptr<const config::Settings> settings, std::string config_file, LogSink& log);

    [[nodiscard]] int run();

private:
    using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                             asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

    void open_journal();
    using Shares = std::vector<std::vector<server::ListeningSocket>>; ///< for each worker
    [[nodiscard]] bool open_listener(const config::Address& address, const config::Settings& settings,
                                     Shares& shares);
    [[nodiscard]] int open_listeners(const config::Settings& settings);
    void wait_for_signal();
    void on_signal(int number);
    void reload();
    [[nodiscard]] std::shared_ptr<const Generation> apply(std::shared_ptr<const config::Settings> settings);
    void close_listeners(const config::Settings& wanted);
    [[nodiscard]] admin::Sources admin_sources() const;
    void shut_down(const char* signal_name);
    void on_worker_drained();
    void cut();
    void beat();
    [[nodiscard]] std::string status_line() const;

    std::shared_ptr<const config::Settings> settings_;
    std::string config_file_;
    LogSink& log_;
    Shared shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<journal::Journal> journal_; ///< none: off
    std::unique_ptr<auth::TokenService> tokens_;
    AdminListener admin_;
    std::atomic<admin::Phase> phase_{admin::Phase::starting};
    TimePoint started_at_ = BootClock::now();
    asio::basic_signal_set<net::Executor> signals_;
    Timer grace_;
    Timer heartbeat_;
    std::optional<Duration> watchdog_;
    std::map<std::string, std::vector<std::string>> listening_; ///< configured address → where it listens
    std::string remote_hand_over_; ///< a socket of systemd's that other machines can reach
    std::string last_status_;
    std::size_t undrained_ = 0;
    bool stopping_ = false;
};

std::vector<std::unique_ptr<Worker>> make_workers(std::size_t count, Shared& shared) {
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t i = 0; i < count; ++i)
        workers.push_back(std::make_unique<Worker>(i, count, shared));
    return workers;
}

Daemon::Daemon(std::shared_ptr<const config::Settings> settings, std::string config_file, LogSink& log)
    : settings_{std::move(settings)},
      config_file_{std::move(config_file)},
      log_{log},
      workers_{make_workers(settings_->threads, shared_)},
      admin_{*workers_.front()},
      signals_{workers_.front()->context().get_executor()},
      grace_{workers_.front()->context().get_executor()},
      heartbeat_{workers_.front()->context().get_executor()},
      watchdog_{systemd::watchdog_interval()} {
    shared_.clients.most = settings_->limits.client_connections;
}

int Daemon::run() {
    Worker& first = *workers_.front();
    const auto generation = std::make_shared<const Generation>(settings_);
    open_journal();
    auto pool = first.make_pool(generation);
    tokens_ =
        std::make_unique<auth::TokenService>(first.context().get_executor(), pool, settings_, first.stats());
    for (const auto& worker : workers_)
        worker->serve(generation, worker == workers_.front() ? pool : worker->make_pool(generation),
                      tokens_->make_source(worker->context().get_executor(), worker->stats()));
    if (const auto why = admin_.open(*settings_)) {
        log::error("can't listen", {{"reason", std::string_view{*why}}});
        return exit_failed;
    }
    admin_.serve(*settings_, admin_sources());
    if (const int status = open_listeners(*settings_); status != exit_fine)
        return status;
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        signals_.add(number);
    wait_for_signal();
    tokens_->start([this] {
        if (stopping_)
            return;
        phase_ = admin::Phase::serving;
        systemd::notify_ready(status_line());
    });
    beat();
    for (std::size_t i = 1; i < workers_.size(); ++i)
        workers_[i]->start_thread();
    first.run();
    for (const auto& worker : workers_)
        worker->join();
    tokens_.reset();
    journal_.reset();
    log::info("stopped");
    return exit_fine;
}

void Daemon::open_journal() {
    const config::Journal& settings = settings_->journal;
    if (settings.directory.empty())
        return;
    journal::Journal::Events events;
    events.opened = [first = workers_.front().get()](std::vector<journal::Item> items) {
        asio::post(first->context(),
                   [first, items = std::move(items)]() mutable { first->recover(std::move(items)); });
    };
    journal_ = std::make_unique<journal::Journal>(
        journal::Journal::Settings{settings.directory, settings.max_size}, std::move(events));
    shared_.journal = journal_.get();
}

/// Its sockets go to `shares`, one for each worker. False: it can't, and has said why.
bool Daemon::open_listener(const config::Address& address, const config::Settings& settings, Shares& shares) {
    std::vector<server::OpenResult> opened;
    const bool handed_over = address.kind == config::Address::Kind::systemd;
    if (handed_over) {
        for (const int descriptor : systemd::take_listening_descriptors())
            opened.push_back(server::adopt_listening(descriptor, workers_.size()));
        if (opened.empty())
            opened.emplace_back(
                "listen.addresses: systemd handed over no listening socket; is bearerd.socket "
                "enabled and started?");
    } else {
        opened.push_back(server::open_listening(address, settings.listen.unix_mode, workers_.size()));
    }
    for (server::OpenResult& result : opened) {
        if (const auto* why = std::get_if<std::string>(&result)) {
            log::error("can't listen", {{"reason", std::string_view{*why}}});
            return false;
        }
        auto& sockets = std::get<std::vector<server::ListeningSocket>>(result);
        if (handed_over && sockets.front().remote)
            remote_hand_over_ = sockets.front().text;
        listening_[address.text()].push_back(sockets.front().text);
        for (std::size_t i = 0; i < sockets.size(); ++i)
            shares[i].push_back(std::move(sockets[i]));
    }
    return true;
}

/// exit_fine, or the status for a start that fails so.
int Daemon::open_listeners(const config::Settings& settings) {
    Shares shares(workers_.size());
    for (const config::Address& address : settings.listen.addresses) {
        if (!listening_.contains(address.text()) && !open_listener(address, settings, shares))
            return exit_failed;
        if (address.kind != config::Address::Kind::systemd || remote_hand_over_.empty() ||
            settings.access.allow_remote)
            continue;
        const std::string fault = config::format_fault(
            config_file_,
            place_fault(config_file_, "listen.addresses: systemd handed over " + remote_hand_over_ +
                                          ", which can be reached from other machines: write "
                                          "ListenStream=127.0.0.1:8080 in bearerd.socket, or set "
                                          "access.allow_remote to true"));
        log::error("can't listen", {{"reason", std::string_view{fault}}});
        return exit_bad_configuration;
    }
    for (const server::ListeningSocket& socket : shares.front())
        log::info("listening", {{"address", std::string_view{socket.text}}});
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        auto take = [worker = workers_[i].get(),
                     sockets = std::make_shared<std::vector<server::ListeningSocket>>(std::move(shares[i])),
                     limit = settings.limits.request_header] {
            worker->listen(std::move(*sockets), static_cast<std::size_t>(limit));
        };
        asio::post(workers_[i]->context(), std::move(take));
    }
    return exit_fine;
}

void Daemon::wait_for_signal() {
    signals_.async_wait([this](error_code code, int number) {
        if (code)
            return;
        wait_for_signal();
        on_signal(number);
    });
}

void Daemon::on_signal(int number) {
    if (number == SIGHUP) {
        if (!stopping_)
            reload();
        return;
    }
    const char* name = number == SIGTERM ? "SIGTERM" : "SIGINT";
    if (!stopping_) {
        shut_down(name);
        return;
    }
    log::warning("a second signal: ending at once, requests in hand are cut", {{"signal", name}});
    log_.flush(last_words);
    std::_Exit(exit_failed);
}

void Daemon::reload() {
    systemd::notify_reloading();
    auto loaded = config::load(config_file_, config::Surroundings::system());
    std::shared_ptr<const Generation> generation;
    if (const auto* faults = std::get_if<std::vector<config::Fault>>(&loaded)) {
        for (const config::Fault& fault : *faults)
            log::error("configuration fault, the running configuration stays",
                       {{"fault", std::string_view{config::format_fault(config_file_, fault)}}});
    } else {
        generation =
            apply(std::make_shared<const config::Settings>(std::move(std::get<config::Settings>(loaded))));
    }
    shared_.reloads[generation ? 0 : 1].fetch_add(1, std::memory_order_relaxed);
    if (generation)
        log::info("configuration reloaded", {{"file", std::string_view{config_file_}}});
    systemd::notify_ready(status_line());
}

/// Everything that can fail comes first, so that a bad file changes nothing.
std::shared_ptr<const Generation> Daemon::apply(std::shared_ptr<const config::Settings> settings) {
    std::shared_ptr<const Generation> generation;
    try {
        generation = std::make_shared<const Generation>(settings);
    } catch (const std::runtime_error& failure) {
        const std::string fault =
            config::format_fault(config_file_, place_fault(config_file_, failure.what()));
        log::error("configuration fault, the running configuration stays",
                   {{"fault", std::string_view{fault}}});
        return nullptr;
    }
    if (open_listeners(*settings) != exit_fine) {
        close_listeners(*settings_); // what was opened for the new file goes again
        return nullptr;
    }
    if (const auto why = admin_.open(*settings))
        log::error("the admin listener stays where it is", {{"reason", std::string_view{*why}}});
    close_listeners(*settings);
    if (settings->limits.request_header != settings_->limits.request_header ||
        settings->listen.unix_mode != settings_->listen.unix_mode)
        log::warning(
            "a changed limits.request_header or listen.unix_mode takes effect for new listeners only", {});
    if (settings->journal.directory != settings_->journal.directory ||
        settings->journal.max_size != settings_->journal.max_size)
        log::warning("a changed journal.directory or journal.max_size takes a restart", {});
    if (settings->threads != settings_->threads)
        log::warning("a changed number of threads takes a restart", {});
    settings_ = settings;
    admin_.serve(*settings, admin_sources());
    shared_.clients.most = settings->limits.client_connections;
    log_.configure(settings->log);
    Worker& first = *workers_.front();
    auto pool = first.make_pool(generation);
    tokens_->reload(settings, pool);
    first.serve(generation, pool, tokens_->make_source(first.context().get_executor(), first.stats()));
    for (std::size_t i = 1; i < workers_.size(); ++i) {
        Worker& worker = *workers_[i];
        // Made here and not there, where another reload may have come before: it must be this upstream's.
        auto source = tokens_->make_source(worker.context().get_executor(), worker.stats());
        auto take_over = [&worker, generation, source = std::move(source)]() mutable {
            worker.serve(generation, worker.make_pool(generation), std::move(source));
        };
        asio::post(worker.context(), std::move(take_over));
    }
    return generation;
}

void Daemon::close_listeners(const config::Settings& wanted) {
    std::erase_if(listening_, [&](const auto& entry) {
        const auto& [configured, places] = entry;
        // clang 14 does not capture a structured binding by name.
        const bool keep = std::ranges::any_of(
            wanted.listen.addresses,
            [&listed = configured](const config::Address& address) { return address.text() == listed; });
        if (keep)
            return false;
        for (const std::string& place : places) {
            log::info("no longer listening", {{"address", std::string_view{place}}});
            for (const auto& worker : workers_)
                asio::post(worker->context(),
                           [owner = worker.get(), place] { owner->stop_listening(place); });
        }
        return true;
    });
}

admin::Sources Daemon::admin_sources() const {
    admin::Sources sources;
    sources.version = BEARERD_VERSION;
    sources.upstream_url = settings_->upstream.url.text;
    sources.started_at = started_at_;
    for (const auto& worker : workers_)
        sources.stats.push_back(&worker->stats());
    sources.tokens = tokens_.get();
    sources.health = &shared_.health;
    sources.phase = &phase_;
    sources.reloads = &shared_.reloads;
    sources.journal = journal_.get();
    return sources;
}

void Daemon::shut_down(const char* signal_name) {
    stopping_ = true;
    phase_ = admin::Phase::draining;
    systemd::notify_stopping();
    log::info("stopping: requests in hand are finished", {{"signal", signal_name}});
    undrained_ = workers_.size();
    for (const auto& worker : workers_) {
        auto drained = [this] { asio::post(workers_.front()->context(), [this] { on_worker_drained(); }); };
        asio::post(worker->context(), [owner = worker.get(), drained] { owner->drain(drained); });
    }
    grace_.expires_after(settings_->shutdown_grace);
    grace_.async_wait([this](error_code code) {
        if (!code)
            cut();
    });
}

void Daemon::on_worker_drained() {
    if (--undrained_ != 0)
        return;
    limit_exit_time(exit_fine, exit_limit_s);
    admin_.close();
    tokens_->stop();
    for (const auto& worker : workers_)
        asio::post(worker->context(), [owner = worker.get()] { owner->end(); });
    grace_.cancel();
    heartbeat_.cancel();
    error_code ignored;
    signals_.cancel(ignored);
}

void Daemon::cut() {
    log::warning("the grace period is over: requests in hand end now", {});
    tokens_->stop();
    for (const auto& worker : workers_)
        asio::post(worker->context(), [owner = worker.get()] { owner->cut(); });
    grace_.expires_after(cut_limit);
    grace_.async_wait([this](error_code code) {
        if (code)
            return;
        log::error("requests did not end in time; ending the process");
        log_.flush(last_words);
        std::_Exit(exit_failed);
    });
}

/// Tells the service manager now and then how the login stands, and the watchdog that the loop still turns.
void Daemon::beat() {
    constexpr Duration status_interval = 10s;
    if (watchdog_)
        systemd::notify_watchdog();
    const std::string status = status_line();
    if (!stopping_ && status != last_status_) {
        systemd::notify_status(status);
        last_status_ = status;
    }
    heartbeat_.expires_after(std::min(status_interval, watchdog_.value_or(status_interval)));
    heartbeat_.async_wait([this](error_code code) {
        if (!code)
            beat();
    });
}

std::string Daemon::status_line() const {
    const auth::AuthStatus status = tokens_->status();
    if (status.expires_in)
        return "Logged in as " + status.identity;
    if (status.last_login_reason.empty())
        return "Logging in";
    return "Not logged in: " + status.last_login_reason;
}

} // namespace

int run_daemon(config::Settings settings, const std::string& config_file, LogSink& log) {
    raise_descriptor_limit();
    log.configure(settings.log);
    try {
        Daemon daemon{std::make_shared<const config::Settings>(std::move(settings)), config_file, log};
        const int status = daemon.run();
        log.flush(last_words);
        return status;
    } catch (const std::runtime_error& failure) { // of start-up: a file that is named in the settings
        const std::string fault = config::format_fault(config_file, place_fault(config_file, failure.what()));
        log::error("can't start", {{"reason", std::string_view{fault}}});
        return exit_bad_configuration;
    }
}

} // namespace bearerd::app
