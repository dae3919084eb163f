#include "daemon.hpp"

#include "admin_listener.hpp"
#include "check_command.hpp"
#include "config_snapshot.hpp"
#include "exit_status.hpp"
#include "heartbeat.hpp"
#include "listeners.hpp"
#include "process.hpp"
#include "systemd.hpp"
#include "transactions.hpp"
#include "worker.hpp"

#include <bearerd/auth/token_service.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/config/parse.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <cstdlib>
#include <system_error>

namespace bearerd::app {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;

constexpr Duration last_words = 1s;
constexpr unsigned exit_limit_s = 12; // from the last request on; the last write to the token store fits in
constexpr Duration end_limit = 3s;    // from the end of the grace period to the end of the process
constexpr Duration hurry_limit = 1s;  // the same from a second signal on

class Daemon {
public:
    Daemon(std::shared_ptr<const config::Settings> settings, std::string config_file, LogSink& log);

    [[nodiscard]] int run();

private:
    void open_journal();
    [[nodiscard]] bool open_admin(const config::Settings& settings);
    void wait_for_signal();
    void on_signal(int number);
    void reload();
    [[nodiscard]] std::optional<std::string> load_again();
    [[nodiscard]] std::optional<std::string> apply(std::shared_ptr<const config::Settings> settings);
    void take_over(const std::shared_ptr<const ConfigSnapshot>& snapshot);

    [[nodiscard]] std::string status_line() const {
        const journal::View journal = journal_ ? journal_->view() : journal::View{};
        return app::status_line(tokens_->status(), shared_.reloads.rejected(),
                                {journal.unresolved, journal.unheard});
    }

    [[nodiscard]] std::vector<const Stats*> stats() const;

    [[nodiscard]] admin::Sources admin_sources() const;
    void shut_down(const char* signal_name);
    void on_worker_drained();
    void hurry(const char* signal_name);
    void end_requests(Duration limit);
    [[noreturn]] void give_up();

    std::shared_ptr<const config::Settings> settings_;
    std::shared_ptr<const ConfigSnapshot> snapshot_;
    const std::shared_ptr<fleet::KeyRing> fleet_keys_ = std::make_shared<fleet::KeyRing>();
    std::string config_file_;
    LogSink& log_;
    Shared shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Transactions transactions_;
    std::unique_ptr<journal::Journal> journal_; ///< none: off
    std::unique_ptr<auth::TokenService> tokens_;
    Listeners listeners_;
    AdminListener admin_;
    admin::History history_;
    std::atomic<admin::Phase> phase_{admin::Phase::starting};
    TimePoint started_at_ = BootClock::now();
    asio::basic_signal_set<net::Executor> signals_;
    net::Timer grace_;
    Heartbeat heartbeat_;
    std::size_t undrained_ = 0;
    bool stopping_ = false;
    bool hurried_ = false;
};

std::vector<std::unique_ptr<Worker>> make_workers(std::size_t count, Shared& shared) {
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t i = 0; i < count; ++i)
        workers.push_back(std::make_unique<Worker>(i, count, shared));
    return workers;
}

void log_warnings(const std::string& config_file, const std::vector<config::ConfigError>& warnings) {
    for (const config::ConfigError& warning : warnings)
        log::warning("configuration warning",
                     {{"warning", std::string_view{config::format_error(config_file, warning)}}});
}

void log_config_error(const std::string& error) {
    log::error("configuration fault, the running configuration stays", {{"fault", std::string_view{error}}});
}

Daemon::Daemon(std::shared_ptr<const config::Settings> settings, std::string config_file, LogSink& log)
    : settings_{std::move(settings)},
      config_file_{std::move(config_file)},
      log_{log},
      workers_{make_workers(settings_->threads, shared_)},
      transactions_{shared_, *workers_.front(), settings_->journal.directory},
      listeners_{workers_, config_file_},
      admin_{*workers_.front()},
      signals_{workers_.front()->context().get_executor()},
      grace_{workers_.front()->context().get_executor()},
      heartbeat_{workers_, [this] { return stopping_ ? std::nullopt : std::optional{status_line()}; },
                 [this] { history_.look(stats(), BootClock::now()); }} {
    shared_.clients.most = settings_->limits.client_connections;
}

