#include <bearerd/auth/login.hpp>

#include <bearerd/base/error.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/http/coding.hpp>

#include <exception>

namespace bearerd::auth {
namespace {

LoginOutcome unavailable(std::string reason) {
    LoginOutcome outcome;
    outcome.reason = std::move(reason);
    return outcome;
}

std::string words(const upstream::Failure& failure) {
    return failure.detail.empty() ? failure.code.message() : failure.detail;
}

/// The upstream closed a kept connection while the login was on its way. It says nothing of the upstream's
/// health, and a login changes nothing, so that it may be sent again.
bool hit_stale_connection(const upstream::SendResult& result) {
    const auto* failure = std::get_if<upstream::Failure>(&result);
    return failure != nullptr && failure->reused && failure->stage != upstream::Stage::reading &&
           failure->code != errc::timed_out && failure->code != errc::shutting_down;
}

/// One login, or one renewal by the refresh token.
net::Task<LoginOutcome> exchange_login(std::shared_ptr<upstream::Transport> transport,
                                       const LoginCodec& codec, const LoginCodec::Attempt& attempt) {
    auto message = codec.request(attempt);
    upstream::OutgoingRequest request;
    request.head = message.head;
    request.body = message.body.reveal();
    request.hold_limit = max_login_answer;
    request.beyond_limit = true;
    request.give_up = BootClock::now() + attempt.settings.auth.login_timeout;
    const bool once = !attempt.refresh_token.empty();
    request.new_connection = once; // a connection that was kept may be stale, and there is no second time
    auto result = co_await transport->send(request);
    if (!once && hit_stale_connection(result)) {
        request.new_connection = true;
        result = co_await transport->send(request);
    }
    wipe(message.head); // OAuth2 has the secret there
    if (const auto* failure = std::get_if<upstream::Failure>(&result))
        co_return unavailable(words(*failure));
    const auto exchange = std::get<upstream::ExchangePtr>(std::move(result));
    // Whatever answers a login was held whole. To read on would have no end that `give_up` knows of.
    if (!exchange->complete() || exchange->body().size() > max_login_answer)
        co_return unavailable("the answer is streamed, or longer than a login's");
    // No coding was asked for, but some gateways compress whatever they send.
    std::string room;
    const auto coding = exchange->head().fields.value(http::FieldId::content_encoding);
    const auto decoded = http::decoded_for_inspection(coding, exchange->body(), room);
    std::string body{decoded.value_or(std::string_view{})};
    auto outcome = codec.read(attempt, exchange->head(), body);
    wipe(body);
    wipe(room);
    co_return outcome;
}

/// A static token is taken as it is.
LoginOutcome token_of_file(const config::Credentials& credentials) {
    const std::string_view token = credentials.password.reveal();
    if (token.empty() || token_in_header(token) != token)
        return unavailable("the file of the static token holds none that can be sent");
    LoginOutcome outcome;
    outcome.kind = LoginOutcome::Kind::accepted;
    outcome.source = LoginOutcome::Source::file;
    outcome.token = credentials.password.clone();
    return outcome;
}

net::Task<LoginOutcome> try_to_log_in(std::shared_ptr<upstream::Transport> transport,
                                      std::shared_ptr<const config::Settings> settings,
                                      std::shared_ptr<const config::Credentials> credentials,
                                      Secret refresh_token) {
    const LoginCodec* const codec = login_codec(settings->auth.kind);
    if (codec == nullptr)
        co_return token_of_file(*credentials);
    const Secret none;
    if (!refresh_token.empty()) {
        const LoginCodec::Attempt renewal{*settings, *credentials, refresh_token};
        auto renewed = co_await exchange_login(transport, *codec, renewal);
        if (renewed.kind != LoginOutcome::Kind::rejected)
            co_return renewed;
        log::info("the refresh token was refused: a login follows",
                  {{"reason", std::string_view{renewed.reason}}});
    }
    const LoginCodec::Attempt login{*settings, *credentials, none};
    auto outcome = co_await exchange_login(std::move(transport), *codec, login);
    co_return outcome;
}

} // namespace

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings) {
    const config::Credentials* const own = &settings->credentials;
    return log_in(std::move(transport), settings, {settings, own}, Secret{});
}

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings,
                               std::shared_ptr<const config::Credentials> credentials, Secret refresh_token) {
    // A login that throws (no memory, cancelled amid an operation) is one that failed: requests wait for its
    // end.
    try {
        co_return co_await try_to_log_in(std::move(transport), std::move(settings), std::move(credentials),
                                         std::move(refresh_token));
    } catch (const std::exception& problem) {
        co_return unavailable(problem.what());
    }
}

} // namespace bearerd::auth
