#include <bearerd/proxy/forwarder.hpp>

#include "passage.hpp"

namespace bearerd::proxy {

ForwardPlan::ForwardPlan(const config::Settings& settings)
    : head{settings.upstream.url.target, settings.upstream.url.authority(), settings.auth.token_headers,
           settings.upstream.headers},
      rules{settings.auth.unauthorized.messages, settings.auth.unauthorized.codes,
            settings.auth.unauthorized.statuses},
      login_field{settings.auth.login_field},
      inspect_limit{static_cast<std::size_t>(settings.auth.unauthorized.inspect_limit)},
      errors_always_200{settings.errors.always_200},
      pending_requests{settings.limits.pending_requests},
      response_timeout{settings.upstream.response_timeout} {}

Forwarder::Forwarder(const ForwardPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
                     std::atomic<std::uint32_t>& pending, Stats& stats, reconcile::Reconciler* reconciler,
                     journal::Scribe* scribe)
    : plan_{plan},
      transport_{transport},
      tokens_{tokens},
      pending_{pending},
      stats_{stats},
      reconciler_{reconciler},
      scribe_{scribe} {}

net::Task<void> Forwarder::handle(const AppRequest& request, Responder& responder, Report& report) {
    Passage passage{*this, request, responder, report};
    co_await passage.run();
}

} // namespace bearerd::proxy
