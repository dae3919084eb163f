#include <bearerd/auth/authorized_exchange.hpp>

#include <bearerd/base/secret.hpp>

#include <utility>

namespace bearerd::auth {

http::UpstreamHeadPlan upstream_head_plan(const config::Settings& settings) {
    return {settings.upstream.url.target, settings.upstream.url.authority(), settings.auth.token_headers,
            settings.upstream.headers,    settings.auth.send.header,         settings.auth.send.scheme};
}

graphql::RejectionRules rejection_rules(const config::Settings& settings) {
    const auto& rules = settings.auth.unauthorized;
    return {rules.messages, rules.codes, rules.statuses, settings.auth.rejected_at, rules.resend_mutations};
}

AuthorizedExchange::AuthorizedExchange(TokenSource& tokens, const http::UpstreamHeadPlan& plan) noexcept
    : tokens_{tokens}, plan_{plan} {}

AuthorizedExchange::~AuthorizedExchange() {
    if (!head_.empty()) // sending it failed by an exception
        wipe(head_);
}

bool AuthorizedExchange::take_token(TimePoint now) {
    token_ = tokens_.current(now);
    return token_ != nullptr;
}

net::Task<std::optional<NoToken>> AuthorizedExchange::wait_for_token() {
    auto result = co_await tokens_.acquire();
    if (const auto* missing = std::get_if<NoToken>(&result))
        co_return *missing;
    token_ = std::get<TokenPtr>(std::move(result));
    co_return std::nullopt;
}

std::string_view AuthorizedExchange::head(const http::RequestHead& request, std::string_view query,
                                          std::string_view accept_encoding, std::string_view request_id,
                                          std::size_t body_size) {
    head_.clear();
    http::append_upstream_head(head_, plan_, request, query, token_->value.reveal(), accept_encoding,
                               request_id, body_size);
    return head_;
}

void AuthorizedExchange::sent() noexcept {
    wipe(head_);
}

void AuthorizedExchange::adopt_token(const http::ResponseHead& answer, bool login_operation) {
    const auto value = find_token(answer.fields, plan_.token_headers);
    if (!value.empty())
        tokens_.observed(token_, value, login_operation);
}

net::Task<Advice> AuthorizedExchange::rejected(std::uint64_t document) {
    if (std::exchange(rejected_before_, true)) {
        report_denied(document);
        co_return Advice{}; // the second answer is passed on
    }
    Advice advice = co_await tokens_.rejected(token_, document);
    if (advice.kind == Advice::Kind::resend) {
        token_ = advice.token;
        after_login_ = advice.after_login;
    }
    co_return advice;
}

/// A login is for the next request.
void AuthorizedExchange::rejected_in_doubt(std::uint64_t document) {
    if (rejected_before_)
        report_denied(document);
    else
        tokens_.rejected_in_doubt(token_, document);
}

/// Says that the document was rejected again after the login that it asked for. If another replica's login of
/// long ago brought the token, that proves nothing: a login follows, for the next request.
void AuthorizedExchange::report_denied(std::uint64_t document) {
    if (after_login_)
        tokens_.denied(token_, document);
    else if (token_->from_login)
        tokens_.rejected_in_doubt(token_, document);
}

} // namespace bearerd::auth
