#include "account.hpp"
#include "token_core.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/base/log.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>

/// The part of the core that keeps the token store.
namespace bearerd::auth {
namespace {

using Action = TokenMachine::Reply::Action;

StoreSettings store_settings(const config::Settings& settings, const config::Credentials& credentials) {
    return {settings.token_store.directory, settings.token_store.key_file, settings.upstream.url.text,
            config::login_account(settings), credentials.password.clone()};
}

/// A static token is in a file already.
bool has_store(const config::Settings& settings) {
    return !settings.token_store.directory.empty() && settings.auth.kind != config::LoginKind::static_token;
}

} // namespace

void TokenService::Core::open_store() {
    if (!has_store(*settings_))
        return;
    reading_ = ++readings_;
    stored_is_foreign_ = false;
    StoreWriter::Events events;
    events.found = [self = weak_from_this(), first = first_, reading = reading_](StoreWriter::Found found) {
        net::asio::post(first, [self, reading, found = std::move(found)]() mutable {
            if (const auto core = self.lock())
                core->on_found(reading, std::move(found));
        });
    };
    events.reading = hooks_.store_reading;
    events.failed = [self = weak_from_this(), first = first_] {
        net::asio::post(first, [self] {
            if (const auto core = self.lock())
                core->stats_.token_store_failures.add();
        });
    };
    store_ = std::make_unique<StoreWriter>(store_settings(*settings_, *credentials_), std::move(events));
    store_timer_->expires_after(settings_->auth.login_timeout);
    store_timer_->async_wait([self = shared_from_this(), reading = reading_](error_code error) {
        if (!error)
            self->on_slow_store(reading);
    });
}

/// A hung disk must not keep bearerd from logging in. What it returns later is ignored.
void TokenService::Core::on_slow_store(std::uint64_t reading) {
    {
        const std::lock_guard lock{mutex_};
        if (reading != reading_ || stopping_)
            return;
    }
    log::warning("token store can't be read in time; going on without what it holds");
    on_found(reading, {});
}

void TokenService::Core::on_found(std::uint64_t reading, StoreWriter::Found found) {
    std::unique_lock lock{mutex_};
    if (reading != reading_)
        return;
    reading_ = 0;
    if (store_timer_)
        store_timer_->cancel();
    const auto at = moment();
    const bool needless = machine_.current() != nullptr; // the store was opened by a reload
    std::optional<TokenMachine::Restored> token;
    if (!stored_is_foreign_) {
        if (!needless)
            machine_.restored_rejections(found.rejections, at.now + found.next_try, at);
        else if (found.rejections > machine_.rejections())
            save_rejections(at.now); // the next start is not to find what is over
        if (found.token) {
            token.emplace();
            token->token.claims = parse_claims(found.token->record.token.reveal());
            token->token.value = std::move(found.token->record.token);
            token->login = std::move(found.token->record.login);
            token->life = found.token->record.life;
            token->left = token->life - found.token->age;
        }
        if (!needless && settings_->auth.refresh)
            refresh_token_ = std::move(found.refresh);
    }
    auto reply = machine_.restored(std::move(token), at);
    settle(reply, at.now);
    const auto good = machine_.good_token(at.now);
    if (good && !needless) {
        stats_.token_swaps[SwapSource::store].add();
        const std::int64_t left = ceil_seconds(good->expires - at.now);
        log::info("stored token is used", {{"user", settings_->credentials.user}, {"expires_in_s", left}});
    }
    if (!reply.start_login)
        reply = machine_.want(at);
    release_waiters(reply, at.now);
    if (good || reply.action == Action::fail)
        first_try_done(lock);
}

/// What is stored from here on belongs to the new password in the file.
void TokenService::Core::rekey_store() {
    stored_is_foreign_ = true;
    forget_refresh_token();
    if (store_)
        store_->change(store_settings(*settings_, *credentials_));
}

void TokenService::Core::save_token(TimePoint now) {
    if (!store_)
        return;
    const auto& token = machine_.current();
    const auto age = now - token->received; // for a reload's store
    store_->save({token, machine_.login_claims(), BootClock::now() - age});
}

void TokenService::Core::save_rejections(TimePoint now) {
    if (!store_)
        return;
    LoginRecord record;
    record.rejections = machine_.rejections();
    record.failed = StoredMoment::take();
    record.backoff = std::max(Duration{0}, machine_.next_try().value_or(now) - now);
    store_->save(std::move(record));
}

void TokenService::Core::save_refresh_token() {
    if (store_)
        store_->save(RefreshRecord{refresh_token_.clone()});
}

/// The stored token belongs to credentials that were replaced.
void TokenService::Core::forget_refresh_token() {
    refresh_token_ = {};
    taken_ = {};
}

/// Returns the store that is no longer needed.
std::unique_ptr<StoreWriter> TokenService::Core::change_store(const config::Settings& before,
                                                              bool same_credentials, TimePoint now) {
    const auto& places = settings_->token_store;
    const bool moved = has_store(before) != has_store(*settings_) ||
                       before.token_store.directory != places.directory ||
                       before.token_store.key_file != places.key_file;
    if (store_ && before.auth.refresh && (moved || !same_credentials))
        store_->save(RefreshRecord{}); // at its old place; else a later start could use it a second time
    if (!has_store(*settings_)) {
        if (reading_ != 0) // its content will not arrive any more
            net::asio::post(first_,
                            [self = shared_from_this(), reading = reading_] { self->on_found(reading, {}); });
        return std::move(store_);
    }
    if (!store_)
        open_store();
    else if (moved || !same_credentials)
        store_->change(store_settings(*settings_, *credentials_));
    if (moved && same_credentials && machine_.good_token(now))
        save_token(now);
    if (moved && same_credentials && machine_.rejections() > 0)
        save_rejections(now);
    if (moved && same_credentials && settings_->auth.refresh)
        save_refresh_token();
    return nullptr;
}

} // namespace bearerd::auth
