#pragma once

#include "moment.hpp"

#include <bearerd/auth/token.hpp>
#include <bearerd/auth/token_source.hpp>
#include <bearerd/config/config.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace bearerd::auth {

/// Makes the decisions of contract 3. Pure: the time, the random numbers and the outcome of logins are
/// arguments, and all results are values. Not thread safe. Its caller holds the waiting requests: on `wait`
/// it keeps the request until the next login_done(), login_failed(), stop() or adoption, or its own deadline.
///
/// These always hold, and are tested over random events: at most one login runs; the generation only grows;
/// an expired token is never given out; a rejection of an old generation starts nothing; a denied document
/// starts no login while its denial holds; logins that only show that their documents are denied are at
/// most one for each document, and after that one in each `denied_for`; no login is tried before its back-off
/// is over; every failure state has a next wake-up; nothing starts after stop().
class TokenMachine {
public:
    enum class State : std::uint8_t { empty, logging_in, valid, refreshing, backing_off, rejected, stopped };

    /// What to do for this request or wake-up.
    struct Directive {
        enum class Action : std::uint8_t {
            none,
            use,  ///< continue with `token`
            pass, ///< the rejection goes to the app as it is
            wait, ///< for the login that runs
            fail, ///< with `failure`
        };
        Action action = Action::none;
        bool start_login = false; ///< start one: the machine now expects login_done() or login_failed()
        bool after_login = false; ///< use: a login brought the token after the one that was rejected
        TokenPtr token;
        NoToken failure;
    };

    enum class Observation : std::uint8_t { adopted, unchanged, older, foreign, login_operation };

    enum class FailureKind : std::uint8_t { rejected, unavailable };

    /// A token as received, whose life has not been judged yet.
    struct Candidate {
        Secret value;
        Claims claims;
        std::optional<Duration> life = {}; ///< from now on, if the login's answer gave it
        Duration age{};                    ///< since another replica received it (contract 12)
    };

    /// A stored token; the time that passed since it was received is already subtracted from `left`.
    struct Restored {
        Candidate token;
        Claims login; ///< the identity that the login's token named
        Duration life{};
        Duration left{};
    };

    /// `loading`: a stored token is being read; until restored() no login starts, and requests wait.
    TokenMachine(const config::Auth& settings, bool loading) : settings_{settings}, loading_{loading} {}

    /// A request needs a token.
    [[nodiscard]] Directive want(Moment at);

    /// The upstream rejected the token of this generation for this document (contract 3.6, 3.7). If the last
    /// login was made for this very document within `denied_for`, and it has not been accepted since, the
    /// document is denied.
    [[nodiscard]] Directive rejected(std::uint64_t generation, std::uint64_t document, Moment at);

    /// A resend after a login, with the token of this generation, was rejected too: the document is denied
    /// until the next login. If this document itself caused the login, the login proves nothing, so the
    /// earlier denials are restored; otherwise documents that are denied in turn would each undo the others'
    /// denials. It means nothing for a token older than the last login. The denial lapses `denied_for` after
    /// the login, unless accepted() has shown by then, or shows later, that the login's token works.
    void denied(std::uint64_t generation, std::uint64_t document);

    /// Like rejected(), for a request that is not sent again because it may have been executed. If this
    /// document itself caused the last login and has not been accepted since, the document is denied.
    [[nodiscard]] Directive rejected_in_doubt(std::uint64_t generation, std::uint64_t document, Moment at);

    /// A request for this document, with the token of this generation, was accepted. If the document is
    /// denied, its rejection applied only to one replica or one request: from then on its denial lapses
    /// `denied_for` after each login, until a login for another reason.
    void accepted(std::uint64_t generation, std::uint64_t document) noexcept;

    /// Returns the generation of the last login's token, or 0 if accepted() can prove nothing more: a request
    /// has been accepted since, so has the document that caused the login, and no document is denied.
    [[nodiscard]] std::uint64_t unproven_login() const noexcept {
        return proven_ && !made_for_ && denied_.empty() ? 0 : login_generation_;
    }

    /// A response to a request sent with the token of this generation carried a token (contract 3.4).
    [[nodiscard]] Observation observed(std::uint64_t generation, Candidate token, bool login_operation,
                                       Moment at);

