#include "read_reconcile.hpp"

#include <bearerd/graphql/arguments.hpp>

#include <algorithm>

namespace bearerd::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_rules = 64;

void read_name(Section& in, std::string_view key, std::string& out) {
    if (in.has(key))
        in.read<std::string>(key, out, parse_graphql_name);
    else
        in.fault(key, "is missing: a rule has mutation, key, query and found");
}

void read_query(Section& in, std::string& out) {
    constexpr const char* right =
        "must be one GraphQL query whose only variable is $key, such as "
        "query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}";
    Secret query; // a document may have lines, which other values may not
    if (!in.has("query"))
        return in.fault("query", "is missing: a rule has mutation, key, query and found");
    if (!in.read_secret("query", query))
        return;
    out = query.reveal();
    if (!graphql::asks_by_key(out))
        in.fault("query", right);
}

void read_rule(Section in, Reconcile& out) {
    ReconcileRule rule;
    read_name(in, "mutation", rule.mutation);
    read_name(in, "key", rule.key);
    read_query(in, rule.query);
    if (in.has("found"))
        in.read<std::string>("found", rule.found, parse_json_pointer);
    else
        in.fault("found", "is missing: a rule has mutation, key, query and found");
    const auto same = [&rule](const ReconcileRule& other) { return other.mutation == rule.mutation; };
    if (!rule.mutation.empty() && std::ranges::any_of(out.rules, same))
        in.fault("mutation", "has a rule already: leave one of the two");
    out.rules.push_back(std::move(rule));
}

} // namespace

void read_reconcile(Section in, Reconcile& out) {
    // Beyond a minute no app waits for an answer.
    in.read("within", out.within, duration_between(100ms, 1min));
    in.read_mappings("rules", [&out](Section rule) { read_rule(std::move(rule), out); });
    if (out.rules.size() > most_rules)
        in.fault("rules", "must hold at most " + std::to_string(most_rules) + " rules");
}

} // namespace bearerd::config
