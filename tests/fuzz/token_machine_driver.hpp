#pragma once

#include "../../src/auth/token_machine.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

/// Turns bytes into events for the token machine, and compares its promises with a much simpler model of what
/// has happened. Used by the fuzz target and by the property test.
namespace bearerd::auth::test {

class TokenMachineDriver {
public:
    TokenMachineDriver() : machine_{settings(), true} {}

    /// The first promise that was broken, or "".
    [[nodiscard]] std::string_view run(std::span<const std::uint8_t> bytes) {
        while (bytes.size() >= 3 && broken_.empty()) {
            step(bytes[0], bytes[1], bytes[2]);
            check_state();
            bytes = bytes.subspan(3);
        }
        return broken_;
    }

private:
    using Machine = TokenMachine;
    using Action = Machine::Directive::Action;

    static config::Auth settings() {
        using namespace std::chrono_literals;
        config::Auth value;
        value.backoff = {30s, 1s, 15min};
        return value;
    }

    void promise(bool held, std::string_view what) {
        if (!held && broken_.empty())
            broken_ = what;
    }

    [[nodiscard]] Moment moment(std::uint8_t dice) const { return {now_, dice / 256.0}; }

    /// Kinds: opaque, JWTs of few different ages and lives; users: none, a, b.
    [[nodiscard]] Machine::Candidate token(std::uint8_t kind, std::uint8_t value) {
        Machine::Candidate candidate;
        candidate.value = Secret{"t" + std::to_string(kind % 8) + "-" + std::to_string(value % 16)};
        if ((kind & 1) != 0)
            candidate.claims.issued_at = 1000 + value % 16;
        if ((kind & 2) != 0)
            candidate.claims.expires_at = 1060 + value % 32 * 7;
        if ((kind & 4) != 0)
            candidate.claims.identity = {{"sub", value % 5 == 0 ? "b" : "a"}};
        return candidate;
    }

    void step(std::uint8_t event, std::uint8_t a, std::uint8_t b) {
        switch (event % 12) {
        case 0:
            now_ += std::chrono::milliseconds{a * 10};
            return check_start(machine_.tick(moment(b)));
        case 1:
            now_ += std::chrono::seconds{a * 8};
            return check_start(machine_.tick(moment(b)));
        case 2:
            return want(b);
        case 3:
            return rejected(a, b);
        case 4:
            return denied(a, b);
        case 5:
            return observed(a, b);
        case 6:
        case 7:
            return login_done(a, b);
        case 8:
            return login_failed(a, b);
        case 9:
            return credentials_changed(a, b);
        case 10:
            return restored(a, b);
        default:
            if (a != 255)
                return accepted(b);
            machine_.stop(); // rarely, since nothing happens any more afterwards
            stopped_ = true;
        }
    }

    void check_start(const Machine::Directive& directive) {
        if (!directive.start_login)
            return;
        promise(!running_, "at most one login runs");
        promise(!stopped_, "nothing starts after stop()");
        promise(loaded_, "no login before the store was read");
        promise(now_ >= allowed_at_, "a login waits for its back-off");
        running_ = true;
        running_for_.reset();
    }

    void check_directive(const Machine::Directive& directive) {
        check_start(directive);
        switch (directive.action) {
        case Action::use:
            promise(directive.token && now_ < directive.token->expires,
                    "an expired token is never handed out");
            promise(directive.token == machine_.current(), "only the current token is handed out");
            return;
        case Action::wait:
            promise(running_ || !loaded_, "a request waits only if there is something to wait for");
            return;
        case Action::fail:
            promise(stopped_ || failing_, "a request fails only during a back-off or a shutdown");
            promise(directive.failure.retry_after >= Duration{0}, "Retry-After is not negative");
            return;
        case Action::none:
        case Action::pass:
            return;
        }
    }

    void want(std::uint8_t dice) {
        const bool good = machine_.good_token(now_) != nullptr;
        const auto directive = machine_.want(moment(dice));
        check_directive(directive);
        promise(!good || (directive.action == Action::use && !directive.start_login), "a good token is used");
    }

