#include "token_store.hpp"

#include "token_core.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace bearerd::auth {
namespace {

StoreSettings store_settings(const config::Settings& settings, const config::Credentials& credentials) {
    return {settings.token_store.directory, settings.token_store.key_file, settings.upstream.url.text,
            config::login_account(settings), credentials.password.clone()};
}

/// A static token is in a file already.
bool has_store(const config::Settings& settings) {
    return !settings.token_store.directory.empty() && settings.auth.kind != config::LoginKind::static_token;
}

} // namespace

TokenStore::TokenStore(TokenCore& core, const TokenMachine& machine, net::Executor first, Stats& stats,
                       std::function<void()> reading)
    : core_{core},
      machine_{machine},
      first_{first},
      stats_{stats},
      on_reading_{std::move(reading)},
      timer_{first} {}

void TokenStore::open(const config::Settings& settings, const config::Credentials& credentials) {
    if (!has_store(settings))
        return;
    reading_ = ++readings_;
    is_foreign_ = false;
    StoreWriter::Events events;
    events.found = [weak = core_.weak_from_this(), first = first_,
                    reading = reading_](StoreWriter::Found found) {
        net::asio::post(first, [weak, reading, found = std::move(found)]() mutable {
            if (const auto core = weak.lock())
                core->on_found(reading, std::move(found));
        });
    };
    events.reading = on_reading_;
    events.failed = [weak = core_.weak_from_this(), first = first_, &stats = stats_] {
        net::asio::post(first, [weak, &stats] {
            if (const auto core = weak.lock())
                stats.token_store_failures.add();
        });
    };
    writer_ = std::make_unique<StoreWriter>(store_settings(settings, credentials), std::move(events));
    timer_->expires_after(settings.auth.login_timeout);
    timer_->async_wait([core = core_.shared_from_this(), reading = reading_](error_code error) {
        if (!error)
            core->on_slow_store(reading);
    });
}

void TokenStore::end_reading() {
    reading_ = 0;
    if (timer_)
        timer_->cancel();
}

std::unique_ptr<StoreWriter> TokenStore::change(const config::Settings& before,
                                                const config::Settings& settings,
                                                const config::Credentials& credentials, bool same_credentials,
                                                TimePoint now) {
    is_foreign_ = is_foreign_ || !same_credentials;
    const bool moved = has_store(before) != has_store(settings) ||
                       before.token_store.directory != settings.token_store.directory ||
                       before.token_store.key_file != settings.token_store.key_file;
    if (writer_ && before.auth.refresh && (moved || !same_credentials))
        writer_->save(RefreshRecord{}); // at its old place; else a later start could use it a second time
    if (!has_store(settings)) {
        if (reading_ != 0) // its content will not arrive any more
            net::asio::post(first_, [core = core_.shared_from_this(), reading = reading_] {
                core->on_found(reading, {});
            });
        return std::move(writer_);
    }
    if (!writer_)
        open(settings, credentials);
    else if (moved || !same_credentials)
        writer_->change(store_settings(settings, credentials));
    if (moved && same_credentials && machine_.good_token(now))
        save_token(now);
    if (moved && same_credentials && machine_.rejections() > 0)
        save_rejections(now);
    if (moved && same_credentials && settings.auth.refresh)
        save_refresh_token();
    return nullptr;
}

void TokenStore::rekey(const config::Settings& settings, const config::Credentials& credentials) {
    is_foreign_ = true;
    if (writer_)
        writer_->change(store_settings(settings, credentials));
}

void TokenStore::save_token(TimePoint now) {
    if (!writer_)
        return;
    const auto& token = machine_.current();
    const auto age = now - token->received; // for a reload's store
    writer_->save({token, machine_.login_claims(), BootClock::now() - age});
}

void TokenStore::save_rejections(TimePoint now) {
    if (!writer_)
        return;
    LoginRecord record;
    record.rejections = machine_.rejections();
    record.failed = StoredMoment::take();
    record.backoff = std::max(Duration{0}, machine_.next_try().value_or(now) - now);
    writer_->save(std::move(record));
}

void TokenStore::save_refresh_token() {
    if (writer_)
        writer_->save(RefreshRecord{refresh_token_.clone()});
}

void TokenStore::mark_refresh_token(Secret token, std::function<void(bool is_ours)> report) {
    if (writer_)
        writer_->take_refresh(std::move(token), std::move(report));
    else
        report(true); // nobody else can have it
}

void TokenStore::stop() {
    if (timer_)
        timer_->cancel();
}

void TokenStore::close() {
    timer_.reset();
}

} // namespace bearerd::auth
