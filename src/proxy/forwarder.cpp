#include <bearerd/proxy/forwarder.hpp>

#include "passage.hpp"

namespace bearerd::proxy {
namespace {

/// Counts a request in hand for as long as it lives.
class Pending {
public:
    Pending(std::atomic<std::uint32_t>& total, Gauge& gauge) noexcept : total_{total}, gauge_{gauge} {
        count_ = total_.fetch_add(1, std::memory_order_relaxed) + 1;
        gauge_.add(1);
    }

    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    ~Pending() {
        total_.fetch_sub(1, std::memory_order_relaxed);
        gauge_.add(-1);
    }

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

private:
    std::atomic<std::uint32_t>& total_;
    Gauge& gauge_;
    std::uint32_t count_ = 0;
};

} // namespace

ForwardPlan::ForwardPlan(const config::Settings& settings)
    : head{settings.upstream.url.target, settings.upstream.url.authority(), settings.auth.token_headers,
           settings.upstream.headers,    settings.auth.send.header,         settings.auth.send.scheme},
      rules{settings.auth.unauthorized.messages, settings.auth.unauthorized.codes,
            settings.auth.unauthorized.statuses, settings.auth.rejected_at},
      resend_mutations{settings.auth.unauthorized.resend_mutations},
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

net::Task<void> Forwarder::handle(AppRequest request, Responder& responder, Report& report) {
    Passage passage{*this, request, responder, report};
    const Pending pending{pending_, stats_.requests_in_flight};
    if (auto refusal = passage.refuse_at_once(pending.count())) {
        co_await std::move(*refusal);
        co_return;
    }
    if (!passage.begin_watching()) {
        co_await passage.reply_gone();
        co_return;
    }
    TimePoint begin = BootClock::now();
    if (!passage.take_token(begin)) {
        if (!co_await passage.wait_for_token())
            co_return;
        begin = BootClock::now();
    }
    if (passage.has_to_be_put_down()) {
        if (!co_await passage.put_down())
            co_return;
        begin = BootClock::now();
    }
    for (bool again = true; again;) {
        if (!passage.look_for_app()) {
            co_await passage.reply_gone();
            break;
        }
        const upstream::OutgoingRequest outgoing = passage.outgoing(begin);
        auto result = co_await transport_.send(outgoing);
        again = false;
        if (const auto* failure = std::get_if<upstream::Failure>(&result)) {
            passage.sent(BootClock::now() - begin);
            again = co_await passage.after_failure(*failure);
        } else {
            auto& exchange = std::get<upstream::ExchangePtr>(result);
            passage.sent(exchange->answered_at() - begin);
            const graphql::Verdict verdict = passage.look_at(*exchange);
            if (verdict == graphql::Verdict::rejected) {
                again = co_await passage.after_rejection(std::move(exchange));
            } else {
                auto rest = passage.relay(std::move(exchange), verdict);
                if (rest)
                    co_await std::move(*rest);
            }
        }
        if (again) {
            ++report.resends;
            begin = BootClock::now();
        }
    }
    passage.conclude();
}

} // namespace bearerd::proxy
