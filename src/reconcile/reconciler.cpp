#include <bearerd/reconcile/reconciler.hpp>

#include "lookup.hpp"
#include "lookup_request.hpp"

#include <bearerd/auth/authorized_exchange.hpp>
#include <bearerd/graphql/operation.hpp>

#include <algorithm>
#include <utility>

namespace bearerd::reconcile {

LookupPlan::LookupPlan(const config::Settings& settings)
    : within{settings.transactions.look_up_for},
      head{auth::upstream_head_plan(settings)},
      rejection{auth::rejection_rules(settings)},
      inspect_limit{static_cast<std::size_t>(settings.auth.unauthorized.inspect_limit)} {
    for (const config::TransactionRule& rule : settings.transactions.rules) {
        keys.push_back({rule.mutation, rule.key});
        if (rule.query.empty()) {
            rules.emplace_back();
            continue;
        }
        auto [before, after] = body_around_key(rule.query);
        const std::string any = before + json_string("") + after;
        graphql::RequestView view;
        view.content_type = "application/json";
        view.body = any;
        rules.push_back({std::move(before), std::move(after), graphql::document_hash(view), rule.found});
    }
}

bool LookupPlan::on() const noexcept {
    return std::ranges::any_of(rules, [](const Rule& rule) { return !rule.before_key.empty(); });
}

bool LookupPlan::can_ask(std::span<const graphql::RootField> fields) const noexcept {
    return graphql::each_has_its_key(fields) &&
           std::ranges::all_of(fields, [this](const graphql::RootField& field) {
               return field.rule && *field.rule < rules.size() && !rules[*field.rule].before_key.empty();
           });
}

Reconciler::Reconciler(const LookupPlan& plan, upstream::Transport& transport, auth::TokenSource& tokens,
                       net::Executor executor, net::DeadlineClock& clock, net::TaskGroup& group, Stats& stats)
    : plan_{plan},
      transport_{transport},
      tokens_{tokens},
      executor_{std::move(executor)},
      clock_{clock},
      group_{group},
      stats_{stats} {}

net::Task<Answer> Reconciler::ask(LookupRequest request) {
    Lookup lookup{*this, request};
    co_return co_await lookup.run();
}

net::Task<Answer> Reconciler::ask_all(std::vector<graphql::RootField> fields, std::string request_id) {
    LookupRequest common;
    common.request_id = std::move(request_id);
    common.deadline = BootClock::now() + plan_.within;
    return ask_each(std::move(fields), std::move(common), Duration{0});
}

net::Task<Answer> Reconciler::ask_all_slowly(std::vector<graphql::RootField> fields, std::string request_id,
                                             Duration pause) {
    LookupRequest common;
    common.request_id = std::move(request_id);
    common.once = true;
    common.deadline = TimePoint::max(); // the transport bounds each request
    return ask_each(std::move(fields), std::move(common), pause);
}

net::Task<Answer> Reconciler::ask_each(std::vector<graphql::RootField> fields, LookupRequest common,
                                       Duration pause) {
    std::string list;
    for (graphql::RootField& field : fields) {
        LookupRequest request = common;
        request.rule = field.rule.value_or(0); // a field with a key has its rule
        request.key = std::move(field.key);
        request.delay = list.empty() ? Duration{0} : pause;
        Answer answer = co_await ask(std::move(request));
        if (answer.result != Finding::found)
            co_return answer;
        list += (list.empty() ? "" : ",") + answer.found;
    }
    Answer all;
    all.result = Finding::found;
    all.found = fields.size() == 1 ? std::move(list) : "[" + list + "]";
    co_return all;
}

} // namespace bearerd::reconcile
