#include "read_transactions.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/graphql/arguments.hpp>

#include <algorithm>

namespace bearerd::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_rules = 64;
constexpr std::uint64_t most_replay_memory = 1ULL << 30;

/// Reads the place of the key: an argument or a header.
void read_key(Section& in, TransactionRule& rule) {
    const bool argument = in.has("key");
    const bool header = in.has("key_header");
    if (argument && header)
        return in.error("key_header", "stands next to key: leave one of the two");
    if (!argument && !header)
        return in.error("key", "is missing: name the argument that holds the transaction's key, or set "
                               "key_header to the header that does");
    in.read<std::string>("key", rule.key, parse_graphql_name);
    in.read<std::string>("key_header", rule.key_header, parse_header_name);
}

/// Reads how a transaction is looked up; a rule without query and found never looks one up.
void read_look_up(Section& in, TransactionRule& rule) {
    constexpr const char* right =
        "must be one GraphQL query whose only variable is $key, such as "
        "query($key:String!){LineItems(merchant_transaction_reference:$key){data{id}}}";
    const bool has_query = in.has("query");
    const bool has_found = in.has("found");
    if (has_query && !has_found)
        in.error("found", "is missing: a query takes a pointer to what it finds");
    if (has_found && !has_query)
        in.error("query", "is missing: found takes the query that it points into");
    if (has_found)
        in.read<std::string>("found", rule.found, parse_json_pointer);
    if (has_query && in.read_document("query", rule.query) && !graphql::asks_by_key(rule.query))
        in.error("query", right);
}

void read_rule(Section in, Transactions& out) {
    TransactionRule rule;
    if (in.has("mutation"))
        in.read<std::string>("mutation", rule.mutation, parse_graphql_name);
    else
        in.error("mutation", "is missing: name the root field that the rule is for");
    read_key(in, rule);
    in.read("repeats", rule.repeats, one_of<Repeats>({{"pass", Repeats::pass}, {"replay", Repeats::replay}}));
    read_look_up(in, rule);
    const auto same = [&rule](const TransactionRule& other) { return other.mutation == rule.mutation; };
    if (!rule.mutation.empty() && std::ranges::any_of(out.rules, same))
        in.error("mutation", "has a rule already: leave one of the two");
    out.rules.push_back(std::move(rule));
}

} // namespace

void read_transactions(Section in, Transactions& out) {
    // No app waits longer than a minute for an answer.
    in.read("look_up_for", out.look_up_for, duration_between(100ms, 1min));
    in.read("settle_for", out.settle_for, duration_between(1min, 30 * 24h));
    in.read("remember", out.remember, duration_between(1min, 30 * 24h));
    in.read("replay_memory", out.replay_memory, size_between(0, most_replay_memory));
    in.read_mappings("rules", [&out](Section rule) { read_rule(std::move(rule), out); });
    if (out.rules.size() > most_rules)
        in.error("rules", "must hold at most " + std::to_string(most_rules) + " rules");
}

void report_reconcile(Section in) {
    const bool within = in.has("within");
    if (within)
        in.error("within", "has a new place: write transactions.look_up_for");
    if (in.has("rules") || !within)
        in.error("rules", "has a new place: write transactions.rules; the keys of a rule are the same");
}

} // namespace bearerd::config
