#pragma once

#include "token_machine.hpp"

#include <ostream>

namespace bearerd::auth {

inline void PrintTo(TokenMachine::Directive::Action action, std::ostream* out) {
    constexpr std::string_view names[] = {"none", "use", "pass", "wait", "fail"};
    *out << names[static_cast<std::size_t>(action)];
}

inline void PrintTo(TokenMachine::Observation observation, std::ostream* out) {
    constexpr std::string_view names[] = {"adopted", "unchanged", "older", "foreign", "login_operation"};
    *out << names[static_cast<std::size_t>(observation)];
}

inline void PrintTo(TokenMachine::State state, std::ostream* out) {
    *out << to_string(state);
}

namespace test {

using namespace std::chrono_literals;
using Action = TokenMachine::Directive::Action;
using Failure = TokenMachine::FailureKind;
using Observation = TokenMachine::Observation;
using State = TokenMachine::State;

inline TokenMachine::Candidate opaque(std::string_view value) {
    TokenMachine::Candidate token;
    token.value = Secret{value};
    return token;
}

inline TokenMachine::Candidate dated(std::string_view value, std::int64_t issued, std::int64_t expires,
                                     std::string user = {}) {
    auto token = opaque(value);
    token.claims.issued_at = issued;
    token.claims.expires_at = expires;
    if (!user.empty())
        token.claims.identity = {{"username", std::move(user)}};
    return token;
}

/// The machine with a clock, from an empty store on.
struct MachineFixture {
    config::Auth settings;
    TokenMachine machine{settings, true};
    TimePoint now{std::chrono::hours{100}};
    double jitter = 0;

    Moment at() const { return {now, jitter}; }

    TokenMachine::Directive start() { return machine.restored(std::nullopt, at()); }

    TokenMachine::Directive want() { return machine.want(at()); }

    TokenMachine::Directive rejected(std::uint64_t generation, std::uint64_t document = 1) {
        return machine.rejected(generation, document, at());
    }

    Observation observed(std::uint64_t generation, TokenMachine::Candidate token) {
        return machine.observed(generation, std::move(token), false, at());
    }

    TokenMachine::Directive failed(Failure kind, std::optional<Duration> retry_after = {}) {
        return machine.login_failed(kind, retry_after, at());
    }

    TokenMachine::Directive tick() { return machine.tick(at()); }

    void log_in(TokenMachine::Candidate token) {
        static_cast<void>(machine.login_done(std::move(token), at()));
    }

    /// Logged in long ago, so that the token is not fresh any more.
    void settled(TokenMachine::Candidate token) {
        static_cast<void>(start());
        log_in(std::move(token));
        now += 1min;
    }

    std::string_view current() const { return machine.current() ? machine.current()->value.reveal() : ""; }
};

} // namespace test
} // namespace bearerd::auth
