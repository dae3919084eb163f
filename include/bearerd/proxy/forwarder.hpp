#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/graphql/document_memo.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/journal/scribe.hpp>
#include <bearerd/proxy/decision.hpp>
#include <bearerd/proxy/handler.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/upstream/transport.hpp>

#include <boost/container/static_vector.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace bearerd::proxy {

/// What forwarders are made of from one set of settings; shared by all threads, immutable.
struct ForwardPlan {
    explicit ForwardPlan(const config::Settings& settings);

    http::UpstreamHeadPlan head;
    graphql::RejectionRules rules;
    bool resend_mutations; ///< false: a status of `rules` proves nothing of a mutation
    std::string login_field;
    std::size_t inspect_limit;
    bool errors_always_200;
    std::uint32_t pending_requests;
    Duration response_timeout;
};

/// Takes a request from the app to the upstream and the answer back (contract 2 to 4): classify, attach the
/// token, send, adopt a swapped token, judge, at most one more send of each kind, relay. It never fails:
/// there is always an answer. One per thread; everything it refers to must outlive the requests in it.
class Forwarder final : public Handler {
public:
    /// `pending` counts the requests in hand over all threads, against `limits.pending_requests`.
    /// `reconciler`: asks after mutations whose outcome is unknown; nullptr: nobody does.
    /// `scribe`: puts mutations down before they are sent; nullptr: nobody does.
    Forwarder(const ForwardPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
              std::atomic<std::uint32_t>& pending, Stats& stats, reconcile::Reconciler* reconciler = nullptr,
              journal::Scribe* scribe = nullptr);

    [[nodiscard]] net::Task<void> handle(AppRequest request, Responder& responder, Report& report) override;

private:
    class Passage;

    const ForwardPlan& plan_;
    upstream::Transport& transport_;
    auth::TokenSource& tokens_;
    std::atomic<std::uint32_t>& pending_;
    Stats& stats_;
    reconcile::Reconciler* reconciler_;
    journal::Scribe* scribe_;
    graphql::DocumentMemo memo_;
    boost::container::static_vector<std::string, 64> spare_heads_; ///< empty, with memory for the next heads
};

} // namespace bearerd::proxy
