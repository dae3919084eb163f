// Never throws, never crashes, for any answer; and:
// - what is no JSON is never a rejection, nor is HTTP 403;
// - what is a rejection for a mutation is one for a query, too;
// - a rejection within data (contract 11) is one for every kind of operation, and only of JSON;
// - the quick search overlooks nothing: a rejection has errors, whose message or code is one of the rules'.
#include <bearerd/graphql/verdict.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

using namespace bearerd::graphql;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

/// Judges contract 3.5 a second time, written for clarity over a parsed tree; ignores duplicate keys.
bool is_null_tree(const nlohmann::json& answer) {
    const auto data = answer.find("data");
    if (data == answer.end() || data->is_null())
        return true;
    if (!data->is_object())
        return false;
    for (const auto& value : *data)
        if (!value.is_null())
            return false;
    return true;
}

bool may_be_rejection(const nlohmann::json& answer) {
    if (!answer.is_object())
        return false;
    const auto errors = answer.find("errors");
    return errors != answer.end() && errors->is_array() && !errors->empty() && is_null_tree(answer);
}

bool may_be_rejected(const nlohmann::json& body) {
    if (!body.is_array())
        return may_be_rejection(body);
    for (const auto& answer : body)
        if (!may_be_rejection(answer))
            return false;
    return !body.empty();
}

/// Whether any answer has data, or an error below a root field; ignores duplicate keys.
bool shows_that_something_ran(std::string_view body) {
    const auto tree = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
    const auto ran = [](const nlohmann::json& answer) {
        return answer.is_object() && (answer.contains("data") || answer.contains("errors"));
    };
    return ran(tree) || (tree.is_array() && std::any_of(tree.begin(), tree.end(), ran));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    const RejectionRules rules{{"Unauthorized"}, {"UNAUTHENTICATED"}, {401}};
    const Verdict of_query = judge(200, body, OperationKind::query, rules).verdict;
    const Verdict of_mutation = judge(200, body, OperationKind::mutation, rules).verdict;
    require(of_mutation != Verdict::rejected || of_query == Verdict::rejected);
    require(judge(200, body, OperationKind::unknown, rules).verdict == of_mutation);
    require(judge(401, body, OperationKind::query, rules).verdict == Verdict::rejected);
    require(judge(401, body, OperationKind::mutation, rules).verdict == Verdict::rejected ||
            shows_that_something_ran(body));
    require(judge(403, body, OperationKind::query, rules).verdict != Verdict::rejected);
    require(judge(200, body, OperationKind::query, {}).verdict != Verdict::rejected);
    const RejectionRules within{{}, {}, {}, {"/data/a/errors"}};
    const bool in_data = judge(200, body, OperationKind::mutation, within).verdict == Verdict::rejected;
    require(in_data == (judge(200, body, OperationKind::query, within).verdict == Verdict::rejected));
    require(!in_data || body.find("errors") != std::string_view::npos ||
            body.find('\\') != std::string_view::npos);
    require(!in_data || !nlohmann::json::parse(body.begin(), body.end(), nullptr, false).is_discarded());
    if (of_query == Verdict::ok)
        return 0;
    const auto tree = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
    require(!tree.is_discarded());
    require(of_query != Verdict::rejected || may_be_rejected(tree));
    return 0;
}
