#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/graphql/document_cache.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/journal/journal_client.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/transaction/key_headers.hpp>
#include <bearerd/upstream/transport.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace bearerd::proxy {

/// What forwarders need from one set of settings; shared by all threads, immutable.
struct ForwardPlan {
    explicit ForwardPlan(const config::Settings& settings);

    http::UpstreamHeadPlan head;
    graphql::RejectionRules rules;
    std::string login_field;
    std::size_t inspect_limit;
    bool errors_always_200;
    std::uint32_t pending_requests;
    Duration response_timeout;
    transaction::KeyHeaders key_headers;
};

/// Takes a request from the app to the upstream and the answer back (contract 2 to 4): classify, attach the
/// token, send, adopt a swapped token, judge, at most one more send of each kind, relay. If handle() throws
/// or returns a Reply without a head (out of memory, or a bug), the session answers OUTCOME_UNKNOWN, so that
/// the app always gets a reply. One per thread; everything it refers to must outlive the requests in it.
class Forwarder final : public server::Handler {
public:
    /// `pending` counts the requests in flight over all threads, against `limits.pending_requests`.
    /// `reconciler` looks up mutations whose outcome is unknown, `journal` records mutations before they
    /// are sent; nullptr turns either off.
    Forwarder(const ForwardPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
              std::atomic<std::uint32_t>& pending, Stats& stats, reconcile::Reconciler* reconciler = nullptr,
              journal::JournalClient* journal = nullptr);

    [[nodiscard]] net::Task<server::Reply> handle(server::Request request) override;

private:
    class ForwardedRequest;

    const ForwardPlan& plan_;
    upstream::Transport& transport_;
    auth::TokenSource& tokens_;
    std::atomic<std::uint32_t>& pending_;
    Stats& stats_;
    reconcile::Reconciler* reconciler_;
    journal::JournalClient* journal_;
    graphql::DocumentCache cache_;
    std::string scratch_; ///< for the decoded body of an answer, while it is judged
};

} // namespace bearerd::proxy
