#include "status_command.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"
#include "local_http.hpp"
#include "public_settings.hpp"

#include <bearerd/base/units.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>

namespace bearerd::app {
namespace {

using nlohmann::json;

const json* member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

/// A member as text; empty if it is absent, null, or no scalar.
std::string text(const json* object, const char* key) {
    const json* value = object != nullptr && object->is_object() ? member(*object, key) : nullptr;
    if (value == nullptr || value->is_null() || value->is_structured())
        return {};
    if (const auto* string = value->get_ptr<const json::string_t*>())
        return printable(*string);
    return value->dump();
}

std::optional<std::int64_t> seconds(const json* object, const char* key) {
    const json* value = object != nullptr && object->is_object() ? member(*object, key) : nullptr;
    if (value == nullptr || !value->is_number())
        return std::nullopt;
    constexpr double most = 1e15;
    const double number = value->get<double>();
    return number >= 0 && number < most ? std::optional{static_cast<std::int64_t>(number)} : std::nullopt;
}

std::string token_line(const json* token, std::optional<std::int64_t> left) {
    std::string line = text(token, "state");
    for (char& c : line)
        if (c == '_')
            c = ' ';
    if (const std::string identity = text(token, "identity"); !identity.empty())
        line += " for " + identity;
    return left ? line + ", good for another " + duration_in_words(std::chrono::seconds{*left})
                : line + ", no token that is good";
}

std::string upstream_line(const json* upstream) {
    const std::string reachable = text(upstream, "reachable");
    if (reachable == "true")
        return "reachable";
    if (reachable == "false")
        return "can't be reached";
    return reachable.empty() ? "not tried yet" : reachable;
}

/// Counts of whatever name, but those that are zero: "ok 12, rejected 1".
std::string counts(const json* object) {
    std::string line;
    if (object == nullptr || !object->is_object())
        return line;
    for (const auto& [key, value] : object->items())
        if (value.is_number() && value != 0)
            line += (line.empty() ? "" : ", ") + printable(key) + " " + value.dump();
    return line;
}

std::string requests_line(const json* requests) {
    if (requests == nullptr || !requests->is_object())
        return {};
    const std::string outcomes = counts(member(*requests, "by_outcome"));
    return text(requests, "total") + " in all, " + text(requests, "in_flight") + " in flight" +
           (outcomes.empty() ? "" : ": " + outcomes);
}

/// Returns "" if no journal is kept.
std::string journal_line(const json* journal) {
    const std::string unresolved = text(journal, "unresolved");
    if (unresolved.empty())
        return {};
    std::string line = unresolved + (unresolved == "1" ? " mutation" : " mutations") + " without an outcome";
    if (const std::string unheard = text(journal, "unheard"); !unheard.empty() && unheard != "0")
        line += ", " + unheard + (unheard == "1" ? " whose till" : " whose tills") + " got no answer";
    if (text(journal, "working") == "false")
        line += "; can't be written just now";
    return line;
}

void add_row(std::string& table, std::string_view label, const std::string& value) {
    if (!value.empty())
        table += row(label, value);
}

int show(const json& status) {
    const json* token = member(status, "token");
    const json* login = member(status, "login");
    const json* upstream = member(status, "upstream");
    const json* summary = member(status, "summary");
    const auto left = seconds(token, "expires_in_s");
    std::string table;
    add_row(table, "State", text(summary, "title"));
    add_row(table, "", text(summary, "text"));
    add_row(table, "", text(summary, "advice"));
    add_row(table, "Rejected file", text(member(status, "configuration"), "rejected"));
    add_row(table, "Token", token_line(token, left));
    add_row(table, "Last login", text(login, "last_result"));
    add_row(table, "", text(login, "last_reason"));
    if (const auto next = seconds(login, "next_try_s"))
        add_row(table, "Next try", "in " + duration_in_words(std::chrono::seconds{*next}));
    add_row(table, "Upstream", text(upstream, "url"));
    add_row(table, "", upstream_line(upstream));
    add_row(table, "Last error", text(upstream, "last_error"));
    const json* requests = member(status, "requests");
    add_row(table, "Requests", requests_line(requests));
    if (requests != nullptr && requests->is_object())
        add_row(table, "Looked up", counts(member(*requests, "reconciliations")));
    add_row(table, "Journal", journal_line(member(status, "journal")));
    if (const auto uptime = seconds(&status, "uptime_s"))
        add_row(table, "Running for", duration_in_words(std::chrono::seconds{*uptime}));
    add_row(table, "Version", text(&status, "version"));
    print(stdout, table);
    return left ? exit_fine : exit_unavailable;
}

} // namespace

int status_command(const std::string& file, bool as_json) {
    const auto settings = load_without_secrets(file, "admin.address");
    if (!settings)
        return exit_bad_configuration;
    const auto& address = settings->admin.address;
    if (!address) {
        complain("the admin listener is off (admin.address in " + file + "), so there is nobody to ask");
        return exit_unavailable;
    }
    const auto answer = get_local(*address, "/status.json");
    if (const auto* failure = std::get_if<LocalFailure>(&answer)) {
        complain("no answer from bearerd at " + address->text() + ": " + printable(failure->reason) +
                 "\nIs it running? Try systemctl status bearerd, or bearerd check --config " + file + ".");
        return exit_unavailable;
    }
    const json status = json::parse(std::get<std::string>(answer), nullptr, false);
    if (!status.is_object()) {
        complain("what listens at " + address->text() + " is not bearerd's admin listener");
        return exit_unavailable;
    }
    if (!as_json)
        return show(status);
    print(stdout, status.dump(2, ' ', true) + "\n");
    return seconds(member(status, "token"), "expires_in_s") ? exit_fine : exit_unavailable;
}

} // namespace bearerd::app