    /// The login that was started brought a token. Returns `use`, or `fail` if the token is useless. With
    /// `start_login` the credentials had been replaced meanwhile, the token was dropped, and the next login
    /// starts.
    [[nodiscard]] Directive login_done(Candidate token, Moment at);

    /// The login that was started failed; `retry_after` is the upstream's. Returns the same as login_done().
    [[nodiscard]] Directive login_failed(FailureKind kind, std::optional<Duration> retry_after, Moment at);

    /// The login that was started is not tried: another replica was rejected with these credentials, `count`
    /// times in a row by now, and the next login may be tried after `wait` (contract 12). Returns the
    /// same as login_done().
    [[nodiscard]] Directive locked_out(std::uint32_t count, Duration wait, Moment at);

    /// The renewal that was started is put off for some seconds, since the store of the fleet does not answer
    /// (contract 12): others may renew the same token. Returns false if it can't wait: a request has asked
    /// for a login, or half of the time before the token's end is over. Then the login goes on.
    [[nodiscard]] bool put_off_renewal(Moment at) noexcept;

    /// So many logins in a row were rejected, by other replicas too: the next back-off is counted from there.
    void learn_rejections(std::uint32_t count) noexcept { rejections_ = std::max(rejections_, count); }

    /// The store was read. Without a token that is good, what follows is as after tick().
    [[nodiscard]] Directive restored(std::optional<Restored> token, Moment at);

    /// An earlier process was rejected `count` times in a row with these credentials; the next try is due at
    /// `next_try`. Returns whether that counts: not if a login runs or has failed already.
    bool restored_rejections(std::uint32_t count, TimePoint next_try, Moment at);

    /// The timer has fired: renews, or tries again, if that is due.
    [[nodiscard]] Directive tick(Moment at);

    /// Takes other settings with the same credentials.
    void configure(const config::Auth& settings) { settings_ = settings; }

    /// The credentials have changed: they are tried at once, and the back-off is forgotten. `same_user`: only
    /// the password changed, so the token is kept until the login has brought another one; otherwise it is
    /// dropped, and tokens in answers to its requests are foreign. `sent`: the running login, if any, was
    /// sent with the former credentials, so its outcome is dropped and another login follows; otherwise it is
    /// sent with the new ones, and counts.
    [[nodiscard]] Directive credentials_changed(bool same_user, bool sent, Moment at);

    void stop() noexcept { stopped_ = true; }

    /// Returns when tick() has something to do; nullopt while a login runs and after stop().
    [[nodiscard]] std::optional<TimePoint> next_wake() const noexcept;

    [[nodiscard]] State state(TimePoint now) const noexcept;

    [[nodiscard]] const TokenPtr& current() const noexcept { return current_; }

    /// Returns the current token if it may still be given out, else nullptr.
    [[nodiscard]] TokenPtr good_token(TimePoint now) const { return good(now) ? current_ : nullptr; }

    /// Whether the current token's end is so near that a login is due.
    [[nodiscard]] bool renewal_due(TimePoint now) const noexcept { return current_ && now >= renew_at_; }

    /// What the login's token named; never null.
    [[nodiscard]] const std::shared_ptr<const Claims>& login_claims() const noexcept { return login_claims_; }

    [[nodiscard]] bool login_running() const noexcept { return running_; }

    /// Whether a login runs whose credentials have not been replaced since it was sent.
    [[nodiscard]] bool login_counts() const noexcept { return running_ && !outdated_; }

    /// Whether a login brought a token since the one of this generation. Another replica's login counts only
    /// if it was within `denied_for` (or `fresh_for`, if that is longer): its token may have been revoked
    /// since.
    [[nodiscard]] bool login_since(std::uint64_t generation) const noexcept {
        return fresh_generation_ > generation;
    }

    /// Returns the number of rejected logins in a row, which survives a restart.
    [[nodiscard]] std::uint32_t rejections() const noexcept { return rejections_; }

    /// Returns the end of the back-off, while one lasts or has just ended.
    [[nodiscard]] std::optional<TimePoint> next_try() const noexcept;

private:
    /// The most recent hashes; the oldest is forgotten first.
    template<std::size_t Size>
    class RecentHashes {
    public:
        void add(std::uint64_t hash) noexcept {
            if (has(hash))
                return;
            if (size_ == Size)
                erase(0);
            hashes_[size_++] = hash;
        }

