#include "store_writer.hpp"

#include <bearerd/base/log.hpp>

#include <deque>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;

/// Between two writes: an upstream that swaps the token with every answer must not wear out a till's flash.
constexpr auto pause = 100ms;
constexpr auto longest_flush = 8s; // a busy disk must not lose the count of rejected logins

StoreWriter::Found read_files(TokenFile& file) {
    StoreWriter::Found found;
    file.clean_up();
    const auto now = StoredMoment::take();
    auto token = file.load_token();
    if (token.value) {
        const auto age = elapsed(token.value->received, now);
        if (!age)
            token.problem = "received in the future: the clock was changed";
        else if (*age >= token.value->life)
            token.problem = "expired";
        else
            found.token = StoreWriter::Found::StoredToken{std::move(*token.value), *age};
    }
    if (!token.problem.empty())
        log::warning("stored token ignored", {{"reason", token.problem}});
    const auto login = file.load_login();
    // One that does not open belongs to another password, which is tried at once: no reason to warn.
    if (!login.problem.empty() && !login.did_not_open)
        log::warning("stored count of rejected logins ignored", {{"reason", login.problem}});
    if (login.value && login.value->rejections > 0) {
        found.rejections = login.value->rejections;
        const auto left = login.value->backoff - elapsed(login.value->failed, now).value_or(0ns);
        found.next_try = std::max(Duration{0}, left);
    }
    auto refresh = file.load_refresh();
    if (!refresh.problem.empty() && !refresh.did_not_open)
        log::warning("stored refresh token ignored", {{"reason", refresh.problem}});
    if (refresh.value)
        found.refresh = std::move(refresh.value->token);
    return found;
}

/// Records and their settings belong together: each is stored with the settings of its time.
struct Batch {
    std::optional<StoreSettings> settings; ///< to change to, before the records
    std::optional<StoreWriter::TokenInUse> token;
    std::optional<LoginRecord> login;
    std::optional<RefreshRecord> refresh;

    struct Taking {
        Secret token;
        std::function<void(bool)> done;
    };

    std::optional<Taking> taking; ///< after `refresh`
};

TokenRecord record_of(const StoreWriter::TokenInUse& in_use) {
    TokenRecord record;
    record.received = earlier(StoredMoment::take(), BootClock::now() - in_use.received);
    record.life = in_use.token->expires - in_use.token->received;
    record.token = in_use.token->value.clone();
    record.login = *in_use.login;
    return record;
}

} // namespace

/// Once it is stopping, nothing is reported; once it is abandoned, the log may be gone.
struct StoreWriter::State : WorkerState {
    State(StoreSettings settings, Events handlers)
        : events{std::move(handlers)}, file{std::make_unique<TokenFile>(std::move(settings))} {}

    std::deque<Batch> pending; ///< one, and one more for each change of settings not reached yet
    const Events events;

    // The thread's own:
    std::unique_ptr<TokenFile> file;
    bool failing = false;

    /// Returns the batch to add to. Wakes the thread only for the first record: it may be pausing between two
    /// writes, and waking it for each token of a chain that rotates with every answer would cost more than
    /// the answers.
    Batch& last() {
        if (pending.empty())
            append();
        return pending.back();
    }

    Batch& append() {
        if (pending.empty())
            changed.notify_all();
        return pending.emplace_back();
    }

    void run();
    void write(Batch batch);
    void finish(Batch::Taking& taking);
    void report(error_code error);
};

void StoreWriter::State::finish(Batch::Taking& taking) {
    const TokenFile::Taken taken = file->take_refresh(taking.token);
    const std::lock_guard lock{mutex};
    if (stopping)
        return;
    if (taken.problem) {
        events.failed();
        log::warning("refresh token can't be marked as used: a login follows in its place",
                     {{"reason", taken.problem.message()}});
    }
    taking.done(taken.taken);
}

void StoreWriter::State::report(error_code error) {
    const std::lock_guard lock{mutex};
    if (abandoned)
        return;
    if (error && !stopping)
        events.failed();
    if (error && !failing) // once, not for every token while a disk is full
        log::warning("token store can't be written", {{"reason", error.message()}});
    if (!error && failing)
        log::info("token store is written again");
    failing = error.failed();
}

void StoreWriter::State::write(Batch batch) {
    if (batch.settings)
        file = std::make_unique<TokenFile>(std::move(*batch.settings));
    // The count of rejections first: it is what keeps the account from being locked.
    if (batch.login)
        report(file->save(*batch.login));
    if (batch.refresh)
        report(file->save(*batch.refresh));
    if (batch.taking)
        finish(*batch.taking);
    if (batch.token)
        report(file->save(record_of(*batch.token)));
}

StoreWriter::StoreWriter(StoreSettings settings, Events events)
    : state_{std::make_shared<State>(std::move(settings), std::move(events))}, thread_{state_} {}

StoreWriter::~StoreWriter() {
    if (!thread_.stop(longest_flush))
        log::warning("token store did not finish in time; the last token may be lost");
}

void StoreWriter::save(TokenInUse token) {
    const std::lock_guard lock{state_->mutex};
    state_->last().token = std::move(token);
}

void StoreWriter::save(LoginRecord record) {
    const std::lock_guard lock{state_->mutex};
    state_->last().login = std::move(record);
}

void StoreWriter::save(RefreshRecord record) {
    const std::lock_guard lock{state_->mutex};
    state_->last().refresh = std::move(record);
}

void StoreWriter::take_refresh(Secret token, std::function<void(bool)> done) {
    const std::lock_guard lock{state_->mutex};
    state_->last().taking = {std::move(token), std::move(done)};
}

void StoreWriter::change(StoreSettings settings) {
    const std::lock_guard lock{state_->mutex};
    state_->append().settings = std::move(settings);
}

void StoreWriter::State::run() {
    if (events.reading)
        events.reading();
    auto found = read_files(*file);
    std::unique_lock lock{mutex};
    if (!stopping)
        events.found(std::move(found));
    lock.unlock();
    file->prepare();
    lock.lock();
    while (true) {
        changed.wait(lock, [this] { return stopping || !pending.empty(); });
        if (pending.empty())
            break; // stopping, and all is written
        auto batch = std::move(pending.front());
        pending.pop_front();
        lock.unlock();
        write(std::move(batch));
        lock.lock();
        changed.wait_for(lock, pause, [this] { return stopping; });
    }
}

} // namespace bearerd::auth
