#include <bearerd/auth/login.hpp>

#include <bearerd/base/error.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/http/coding.hpp>

#include "login_text.hpp"

#include <cstdint>
#include <exception>
#include <utility>

namespace bearerd::auth {
namespace {

using Kind = LoginOutcome::Kind;

std::string words(const upstream::Failure& failure) {
    return failure.detail.empty() ? failure.code.message() : failure.detail;
}

/// Whether the upstream closed a kept connection while the login was on its way. That does not show that the
/// upstream is ill, and a login changes nothing, so that it may be sent again.
bool hit_stale_connection(const upstream::SendResult& result) {
    const auto* failure = std::get_if<upstream::Failure>(&result);
    return failure != nullptr && failure->reused && failure->stage != upstream::Stage::reading &&
           failure->code != errc::timed_out && failure->code != errc::shutting_down;
}

struct Exchanged {
    LoginOutcome outcome;
    std::uint16_t status = 0; ///< of an answer that was read whole; 0: there is none
};

/// Whether a renewal's answer says that a login would not succeed either, or no answer came.
bool is_server_failure(std::uint16_t status) noexcept {
    constexpr std::uint16_t too_many_requests = 429;
    constexpr std::uint16_t server_errors = 500;
    return status == 0 || status == too_many_requests || status >= server_errors;
}

/// Makes a failure of an accepted login whose token has no life left; it keeps the token.
void refuse_expired(LoginOutcome& outcome) {
    if (outcome.kind != Kind::accepted || !outcome.life || *outcome.life > Duration::zero())
        return;
    outcome.kind = Kind::unavailable;
    outcome.reason = "a token came that has expired already";
}

/// One login, or one renewal by the refresh token.
net::Task<Exchanged> exchange_login(std::shared_ptr<upstream::Transport> transport, const LoginCodec& codec,
                                    const LoginCodec::Attempt& attempt, TimePoint give_up) {
    Exchanged done;
    auto message = codec.request(attempt);
    const Wiped head{message.head}; // OAuth2 has the secret there
    upstream::OutgoingRequest request;
    request.head = message.head;
    request.body = message.body.reveal();
    request.hold_limit = max_login_answer;
    request.beyond_limit = true;
    request.give_up = give_up;
    const bool once = !attempt.refresh_token.empty();
    request.new_connection = once; // a connection that was kept may be stale, and there is no second time
    auto result = co_await transport->send(request);
    if (!once && hit_stale_connection(result)) {
        request.new_connection = true;
        result = co_await transport->send(request);
    }
    if (const auto* failure = std::get_if<upstream::Failure>(&result)) {
        done.outcome = failed_login(Kind::unavailable, words(*failure));
        done.outcome.code = failure->code;
        co_return done;
    }
    const auto exchange = std::get<upstream::ExchangePtr>(std::move(result));
    // Every answer to a login was held whole. Reading on would not be bounded by `give_up`.
    if (!exchange->complete() || exchange->body().size() > max_login_answer) {
        done.outcome = failed_login(Kind::unavailable, "the answer is streamed, or longer than a login's");
        co_return done;
    }
    // No coding was asked for, but some gateways compress whatever they send.
    std::string room;
    const Wiped unpacked{room};
    const auto coding = exchange->head().fields.value(http::FieldId::content_encoding);
    const auto decoded = http::decoded_for_inspection(coding, exchange->body(), room);
    std::string body{decoded.value_or(std::string_view{})};
    const Wiped read{body};
    done.outcome = codec.read(attempt, exchange->head(), body);
    refuse_expired(done.outcome);
    done.status = exchange->head().status;
    co_return done;
}

/// A static token is taken as it is.
LoginOutcome token_of_file(const config::Credentials& credentials) {
    if (!is_sendable_token(credentials.password.reveal()))
        return failed_login(Kind::unavailable, "the file of the static token holds none that can be sent");
    LoginOutcome outcome;
    outcome.kind = Kind::accepted;
    outcome.source = LoginOutcome::Source::file;
    outcome.token = credentials.password.clone();
    return outcome;
}

net::Task<LoginOutcome> try_to_log_in(std::shared_ptr<upstream::Transport> transport,
                                      std::shared_ptr<const config::Settings> settings,
                                      std::shared_ptr<const config::Credentials> credentials,
                                      Secret refresh_token, const std::function<bool()>& still_wanted) {
    const LoginCodec* const codec = login_codec(settings->auth.kind);
    if (codec == nullptr)
        co_return token_of_file(*credentials);
    const Secret none;
    const TimePoint give_up = BootClock::now() + settings->auth.login_timeout; // of the attempt
    if (!refresh_token.empty()) {
        const LoginCodec::Attempt renewal{*settings, *credentials, refresh_token};
        auto renewed = co_await exchange_login(transport, *codec, renewal, give_up);
        if (renewed.outcome.kind == Kind::accepted || is_server_failure(renewed.status))
            co_return std::move(renewed.outcome);
        log::info("the refresh token brought no token: a login follows",
                  {{"reason", std::string_view{renewed.outcome.reason}}});
        if (still_wanted && !still_wanted())
            co_return failed_login(Kind::unavailable,
                                   "the credentials were changed, or bearerd is shutting down");
    }
    const LoginCodec::Attempt login{*settings, *credentials, none};
    auto done = co_await exchange_login(std::move(transport), *codec, login, give_up);
    co_return std::move(done.outcome);
}

} // namespace

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings) {
    const config::Credentials* const own = &settings->credentials;
    return log_in(std::move(transport), settings, {settings, own}, Secret{}, {});
}

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings,
                               std::shared_ptr<const config::Credentials> credentials, Secret refresh_token,
                               std::function<bool()> still_wanted) {
    // A login that throws (no memory, cancelled during an operation) has failed: requests wait for its end.
    try {
        co_return co_await try_to_log_in(std::move(transport), std::move(settings), std::move(credentials),
                                         std::move(refresh_token), still_wanted);
    } catch (const std::exception& problem) {
        co_return failed_login(Kind::unavailable, problem.what());
    }
}

} // namespace bearerd::auth
