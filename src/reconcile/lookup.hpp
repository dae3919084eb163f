#pragma once

#include <bearerd/auth/authorized_exchange.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/reconcile/reconciler.hpp>

namespace bearerd::reconcile {

/// One look-up, repeated until it is answered; lives in the coroutine frame of Reconciler::ask.
class Reconciler::Lookup final : public net::GroupMember, private upstream::Requester {
public:
    Lookup(Reconciler& owner, const LookupRequest& request);

    [[nodiscard]] net::Task<Answer> run();

    void finish_soon() noexcept override {} // it is part of a request in flight

    void finish_now() noexcept override {
        hopeless_ = true;
        wake_.set();
    }

private:
    [[nodiscard]] net::Task<Answer> ask_once();
    [[nodiscard]] net::Task<bool> take_token();
    [[nodiscard]] net::Task<upstream::SendResult> send();
    [[nodiscard]] net::Task<bool> log_in_again();

    void broke_off(const http::ResponseHead& head) override { authorized_.adopt_token(head, false); }

    [[nodiscard]] bool is_held(const upstream::Exchange& exchange) const noexcept;
    /// Returns the decoded body; nullopt if it is not whole or can't be decoded.
    [[nodiscard]] std::optional<std::string_view> decoded_body(upstream::Exchange& exchange);

    Reconciler& owner_;
    const LookupRequest& request_;
    const LookupPlan::Rule& rule_;
    std::string body_;
    std::string scratch_;
    auth::AuthorizedExchange authorized_;
    net::Event wake_;
    bool new_connection_ = false; ///< the one before was found stale
    bool hopeless_ = false;       ///< asking again would be useless
};

} // namespace bearerd::reconcile
