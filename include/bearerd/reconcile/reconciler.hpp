#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/net/task_group.hpp>
#include <bearerd/upstream/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Verify instead of retry: asks the upstream whether a mutation whose outcome is unknown was executed.
namespace bearerd::reconcile {

/// What reconcilers need from one set of settings; shared by all threads, immutable.
struct LookupPlan {
    explicit LookupPlan(const config::Settings& settings);

    /// How to ask under one rule.
    struct Rule {
        std::string before_key; ///< of the request's body; empty: the rule has no query
        std::string after_key;
        std::uint64_t document = 0; ///< graphql::document_hash of the query
        std::string found;          ///< a JSON pointer
    };

    /// Whether any rule has a query.
    [[nodiscard]] bool on() const noexcept;

    /// Whether each of the fields can be looked up: it has a key of its own, and its rule has a query.
    [[nodiscard]] bool can_ask(std::span<const graphql::RootField> fields) const noexcept;

    Duration within;
    std::vector<graphql::KeyRule> keys; ///< in the order of `transactions.rules`, as `rules` is
    std::vector<Rule> rules;
    http::UpstreamHeadPlan head;
    graphql::RejectionRules rejection;
    std::size_t inspect_limit;
};

struct Answer {
    Finding result = Finding::failed;
    /// JSON text of what was found; a list if there are several; "true" for one of more than 1 KiB. Empty if
    /// nothing was found.
    std::string found;
};

/// What to look up.
struct LookupRequest {
    std::size_t rule = 0;   ///< the index in `transactions.rules`
    std::string key;        ///< as graphql::mutation_fields found it
    std::string request_id; ///< for X-Request-Id; that of the request in doubt, if there is one
    TimePoint deadline{};   ///< when to stop asking
    bool once = false;      ///< ask only once
    Duration delay{};       ///< before the first request
};

/// Asks the upstream. One per thread, used only on that thread; everything it refers to must outlive the
/// lookups in it. Throws only for lack of memory.
class Reconciler {
public:
    /// `group`: a lookup ends at once if the group is to finish now.
    Reconciler(const LookupPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
               net::Executor executor, net::DeadlineClock& clock, net::TaskGroup& group, Stats& stats);

    [[nodiscard]] const LookupPlan& plan() const noexcept { return plan_; }

    /// Asks, with growing pauses, until the transaction is found or the deadline has passed. It ends by the
    /// deadline, except if it needs a login (at most one, bounded by `auth.login_timeout`).
    [[nodiscard]] net::Task<Answer> ask(LookupRequest request);

    /// Looks up all mutations of a request, within `transactions.look_up_for` from now.
    /// LookupPlan::can_ask(fields) must hold. The result is `found` if all were found, else that of the first
    /// one that was not.
    [[nodiscard]] net::Task<Answer> ask_all(std::vector<graphql::RootField> fields, std::string request_id);

    /// The same in the background: asks for each mutation once, with this pause between them, whatever
    /// `transactions.look_up_for` is.
    [[nodiscard]] net::Task<Answer> ask_all_slowly(std::vector<graphql::RootField> fields,
                                                   std::string request_id, Duration pause);

private:
    class Lookup;

    [[nodiscard]] net::Task<Answer> ask_each(std::vector<graphql::RootField> fields, LookupRequest common,
                                             Duration pause);

    const LookupPlan& plan_;
    upstream::Transport& transport_;
    auth::TokenSource& tokens_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
    net::TaskGroup& group_;
    Stats& stats_;
};

} // namespace bearerd::reconcile
