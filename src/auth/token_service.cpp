#include <bearerd/auth/token_service.hpp>

#include "token_core.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/base/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bearerd::auth {
namespace {

using Action = TokenMachine::Directive::Action;
using Observation = TokenMachine::Observation;

constexpr auto use_task = net::asio::as_tuple(net::asio::use_awaitable_t<net::Executor>{});

/// Waits for the core's result, or for the deadline.
net::Task<void> wait(std::shared_ptr<Waiter> waiter, Duration timeout) {
    waiter->timer.expires_after(timeout);
    co_await waiter->timer.async_wait(use_task);
    if (!waiter->done) // the deadline; the login itself goes on
        waiter->failure = {NoToken::Reason::login_unavailable, std::chrono::seconds{1}};
}

} // namespace

/// A thread's TokenSource: keeps the token that was current when it last looked, and looks again when the
/// version has changed.
class ThreadTokenSource final : public TokenSource {
public:
    ThreadTokenSource(std::shared_ptr<TokenCore> core, net::Executor executor, Stats& stats)
        : core_{std::move(core)},
          executor_{executor},
          stats_{stats},
          account_epoch_{core_->account_epoch()} {}

    TokenPtr current(TimePoint now) override {
        if (core_->version() != seen_)
            seen_ = core_->snapshot(account_epoch_, token_);
        return token_ && now < token_->expires ? token_ : nullptr;
    }

    net::Task<TokenResult> acquire() override;
    net::Task<Advice> rejected(TokenPtr used, std::uint64_t document) override;

    void denied(const TokenPtr& used, std::uint64_t document) override {
        core_->denied(account_epoch_, used ? used->generation : 0, document);
    }

    void rejected_in_doubt(const TokenPtr& used, std::uint64_t document) override {
        core_->rejected_in_doubt(account_epoch_, used ? used->generation : 0, document);
    }

    [[nodiscard]] bool awaits_proof(const TokenPtr& used) const noexcept override {
        const std::uint64_t unproven = core_->unproven_login();
        return unproven != 0 && used && used->generation >= unproven;
    }

    void accepted(const TokenPtr& used, std::uint64_t document) override {
        if (awaits_proof(used))
            core_->accepted(account_epoch_, used->generation, document);
    }

    void observed(const TokenPtr& used, std::string_view text, bool login_operation) override;

private:
    std::shared_ptr<TokenCore> core_;
    net::Executor executor_;
    Stats& stats_;
    const std::uint64_t account_epoch_;
    TokenPtr token_;
    std::uint64_t seen_ = 0;
    bool warned_ = false; ///< of a foreign token: once, though every answer may bring one
};

net::Task<TokenResult> ThreadTokenSource::acquire() {
    if (auto token = current(core_->now()))
        co_return token;
    const auto waiter = std::make_shared<Waiter>(executor_, account_epoch_, 0);
    const auto directive = core_->want(waiter);
    if (directive.action == Action::use)
        co_return directive.token;
    if (directive.action == Action::fail)
        co_return directive.failure;
    co_await wait(waiter, core_->login_timeout());
    if (waiter->token)
        co_return waiter->token;
    co_return waiter->failure;
}

net::Task<Advice> ThreadTokenSource::rejected(TokenPtr used, std::uint64_t document) {
    const auto waiter = std::make_shared<Waiter>(executor_, account_epoch_, used ? used->generation : 0);
    const auto directive = core_->rejected(waiter, document);
    Advice advice;
    if (directive.action == Action::pass)
        co_return advice;
    if (directive.action == Action::wait) {
        co_await wait(waiter, core_->login_timeout());
        if (waiter->pass)
            co_return advice;
        advice.token = waiter->token;
        advice.after_login = waiter->after_login;
        advice.failure = waiter->failure;
    } else {
        advice.token = directive.token;
        advice.after_login = directive.after_login;
        advice.failure = directive.failure;
    }
    advice.kind = advice.token ? Advice::Kind::resend : Advice::Kind::fail;
    co_return advice;
}

void ThreadTokenSource::observed(const TokenPtr& used, std::string_view text, bool login_operation) {
    if (!used)
        return;
    if (!login_operation && token_ && token_->value.reveal() == text && core_->version() == seen_)
        return; // the upstream repeats the token with every answer
    TokenMachine::Candidate token;
    token.value = Secret{text};
    token.claims = parse_claims(text);
    const auto observation =
        core_->observed(account_epoch_, used->generation, std::move(token), login_operation);
    switch (observation) {
    case Observation::adopted:
        stats_.token_swaps[SwapSource::response].add();
        log::debug("token swapped by a response");
        return;
    case Observation::unchanged:
        return;
    case Observation::older:
        stats_.tokens_ignored[IgnoredToken::older].add();
        log::debug("token of a response ignored", {{"reason", std::string_view{"older"}}});
        return;
    case Observation::foreign:
        stats_.tokens_ignored[IgnoredToken::foreign].add();
        log::write(std::exchange(warned_, true) ? log::Level::debug : log::Level::warning,
                   "token of a response ignored: it is another user's or upstream's", {});
        return;
    case Observation::login_operation:
        stats_.tokens_ignored[IgnoredToken::login_operation].add();
        log::debug("token of a response ignored", {{"reason", std::string_view{"the app's own login"}}});
        return;
    }
}

TokenService::TokenService(net::Executor first, std::shared_ptr<upstream::Transport> transport,
                           std::shared_ptr<const config::Settings> settings, Stats& stats, ServiceHooks hooks,
                           fleet::Store* fleet, std::shared_ptr<fleet::KeyRing> fleet_keys)
    : core_{std::make_shared<TokenCore>(first, std::move(transport), std::move(settings), stats,
                                        std::move(hooks), fleet, std::move(fleet_keys))} {}

TokenService::~TokenService() {
    core_->stop();
    core_->close();
}

void TokenService::start(std::function<void()> first_login_tried) {
    core_->start(std::move(first_login_tried));
}

std::unique_ptr<TokenSource> TokenService::make_source(net::Executor executor, Stats& stats) {
    return std::make_unique<ThreadTokenSource>(core_, executor, stats);
}

void TokenService::reload(std::shared_ptr<const config::Settings> settings,
                          std::shared_ptr<upstream::Transport> transport) {
    core_->reload(std::move(settings), std::move(transport));
}

void TokenService::stop() {
    core_->stop();
}

void TokenService::tick() {
    core_->tick();
}

AuthStatus TokenService::status() const {
    return core_->status();
}

} // namespace bearerd::auth