        [[nodiscard]] bool has(std::uint64_t hash) const noexcept { return find(hash) != size_; }

        [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

        void add(const RecentHashes& other) noexcept {
            for (std::size_t i = 0; i < other.size_; ++i)
                add(other.hashes_[i]);
        }

        /// Returns whether it was there.
        bool remove(std::uint64_t hash) noexcept {
            const std::size_t at = find(hash);
            const bool found = at != size_;
            if (found)
                erase(at);
            return found;
        }

        void clear() noexcept { size_ = 0; }

    private:
        [[nodiscard]] std::size_t find(std::uint64_t hash) const noexcept {
            const auto end = hashes_.begin() + static_cast<std::ptrdiff_t>(size_);
            return static_cast<std::size_t>(std::find(hashes_.begin(), end, hash) - hashes_.begin());
        }

        void erase(std::size_t at) noexcept {
            const auto first = hashes_.begin() + static_cast<std::ptrdiff_t>(at);
            std::move(first + 1, hashes_.begin() + static_cast<std::ptrdiff_t>(size_), first);
            --size_;
        }

        std::array<std::uint64_t, Size> hashes_{};
        std::size_t size_ = 0;
    };

    [[nodiscard]] bool good(TimePoint now) const noexcept { return current_ && now < current_->expires; }

    [[nodiscard]] Directive start_or_wait(TimePoint now);
    [[nodiscard]] Directive fail(TimePoint now) const noexcept;
    [[nodiscard]] Directive restart(TimePoint now);
    [[nodiscard]] bool older(std::uint64_t generation, const Candidate& token, std::uint64_t hash) const;
    [[nodiscard]] bool is_denied(std::uint64_t generation, std::uint64_t document, TimePoint now) const;
    void forget_denied() noexcept;
    /// `hash`: of its value.
    void make_current(Candidate token, std::uint64_t hash, bool from_login, TimePoint received,
                      TimePoint expires, double jitter);
    /// What the back-off after rejected logins grows to, without and with the jitter.
    [[nodiscard]] Duration longest_rejected_step() const noexcept;
    [[nodiscard]] Duration longest_rejected_wait() const noexcept;
    [[nodiscard]] TimePoint due() const noexcept;
    /// How long before its end the current token is renewed, without the jitter.
    [[nodiscard]] Duration renewal_window() const noexcept;

    config::Auth settings_;
    TokenPtr current_; ///< kept when it has expired, so that what comes later can be compared with it
    std::uint64_t generation_ = 0;
    std::uint64_t first_generation_ = 1; ///< of the current user: tokens before it are another's
    std::uint64_t login_generation_ = 0; ///< the last one that a login brought
    TimePoint login_at_{};               ///< when it did
    std::uint64_t fresh_generation_ = 0; ///< the last one whose login was not long ago when it became current
    bool proven_ = false;                ///< a request has been accepted since
    std::shared_ptr<const Claims> login_claims_ = std::make_shared<const Claims>();
    TimePoint renew_at_{};
    std::optional<FailureKind> failure_; ///< of the last login, if it failed
    TimePoint next_try_{};               ///< meaningful with failure_
    std::uint32_t rejections_ = 0;
    std::uint32_t outages_ = 0; ///< failures of kind `unavailable` in a row
    bool loading_ = false;
    bool running_ = false;
    bool renews_ = false; ///< it was begun by the token's age alone, and nothing else has asked for it since
    bool outdated_ = false; ///< the running login uses credentials that have been replaced
    bool needed_ = true;    ///< a login is wanted now, not only when the token is about to expire
    bool stopped_ = false;
    RecentHashes<256> denied_;
    RecentHashes<256> set_aside_; ///< denied before the last login, whose token has yet to be accepted
    RecentHashes<256>
        wavering_; ///< what was accepted after it had been denied; none of it is in denied_ or set_aside_
    std::optional<std::uint64_t> running_for_; ///< the document whose rejection started the running login
    std::optional<std::uint64_t> made_for_;    ///< likewise, for the last login; none once that has a verdict
    RecentHashes<32> replaced_;                ///< values that were current once: they don't come back
    std::uint64_t current_hash_ = 0;           ///< of the value of current_
};

[[nodiscard]] std::string_view to_string(TokenMachine::State state) noexcept;

} // namespace bearerd::auth
