#include <bearerd/auth/login.hpp>

#include <bearerd/base/error.hpp>
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

net::Task<LoginOutcome> exchange_login(std::shared_ptr<upstream::Transport> transport,
                                       std::shared_ptr<const config::Settings> settings,
                                       std::shared_ptr<const config::Credentials> credentials) {
    const auto message = make_login_request(settings->upstream, *credentials, settings->auth.login_query);
    upstream::OutgoingRequest request;
    request.head = message.head;
    request.body = message.body.reveal();
    request.hold_limit = max_login_answer;
    request.beyond_limit = true;
    request.give_up = BootClock::now() + settings->auth.login_timeout;
    auto result = co_await transport->send(request);
    if (hit_stale_connection(result)) {
        request.new_connection = true;
        result = co_await transport->send(request);
    }
    if (const auto* failure = std::get_if<upstream::Failure>(&result))
        co_return unavailable(words(*failure));
    const auto exchange = std::get<upstream::ExchangePtr>(std::move(result));
    // Whatever answers a login was held whole. To read on would have no end that `give_up` knows of.
    if (!exchange->complete() || exchange->body().size() > max_login_answer)
        co_return unavailable("the answer is streamed, or longer than a login's");
    // No coding was asked for, but some gateways compress whatever they send.
    std::string room;
    const auto coding = exchange->head().fields.value(http::FieldId::content_encoding);
    const auto body = http::decoded_for_inspection(coding, exchange->body(), room);
    co_return judge_login(read_login_head(exchange->head(), settings->auth.token_headers),
                          body.value_or(std::string_view{}), credentials->password);
}

} // namespace

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings) {
    const config::Credentials* const own = &settings->credentials;
    return log_in(std::move(transport), settings, {settings, own});
}

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings,
                               std::shared_ptr<const config::Credentials> credentials) {
    // A login that throws (no memory, cancelled amid an operation) is one that failed: requests wait for its
    // end.
    try {
        co_return co_await exchange_login(std::move(transport), std::move(settings), std::move(credentials));
    } catch (const std::exception& problem) {
        co_return unavailable(problem.what());
    }
}

} // namespace bearerd::auth