int Daemon::run() {
    Worker& first = *workers_.front();
    const auto snapshot =
        std::make_shared<const ConfigSnapshot>(settings_, transactions_.prepare(*settings_), *fleet_keys_);
    snapshot_ = snapshot;
    if (settings_->fleet.on())
        shared_.fleet_server = std::make_shared<fleet::Server>(settings_->fleet);
    for (const auto& worker : workers_)
        worker->open_fleet();
    if (const auto entries = transactions_.read_journal(*snapshot)) {
        transactions_.restore_from_journal(*snapshot, *entries);
    } else {
        const std::string reason = entries.error().message();
        log::warning("the journal can't be read: what it guards is not sent until it can",
                     {{"reason", std::string_view{reason}}});
    }
    open_journal();
    auto pool = first.make_pool(snapshot);
    tokens_ = std::make_unique<auth::TokenService>(
        first.context().get_executor(), first.make_login_pool(snapshot, pool), settings_, first.stats(),
        auth::ServiceHooks{}, first.store_of_fleet(), fleet_keys_);
    for (const auto& worker : workers_)
        worker->serve(snapshot, worker == workers_.front() ? pool : worker->make_pool(snapshot),
                      tokens_->make_source(worker->context().get_executor(), worker->stats()),
                      worker->make_journal_client(*snapshot));
    if (!open_admin(*settings_))
        return exit_failed;
    admin_.serve(*settings_, admin_sources());
    if (const int status = listeners_.open(*settings_); status != exit_fine)
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
    heartbeat_.beat();
    for (std::size_t i = 1; i < workers_.size(); ++i)
        workers_[i]->start_thread();
    first.run();
    for (const auto& worker : workers_)
        worker->join();
    tokens_.reset();
    journal_.reset();
    log::info("stopped");
    return hurried_ ? exit_failed : exit_fine;
}

void Daemon::open_journal() {
    const config::Journal& settings = settings_->journal;
    if (settings.directory.empty())
        return;
    journal::Journal::Events events;
    events.opened = [this, first = workers_.front().get()](std::vector<journal::JournalEntry> entries) {
        asio::post(first->context(), [this, first, entries = std::move(entries)] {
            transactions_.journal_opened(*snapshot_, entries);
            first->recover(entries);
        });
    };
    events.not_opened = [this, first = workers_.front().get()](bool held) {
        asio::post(first->context(), [this, held] { transactions_.journal_not_opened(held); });
    };
    events.left_unknown = [first = workers_.front().get()](journal::JournalEntry entry) {
        BackgroundLookups::Case unknown{entry.intent.number, entry.intent.account, entry.intent.fields,
                                        entry.intent.request_id, entry.intent.operation};
        asio::post(first->context(),
                   [first, unknown = std::move(unknown), entry = std::move(entry)]() mutable {
                       first->record_outcome(entry);
                       first->look_up_later(std::move(unknown));
                   });
    };
    events.outcome_recorded = [first = workers_.front().get()](journal::JournalEntry entry) {
        asio::post(first->context(), [first, entry = std::move(entry)] { first->record_outcome(entry); });
    };
    events.closed = [first = workers_.front().get()](journal::JournalEntry entry, bool others) {
        asio::post(first->context(),
                   [first, entry = std::move(entry), others] { first->closed(entry, others); });
    };
    journal_ = std::make_unique<journal::Journal>(
        journal::Journal::Settings{settings.directory, settings.max_size, settings_->transactions.remember},
        std::move(events));
    shared_.journal = journal_.get();
}

bool Daemon::open_admin(const config::Settings& settings) {
    const auto why = admin_.open(settings);
    if (why)
        log::error("can't listen", {{"reason", std::string_view{*why}}});
    return !why;
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
    if (!stopping_)
        shut_down(name);
    else if (!hurried_)
        hurry(name);
    else
        give_up();
}

