#pragma once

#include <bearerd/base/log_limit.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/journal/record.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/transaction/table.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bearerd::transaction {

class FleetClaims;

/// What guards report, on the thread of the request. Each may be empty. `account`: journal::account_of().
struct Events {
    using Fields = std::vector<journal::MutationField>;
    /// An outcome is unknown, however the request ended, and must be looked up in the background.
    std::function<void(Fields, std::uint32_t account, std::string request_id)> left_unknown{};
    /// A look-up has found a transaction whose outcome was unknown.
    std::function<void(Fields, std::uint32_t account)> found{};
    /// All of a repeat's reply was written: the first one's answer, or that it was executed. `joined`: the
    /// repeat had waited for the first one.
    std::function<void(Fields, std::uint32_t account, bool joined)> heard{};
};

/// A handler in front of the forwarder: whatever a rule with `repeats: replay` names is executed once
/// (contract 10). Everything it refers to must outlive the requests in it. One per thread.
class Guard final : public server::Handler {
public:
    /// `reconciler`: nullptr: no rule has a query. `fleet`: nullptr: there are no other replicas.
    Guard(server::Handler& next, Table& table, const Identifier& identifier, const config::Settings& settings,
          reconcile::Reconciler* reconciler, net::Executor executor, net::DeadlineClock& clock, Stats& stats,
          const Events& events, FleetClaims* fleet = nullptr);

    [[nodiscard]] net::Task<server::Reply> handle(server::Request request) override;

private:
    class GuardedRequest;

    /// Returns the fields in the journal's form.
    [[nodiscard]] Events::Fields journal_fields(const std::vector<graphql::RootField>& fields) const;
    [[nodiscard]] net::Task<server::Reply> guarded(server::Request request);

    server::Handler& next_;
    Table& table_;
    const Identifier& identifier_;
    reconcile::Reconciler* reconciler_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
    Stats& stats_;
    const Events& events_;
    FleetClaims* fleet_;
    std::vector<std::string> arguments_; ///< of the rules
    std::uint32_t account_;
    std::string login_field_;
    bool always_200_;
    Duration longest_wait_; ///< of a request for the first one's answer
    LogLimit unguarded_lines_;
};

} // namespace bearerd::transaction
