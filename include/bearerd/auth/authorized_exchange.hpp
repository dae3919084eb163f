#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/head_text.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/net/task.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bearerd::auth {

/// Returns what stays the same for every request upstream.
[[nodiscard]] http::UpstreamHeadPlan upstream_head_plan(const config::Settings& settings);

/// Returns what makes an answer a rejection of the token.
[[nodiscard]] graphql::RejectionRules rejection_rules(const config::Settings& settings);

/// The token's part in one request: attaches the token, adopts a new one that comes with the answer, and
/// after a rejection gets another one, once (contract 3.4 to 3.7). A sender asks in this order: a token,
/// the head, sent(), adopt_token(), then what the judged answer calls for. On the source's thread only; the
/// source and the plan must outlive it.
class AuthorizedExchange {
public:
    AuthorizedExchange(TokenSource& tokens, const http::UpstreamHeadPlan& plan) noexcept;
    AuthorizedExchange(const AuthorizedExchange&) = delete;
    AuthorizedExchange& operator=(const AuthorizedExchange&) = delete;
    ~AuthorizedExchange();

    /// Takes the current token if it is good at `now`. Returns whether there is one.
    [[nodiscard]] bool take_token(TimePoint now);
    /// Takes the current token, or waits for that of a login. Returns nullopt if there is one, else why not.
    [[nodiscard]] net::Task<std::optional<NoToken>> wait_for_token();

    /// Returns the request's head for the upstream, with the token; see http::append_upstream_head. Valid
    /// until sent(), which wipes it.
    [[nodiscard]] std::string_view head(const http::RequestHead& request, std::string_view query,
                                        std::string_view accept_encoding, std::string_view request_id,
                                        std::size_t body_size);
    void sent() noexcept;

    /// Passes a token that the answer carries to the source. `login_operation`: the request contained the
    /// app's own login.
    void adopt_token(const http::ResponseHead& answer, bool login_operation);

    /// Whether accepted() would prove anything.
    [[nodiscard]] bool awaits_proof() const noexcept { return tokens_.awaits_proof(token_); }

    /// GraphQL data came back for this document.
    void accepted(std::uint64_t document) { tokens_.accepted(token_, document); }

    /// Reports that the upstream rejected the token, so the request was not executed. Returns what to do. It
    /// advises to send again at most once; the next head then has the new token.
    [[nodiscard]] net::Task<Advice> rejected(std::uint64_t document);
    /// The same, but the request may have been executed: it is not sent again, and nothing is waited for.
    void rejected_in_doubt(std::uint64_t document);

private:
    void report_denied(std::uint64_t document);

    TokenSource& tokens_;
    const http::UpstreamHeadPlan& plan_;
    TokenPtr token_;
    http::HeadText head_;
    bool rejected_before_ = false;
    bool after_login_ = false; ///< a login brought the token that the request was sent again with
};

} // namespace bearerd::auth
