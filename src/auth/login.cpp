#include <bearerd/auth/login.hpp>

#include <bearerd/base/error.hpp>

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

/// Reads the rest of the answer and judges it.
net::Task<LoginOutcome> finish(upstream::ExchangePtr exchange,
                               std::shared_ptr<const config::Settings> settings) {
    auto head = read_login_head(exchange->head(), settings->auth.token_headers);
    std::string body = exchange->body();
    while (!exchange->complete() && body.size() <= max_login_answer) {
        const auto error = co_await exchange->read(TimePoint::max());
        if (error)
            co_return unavailable("the answer broke off: " + error.message());
        body += exchange->body();
    }
    co_return judge_login(std::move(head), body);
}

net::Task<LoginOutcome> exchange_login(std::shared_ptr<upstream::Transport> transport,
                                       std::shared_ptr<const config::Settings> settings) {
    const auto message =
        make_login_request(settings->upstream, settings->credentials, settings->auth.login_query);
    upstream::OutgoingRequest request;
    request.head = message.head;
    request.body = message.body.reveal();
    request.hold_limit = max_login_answer;
    request.beyond_limit = true;
    request.give_up = BootClock::now() + settings->auth.login_timeout;
    auto result = co_await transport->send(request);
    if (const auto* failure = std::get_if<upstream::Failure>(&result))
        co_return unavailable(words(*failure));
    auto answer = co_await finish(std::move(std::get<upstream::ExchangePtr>(result)), settings);
    // An upstream that quotes what it was sent must not bring the password into the log.
    if (answer.reason.find(settings->credentials.password.reveal()) != std::string::npos)
        answer.reason = "the upstream's message holds the password";
    co_return answer;
}

} // namespace

net::Task<LoginOutcome> log_in(std::shared_ptr<upstream::Transport> transport,
                               std::shared_ptr<const config::Settings> settings) {
    // A login that throws (no memory, cancelled amid an operation) is one that failed: requests wait for its
    // end.
    try {
        co_return co_await exchange_login(std::move(transport), std::move(settings));
    } catch (const std::exception& problem) {
        co_return unavailable(problem.what());
    }
}

} // namespace bearerd::auth