    void rejected(std::uint8_t a, std::uint8_t b) {
        const auto current = machine_.good_token(now_);
        const auto last = machine_.current() ? machine_.current()->generation : 0;
        const auto generation = last - std::min<std::uint64_t>(last, a % 3);
        const bool fresh = current && current->from_login && now_ - current->received < settings().fresh_for;
        const bool denied_before = is_denied(generation, b % 8);
        const bool again = current && generation == current->generation && made_for_ == b % 8 &&
                           now_ - login_at_ < settings().denied_for;
        const auto directive = machine_.rejected(generation, b % 8, moment(a));
        check_directive(directive);
        if (directive.start_login)
            running_for_ = b % 8;
        if (denied_before)
            promise(directive.action == Action::pass && !directive.start_login,
                    "a denied document starts no login");
        else if (current && generation < current->generation)
            promise(directive.action == Action::use && !directive.start_login,
                    "a rejection of an old generation starts nothing");
        else if (fresh)
            promise(directive.action == Action::pass, "a token that a login has just brought is not doubted");
        else if (again) {
            promise(directive.action == Action::pass, "a document causes no second login");
            note_denied(b % 8);
        } else
            promise(directive.action == Action::wait || directive.action == Action::fail,
                    "a doubted token is not sent again");
    }

    [[nodiscard]] bool is_denied(std::uint64_t generation, std::uint64_t document) const {
        const bool recent = now_ - login_at_ < settings().denied_for;
        if (denied_.contains(document))
            return proven_ || recent;
        return recent && (set_aside_.contains(document) || wavering_.contains(document)) &&
               generation >= login_generation_;
    }

    void accepted(std::uint8_t b) {
        const auto last = machine_.current() ? machine_.current()->generation : 0;
        const auto generation = last - std::min<std::uint64_t>(last, b % 3);
        const std::uint64_t document = b % 8;
        machine_.accepted(generation, document);
        if (generation >= login_generation_) {
            proven_ = true;
            if (made_for_ == document)
                made_for_.reset();
            if (denied_.erase(document) + set_aside_.erase(document) != 0)
                wavering_.insert(document);
        }
        const bool learned = proven_ && !made_for_ && denied_.empty();
        promise(machine_.unproven_login() == (learned ? 0 : login_generation_),
                "a login's token is proven by a request that was accepted since");
    }

    void denied(std::uint8_t a, std::uint8_t b) {
        const auto last = machine_.current() ? machine_.current()->generation : 0;
        const auto generation = last - std::min<std::uint64_t>(last, b % 3);
        const std::uint64_t document = a % 8;
        machine_.denied(generation, document);
        if (generation >= login_generation_) // else it speaks of what was before the last login
            note_denied(document);
    }

    void note_denied(std::uint64_t document) {
        if (made_for_ == document) {
            denied_.insert(set_aside_.begin(), set_aside_.end());
            made_for_.reset();
        }
        if (!wavering_.contains(document))
            denied_.insert(document);
    }

    void forget_denied() {
        denied_.clear();
        set_aside_.clear();
        wavering_.clear();
        made_for_.reset();
    }

    void observed(std::uint8_t a, std::uint8_t b) {
        const auto before = machine_.current();
        const auto last = before ? before->generation : 0;
        auto candidate = token(a, b);
        const auto claims = candidate.claims;
        const bool same = same_identity(*machine_.login_claims(), claims);
        const bool login_operation = b % 16 == 0;
        const auto result = machine_.observed(last - std::min<std::uint64_t>(last, b % 2),
                                              std::move(candidate), login_operation, moment(b));
        if (result != Machine::Observation::adopted)
            return promise(machine_.current() == before, "an ignored token changes nothing");
        promise(!login_operation, "the token of an app's own login is not adopted");
        promise(same, "another user's token is not adopted");
        if (before && before->claims.issued_at && claims.issued_at)
            promise(*claims.issued_at >= *before->claims.issued_at, "an older token is not adopted");
    }

    void login_done(std::uint8_t a, std::uint8_t b) {
        if (!running_)
            return;
        running_ = false;
        const auto directive = machine_.login_done(token(a, b), moment(b));
        if (directive.action == Action::use) {
            failing_ = false;
            rejections_ = outages_ = 0;
            auto denied = denied_;
            if (!proven_)
                denied.merge(set_aside_);
            const auto wavering = wavering_;
            forget_denied();
            made_for_ = running_for_;
            if (made_for_) {
                set_aside_ = denied;
                wavering_ = wavering;
            }
            login_generation_ = directive.token->generation;
            login_at_ = now_;
            proven_ = false;
            allowed_at_ = {};
        } else if (!outdated_ && !stopped_) { // the old token again
            failed(Machine::FailureKind::unavailable);
        }
        outdated_ = false;
        check_directive(directive);
    }