void Daemon::reload() {
    // Before the first login was tried, READY=1 must not be sent here: the end of the start sends it.
    const bool started = phase_ != admin::Phase::starting;
    if (started)
        systemd::notify_reloading();
    if (auto why = load_again()) {
        shared_.reloads.failed(std::move(*why));
    } else {
        shared_.reloads.succeeded();
        log::info("configuration reloaded", {{"file", std::string_view{config_file_}}});
    }
    if (started)
        systemd::notify_ready(status_line());
}

/// Returns why the running configuration stays, if it does.
std::optional<std::string> Daemon::load_again() {
    auto loaded = config::load(config_file_, config::Environment::system());
    if (auto* const valid = std::get_if<config::ValidConfig>(&loaded)) {
        log_warnings(config_file_, valid->warnings);
        keep_fleet(settings_->fleet, valid->settings.fleet);
        return apply(std::make_shared<const config::Settings>(std::move(valid->settings)));
    }
    const auto& errors = std::get<std::vector<config::ConfigError>>(loaded);
    for (const config::ConfigError& error : errors)
        log_config_error(config::format_error(config_file_, error));
    const std::size_t others = errors.size() - 1;
    return config::format_error(config_file_, errors.front()) +
           (others == 0
                ? ""
                : " (and " + std::to_string(others) + (others == 1 ? " other fault)" : " other faults)"));
}

/// Everything that can fail comes first, so that a bad file changes nothing. Returns why it failed.
std::optional<std::string> Daemon::apply(std::shared_ptr<const config::Settings> settings) {
    std::shared_ptr<const ConfigSnapshot> snapshot;
    try {
        snapshot =
            std::make_shared<const ConfigSnapshot>(settings, transactions_.prepare(*settings), *fleet_keys_);
    } catch (const std::runtime_error& failure) {
        std::string error = config::format_error(config_file_, place_error(config_file_, failure.what()));
        log_config_error(error);
        return error;
    }
    if (listeners_.open(*settings) != exit_fine || !open_admin(*settings)) {
        listeners_.close_others(*settings_); // what was opened for the new file goes again
        return config_file_ + ": an address that it names can't be listened at; the log says why";
    }
    const auto entries = transactions_.read_journal(*snapshot);
    if (!entries) {
        listeners_.close_others(*settings_);
        take_over(snapshot_); // with access to the journal again, which the reading has taken away
        std::string error =
            config_file_ +
            ": transactions can't be guarded, since the journal can't be read: " + entries.error().message();
        log_config_error(error);
        return error;
    }
    listeners_.close_others(*settings);
    if (settings->listen.unix_mode != settings_->listen.unix_mode)
        Listeners::change_modes(*settings);
    warn_of_what_stays(*settings_, *settings);
    transactions_.set_limits(*settings);
    transactions_.restore_from_journal(*snapshot, *entries);
    settings_ = settings;
    snapshot_ = snapshot;
    admin_.serve(*settings, admin_sources());
    shared_.clients.most = settings->limits.client_connections;
    log_.configure(settings->log);
    take_over(snapshot);
    return std::nullopt;
}

/// Makes every worker serve with what was read.
void Daemon::take_over(const std::shared_ptr<const ConfigSnapshot>& snapshot) {
    Worker& first = *workers_.front();
    auto pool = first.make_pool(snapshot);
    tokens_->reload(snapshot->settings, first.make_login_pool(snapshot, pool));
    first.serve(snapshot, pool, tokens_->make_source(first.context().get_executor(), first.stats()),
                first.make_journal_client(*snapshot));
    for (std::size_t i = 1; i < workers_.size(); ++i) {
        Worker& worker = *workers_[i];
        // Made here and not there, where another reload may have been first: they must be this snapshot's.
        auto source = tokens_->make_source(worker.context().get_executor(), worker.stats());
        auto journal = worker.make_journal_client(*snapshot);
        auto serve_again = [&worker, snapshot, source = std::move(source),
                            journal = std::move(journal)]() mutable {
            worker.serve(snapshot, worker.make_pool(snapshot), std::move(source), std::move(journal));
        };
        asio::post(worker.context(), std::move(serve_again));
    }
}

std::vector<const Stats*> Daemon::stats() const {
    std::vector<const Stats*> threads;
    for (const auto& worker : workers_)
        threads.push_back(&worker->stats());
    return threads;
}

