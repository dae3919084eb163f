#include "client.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bearerd::ledger {
namespace {

using nlohmann::json;

/// The value at a path of keys; null if there is none.
const json& at(const json& value, std::initializer_list<const char*> path) {
    static const json nothing;
    const json* current = &value;
    for (const char* key : path) {
        const auto found = current->is_object() ? current->find(key) : current->end();
        if (!current->is_object() || found == current->end())
            return nothing;
        current = &*found;
    }
    return *current;
}

std::string text(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

void wrong(Record& record, std::string problem) {
    record.view = View::wrong;
    record.problem = std::move(problem);
}

void read_own_error(const json& error, const std::string& request_id, Record& record) {
    record.code = text(at(error, {"extensions", "code"}));
    const std::string executed = text(at(error, {"extensions", "executed"}));
    if (text(at(error, {"extensions", "request_id"})) != request_id)
        wrong(record, "an error with the id of another request");
    else if (executed == "no")
        record.view = View::not_executed;
    else if (executed == "unknown")
        record.view = View::unknown;
    else if (executed == "yes" && record.code == "OUTCOME_UNKNOWN")
        record.view = View::found;
    else
        wrong(record, "an error of bearerd's own that does not say whether it was executed");
}

void read_upstream_errors(const json& errors, Record& record) {
    const auto is = [](const char* message) {
        return [message](const json& error) { return text(at(error, {"message"})) == message; };
    };
    const auto deep = [](const json& error) { return at(error, {"path"}).size() > 1; };
    if (std::any_of(errors.begin(), errors.end(), deep))
        record.view = View::nulled;
    else if (std::all_of(errors.begin(), errors.end(), is("Unauthorized")))
        record.view = View::unauthorized;
    else
        record.view = View::refused;
}

void read_data(const json& answer, const std::string& card, Record& record) {
    record.view = View::acknowledged;
    if (!record.mutation) {
        const json& cards = at(answer, {"data", "Cards", "data"});
        if (cards.size() != 1 || text(at(cards.front(), {"card_reference"})) != card)
            wrong(record, "the answer is about another card");
        return;
    }
    const json& adjustment = at(answer, {"data", "createBalanceAdjustment"});
    record.answer_id = text(at(adjustment, {"id"}));
    if (record.answer_id.empty())
        wrong(record, "an answer without an id");
    else if (text(at(adjustment, {"merchant_transaction_reference"})) != record.reference ||
             text(at(adjustment, {"card_reference"})) != card)
        wrong(record, "the answer to another redemption");
}

} // namespace

void read_answer(int status, const std::string& body, const std::string& request_id, const std::string& card,
                 Record& record) {
    const json answer = json::parse(body, nullptr, false);
    const json& errors = at(answer, {"errors"});
    const bool has_errors = errors.is_array() && !errors.empty();
    if (has_errors && text(at(errors.front(), {"extensions", "source"})) == "bearerd") {
        read_own_error(errors.front(), request_id, record);
        return;
    }
    if (status == 401)
        record.view = View::unauthorized;
    else if (status != 200)
        record.view = View::upstream_status;
    else if (answer.is_discarded())
        wrong(record, "an answer that is not JSON");
    else if (!at(answer, {"data", record.mutation ? "createBalanceAdjustment" : "Cards"}).is_null())
        read_data(answer, card, record);
    else if (has_errors)
        read_upstream_errors(errors, record);
    else
        wrong(record, "an answer with neither data nor errors");
}

} // namespace bearerd::ledger
