#include "journal_command.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"
#include "public_settings.hpp"

#include <bearerd/journal/files.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

namespace bearerd::app {
namespace {

using Json = nlohmann::ordered_json;
using journal::Item;

enum class State : std::uint8_t { in_hand, unresolved, resolved };

State state_of(const journal::Reading& reading, const Item& item) {
    if (reading.written && reading.book.in_hand(item))
        return State::in_hand;
    return item.unresolved() ? State::unresolved : State::resolved;
}

std::string_view to_string(State state) {
    switch (state) {
    case State::in_hand:
        return "in_hand";
    case State::unresolved:
        return "unresolved";
    case State::resolved:
        break;
    }
    return "resolved";
}

/// "2026-11-25 03:43:51.120Z"; `separator` between date and time.
std::string time_text(std::int64_t at_ms, char separator) {
    constexpr std::int64_t thousand = 1000;
    const std::time_t seconds = at_ms / thousand;
    std::tm parts{};
    std::array<char, 64> text{};
    if (::gmtime_r(&seconds, &parts) == nullptr) // beyond the year 2^31
        return std::to_string(at_ms);
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    std::replace(text.begin(), text.end(), ' ', separator);
    const std::string milliseconds = std::to_string(thousand + at_ms % thousand).substr(1);
    return std::string{text.data(), size} + "." + milliseconds + "Z";
}

Json to_json(const Item& item, State state) {
    Json fields = Json::array();
    for (const journal::Field& field : item.intent.fields)
        fields.push_back({{"name", field.name}, {"key", field.key.empty() ? Json() : Json(field.key)}});
    const auto& outcome = item.outcome;
    return {{"time", time_text(item.intent.at_ms, 'T')},
            {"number", item.intent.number},
            {"request_id", item.intent.request_id},
            {"trace_id", item.intent.trace_id.empty() ? Json() : Json(item.intent.trace_id)},
            {"name", item.intent.operation},
            {"fields", std::move(fields)},
            {"state", to_string(state)},
            {"executed", graphql::to_string(outcome ? outcome->executed : graphql::Executed::unknown)},
            {"outcome", outcome ? Json(outcome->code) : Json()},
            {"status", outcome && outcome->status != 0 ? Json(outcome->status) : Json()},
            {"by", outcome ? Json(journal::to_string(outcome->source)) : Json()},
            {"outcome_time", outcome ? Json(time_text(outcome->at_ms, 'T')) : Json()}};
}

/// "yes, by recovery", "no: upstream_unreachable", "in hand".
std::string outcome_text(const Item& item, State state) {
    if (state == State::in_hand)
        return "in hand";
    if (!item.outcome)
        return "unknown: no outcome";
    std::string text{graphql::to_string(item.outcome->executed)};
    if (item.outcome->source != journal::Source::answer)
        return text + ", by " + std::string{journal::to_string(item.outcome->source)};
    const bool answered = item.outcome->code == "ok" || item.outcome->code == "graphql_error";
    if (answered && item.outcome->executed == graphql::Executed::unknown)
        return text + ": HTTP " + std::to_string(item.outcome->status);
    return item.outcome->code == "ok" ? text : text + ": " + printable(item.outcome->code);
}

std::string fields_text(const Item& item) {
    std::string text;
    for (const journal::Field& field : item.intent.fields) {
        text += (text.empty() ? "" : ", ") + printable(field.name);
        if (!field.key.empty())
            text += " " + printable(field.key);
    }
    return text.empty() ? printable(item.intent.operation) : text;
}

std::string trace_text(const Item& item) {
    return item.intent.trace_id.empty() ? "" : "  trace_id=" + printable(item.intent.trace_id);
}

void pad(std::string& line, std::string_view text, std::size_t width) {
    line += text;
    line.append(text.size() < width ? width - text.size() : 0, ' ');
    line += "  ";
}

std::string table_row(std::string_view time, std::string_view outcome, std::string_view id,
                      std::string_view what) {
    constexpr std::size_t time_width = 24;
    constexpr std::size_t outcome_width = 28;
    constexpr std::size_t id_width = 32; // of the ids that bearerd makes
    std::string line;
    pad(line, time, time_width);
    pad(line, outcome, outcome_width);
    pad(line, id, id_width);
    return line.append(what) + "\n";
}

std::string listed(const journal::Reading& reading, JournalOptions options) {
    std::string all;
    if (!options.json)
        all += table_row("TIME (UTC)", "EXECUTED", "REQUEST ID", "MUTATION AND KEY");
    for (const auto& [number, item] : reading.book.items()) {
        const State state = state_of(reading, item);
        if (options.unresolved && state != State::unresolved)
            continue;
        if (options.json)
            all += to_json(item, state).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
        else
            all += table_row(time_text(item.intent.at_ms, ' '), outcome_text(item, state),
                             printable(item.intent.request_id), fields_text(item) + trace_text(item));
    }
    return all;
}

} // namespace

int journal_command(const std::string& file, JournalOptions options) {
    const auto settings = load_without_secrets(file, "journal.directory");
    if (!settings)
        return exit_bad_configuration;
    const std::string& directory = settings->journal.directory;
    if (directory.empty()) {
        complain("no journal is kept (journal.directory in " + file + ")");
        return exit_bad_configuration;
    }
    const auto reading = journal::read_journal(directory);
    if (!reading) {
        complain("the journal in " + printable(directory) + " can't be read: " + reading.error().message());
        return exit_failed;
    }
    print(stdout, listed(*reading, options));
    if (reading->damaged != 0)
        complain(std::to_string(reading->damaged) + " damaged records were passed over");
    return exit_fine;
}

} // namespace bearerd::app