admin::Sources Daemon::admin_sources() const {
    admin::Sources sources;
    sources.version = BEARERD_VERSION;
    sources.upstream_url = settings_->upstream.url.text;
    error_code unnamed;
    sources.host = asio::ip::host_name(unnamed);
    sources.started_at = started_at_;
    sources.stats = stats();
    sources.tokens = tokens_.get();
    sources.health = &shared_.health;
    sources.phase = &phase_;
    sources.reloads = &shared_.reloads;
    sources.history = &history_;
    sources.journal = journal_.get();
    if (snapshot_->identifier)
        sources.transactions = [snapshot = snapshot_,
                                table = shared_.transactions.get()](std::string_view key) {
            return Transactions::describe(*snapshot, *table, key);
        };
    return sources;
}

void Daemon::shut_down(const char* signal_name) {
    stopping_ = true;
    phase_ = admin::Phase::draining;
    systemd::notify_stopping();
    log::info("stopping: requests in flight are finished", {{"signal", signal_name}});
    undrained_ = workers_.size();
    for (const auto& worker : workers_) {
        auto drained = [this] { asio::post(workers_.front()->context(), [this] { on_worker_drained(); }); };
        asio::post(worker->context(), [owner = worker.get(), drained] { owner->drain(drained); });
    }
    grace_.expires_after(settings_->shutdown_grace);
    grace_.async_wait([this](error_code code) {
        if (code)
            return;
        log::warning("the grace period is over: requests in flight end now", {});
        end_requests(end_limit);
    });
}

void Daemon::on_worker_drained() {
    if (--undrained_ != 0)
        return;
    if (!hurried_) // then it is limited already
        limit_exit_time(exit_fine, exit_limit_s);
    admin_.close();
    tokens_->stop();
    for (const auto& worker : workers_)
        asio::post(worker->context(), [owner = worker.get()] { owner->end(); });
    grace_.cancel();
    heartbeat_.stop();
    error_code ignored;
    signals_.cancel(ignored);
}

/// An app whose connection closes without a byte may send its mutation again by itself, so every waiting
/// app gets an answer, however little time there is.
void Daemon::hurry(const char* signal_name) {
    hurried_ = true;
    log::warning("a second signal: requests in flight end now", {{"signal", signal_name}});
    limit_exit_time(exit_failed, 2); // in case the loop itself hangs
    end_requests(hurry_limit);
}

void Daemon::end_requests(Duration limit) {
    tokens_->stop();
    if (shared_.transactions)
        shared_.transactions->stop_waiting();
    for (const auto& worker : workers_)
        asio::post(worker->context(),
                   [owner = worker.get(), hurried = hurried_] { owner->end_requests(hurried); });
    grace_.expires_after(limit);
    grace_.async_wait([this](error_code code) {
        if (!code)
            give_up();
    });
}

void Daemon::give_up() {
    log::error("requests did not end in time; ending the process");
    log_.flush(last_words);
    std::_Exit(exit_failed);
}

} // namespace

int run_daemon(config::ValidConfig config, const std::string& config_file, LogSink& log) {
    raise_descriptor_limit();
    log.configure(config.settings.log);
    log_warnings(config_file, config.warnings);
    // A problem of the machine, perhaps over soon: systemd should start it again, which 78 would prevent.
    const auto passing_trouble = [](const std::exception& failure) {
        log::error("can't start", {{"reason", std::string_view{failure.what()}}});
        return exit_failed;
    };
    try {
        Daemon daemon{std::make_shared<const config::Settings>(std::move(config.settings)), config_file, log};
        const int status = daemon.run();
        log.flush(last_words);
        return status;
    } catch (const std::system_error& failure) {
        return passing_trouble(failure);
    } catch (const boost::system::system_error& failure) {
        return passing_trouble(failure);
    } catch (const std::runtime_error& failure) { // of start-up: a file that is named in the settings
        const std::string error = config::format_error(config_file, place_error(config_file, failure.what()));
        log::error("can't start", {{"reason", std::string_view{error}}});
        return exit_bad_configuration;
    }
}

} // namespace bearerd::app
