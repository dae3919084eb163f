#include "status_command.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"
#include "local_http.hpp"

#include <bearerd/config/parse.hpp>

#include <nlohmann/json.hpp>

#include <optional>

namespace bearerd::app {
namespace {

using nlohmann::json;

/// Secrets are not read, and variables that only the service has are no fault: the admin address is all that
/// counts.
config::Surroundings without_secrets(bool real_environment) {
    config::Surroundings surroundings = config::Surroundings::system();
    surroundings.read_file = [](const std::string&) { return Secret{std::string_view{"not read"}}; };
    surroundings.environment = [real_environment, real = config::Surroundings::system().environment](
                                   const std::string& name) -> std::optional<std::string> {
        if (auto value = real(name))
            return value;
        if (name == "CREDENTIALS_DIRECTORY" || !real_environment)
            return "not-set";
        return std::nullopt;
    };
    return surroundings;
}

config::ParseResult load(const std::string& file) {
    auto loaded = config::load(file, without_secrets(false));
    // Faults that stand-ins made would mislead: with the real environment they name what is missing.
    return std::holds_alternative<config::Settings>(loaded) ? std::move(loaded)
                                                            : config::load(file, without_secrets(true));
}

const json* member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

/// A member as text; empty where it is absent, null, or no scalar.
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
    return left ? line + ", good for another " + spoken_seconds(*left) : line + ", no token that is good";
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
    add_row(table, "Token", token_line(token, left));
    add_row(table, "Last login", text(login, "last_result"));
    add_row(table, "", text(login, "last_reason"));
    if (const auto next = seconds(login, "next_try_s"))
        add_row(table, "Next try", "in " + spoken_seconds(*next));
    add_row(table, "Upstream", text(upstream, "url"));
    add_row(table, "", upstream_line(upstream));
    add_row(table, "Last error", text(upstream, "last_error"));
    const json* requests = member(status, "requests");
    add_row(table, "Requests", requests_line(requests));
    if (requests != nullptr && requests->is_object())
        add_row(table, "Looked up", counts(member(*requests, "reconciliations")));
    if (const auto uptime = seconds(&status, "uptime_s"))
        add_row(table, "Running for", spoken_seconds(*uptime));
    add_row(table, "Version", text(&status, "version"));
    print(stdout, table);
    return left ? exit_fine : exit_unavailable;
}

} // namespace

int status_command(const std::string& file) {
    auto loaded = load(file);
    if (const auto* faults = std::get_if<std::vector<config::Fault>>(&loaded)) {
        for (const config::Fault& fault : *faults)
            print(stderr, config::format_fault(file, fault) + "\n");
        return exit_bad_configuration;
    }
    const auto& address = std::get<config::Settings>(loaded).admin.address;
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
    return show(status);
}

} // namespace bearerd::app