    void login_failed(std::uint8_t a, std::uint8_t b) {
        if (!running_)
            return;
        running_ = false;
        const auto kind = a % 2 == 0 ? Machine::FailureKind::rejected : Machine::FailureKind::unavailable;
        std::optional<Duration> retry_after;
        if (a % 8 == 1)
            retry_after = std::chrono::seconds{b};
        const bool counts = !outdated_ && !stopped_;
        if (counts)
            failed(kind);
        if (counts && retry_after)
            allowed_at_ = std::max(allowed_at_, now_ + *retry_after);
        const auto directive = machine_.login_failed(kind, retry_after, moment(b));
        outdated_ = false;
        check_directive(directive);
    }

    void failed(Machine::FailureKind kind) {
        using namespace std::chrono_literals;
        failing_ = true;
        const bool rejected = kind == Machine::FailureKind::rejected;
        auto& count = rejected ? rejections_ : outages_;
        if (rejected)
            outages_ = 0;
        constexpr std::array<std::chrono::seconds, 6> rejected_delays{30s, 60s, 120s, 240s, 480s, 900s};
        constexpr std::array<std::chrono::seconds, 6> outage_delays{1s, 2s, 4s, 8s, 16s, 30s};
        allowed_at_ = now_ + (rejected ? rejected_delays : outage_delays)[std::min<std::size_t>(count++, 5)];
    }

    void credentials_changed(std::uint8_t a, std::uint8_t b) {
        if (a % 8 != 0)
            return;
        failing_ = false;
        rejections_ = outages_ = 0;
        forget_denied();
        allowed_at_ = {};
        outdated_ = running_;
        const bool same_user = b % 2 == 0;
        const auto directive = machine_.credentials_changed(same_user, true, moment(b));
        promise(same_user || !machine_.current(), "another user's token is dropped");
        check_start(directive);
        promise(stopped_ || !loaded_ || running_, "changed credentials are tried at once");
    }

    void restored(std::uint8_t a, std::uint8_t b) {
        using namespace std::chrono_literals;
        if (loaded_)
            return;
        loaded_ = true;
        if (a % 4 == 0) {
            failing_ = true;
            rejections_ = 3;
            allowed_at_ = now_ + std::chrono::seconds{b};
            machine_.restored_rejections(3, allowed_at_, moment(b));
        }
        std::optional<Machine::Restored> stored;
        if (a % 2 == 0) {
            stored.emplace();
            stored->token = token(a, b);
            stored->login = stored->token.claims;
            stored->life = 1h;
            stored->left = std::chrono::seconds{b * 14};
        }
        check_start(machine_.restored(std::move(stored), moment(b)));
    }

    void check_state() {
        const auto wake = machine_.next_wake();
        promise(machine_.login_running() == running_, "the machine knows whether a login runs");
        promise(running_ || stopped_ || !loaded_ || wake, "every state at rest has a next wake-up");
        promise(!wake || !failing_ || *wake >= allowed_at_, "no wake-up before the back-off is over");
        const auto current = machine_.current();
        promise(!wake || failing_ || !current || *wake <= current->expires,
                "it renews before the token expires");
        const auto generation = current ? current->generation : 0;
        promise(generation == 0 || generation >= generation_, "the generation never goes back");
        generation_ = std::max(generation_, generation);
    }

    Machine machine_;
    TimePoint now_{std::chrono::hours{1}};
    TimePoint allowed_at_{};
    std::set<std::uint64_t> denied_;
    std::set<std::uint64_t> set_aside_; ///< denied again where the last login's own document is denied too
    std::set<std::uint64_t> wavering_;  ///< accepted after it had been denied
    std::optional<std::uint64_t> running_for_;
    std::optional<std::uint64_t> made_for_;
    std::uint64_t login_generation_ = 0;
    TimePoint login_at_{};
    bool proven_ = false;
    std::uint64_t generation_ = 0;
    std::size_t rejections_ = 0;
    std::size_t outages_ = 0;
    bool running_ = false;
    bool failing_ = false;
    bool outdated_ = false;
    bool loaded_ = false;
    bool stopped_ = false;
    std::string_view broken_;
};

} // namespace bearerd::auth::test
