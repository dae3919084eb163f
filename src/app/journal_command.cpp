#include "journal_command.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"
#include "public_settings.hpp"
#include "time_text.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/mask.hpp>
#include <bearerd/journal/closing.hpp>
#include <bearerd/journal/files.hpp>
#include <bearerd/journal/journal_client.hpp>

#include <nlohmann/json.hpp>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

namespace bearerd::app {
namespace {

using Json = nlohmann::ordered_json;
using journal::JournalEntry;

enum class State : std::uint8_t { in_flight, unresolved, resolved };

State state_of(const journal::Reading& reading, const JournalEntry& entry) {
    if (reading.written && reading.index.in_flight(entry))
        return State::in_flight;
    return entry.unresolved() ? State::unresolved : State::resolved;
}

std::string_view to_string(State state) {
    switch (state) {
    case State::in_flight:
        return "in_hand";
    case State::unresolved:
        return "unresolved";
    case State::resolved:
        break;
    }
    return "resolved";
}

Json to_json(const JournalEntry& entry, State state) {
    Json fields = Json::array();
    for (const journal::MutationField& field : entry.intent.fields)
        fields.push_back({{"name", field.name}, {"key", field.key.empty() ? Json() : Json(field.key)}});
    const auto& outcome = entry.outcome;
    return {{"time", time_text(entry.intent.at_ms, 'T')},
            {"number", entry.intent.number},
            {"request_id", entry.intent.request_id},
            {"trace_id", entry.intent.trace_id.empty() ? Json() : Json(entry.intent.trace_id)},
            {"name", entry.intent.operation},
            {"fields", std::move(fields)},
            {"state", to_string(state)},
            {"executed", outcome::to_string(entry.executed())},
            {"outcome", outcome ? Json(outcome->code) : Json()},
            {"status", outcome && outcome->status != 0 ? Json(outcome->status) : Json()},
            {"by", outcome ? Json(journal::to_string(outcome->source)) : Json()},
            {"outcome_time", outcome ? Json(time_text(outcome->at_ms, 'T')) : Json()},
            {"unheard", entry.unheard()},
            {"closed", entry.close ? Json{{"executed", outcome::to_string(entry.close->executed)},
                                          {"time", time_text(entry.close->at_ms, 'T')},
                                          {"user", entry.close->user},
                                          {"reason", entry.close->reason}}
                                   : Json()}};
}

/// "yes, by recovery", "no: upstream_unreachable", "in flight".
std::string outcome_text(const JournalEntry& entry, State state) {
    if (state == State::in_flight)
        return "in flight";
    if (entry.close)
        return std::string{outcome::to_string(entry.close->executed)} + ", closed by " +
               printable(entry.close->user);
    if (!entry.outcome)
        return "unknown: no outcome";
    std::string text{outcome::to_string(entry.outcome->executed)};
    if (entry.outcome->source == journal::Source::repeat)
        return "see the other entry of this key";
    if (entry.unheard())
        return text + ", unheard";
    if (entry.outcome->source != journal::Source::answer)
        return text + ", by " + std::string{journal::to_string(entry.outcome->source)};
    const bool answered = entry.outcome->code == "ok" || entry.outcome->code == "graphql_error";
    if (answered && entry.outcome->executed == outcome::Executed::unknown)
        return text + ": HTTP " + std::to_string(entry.outcome->status);
    return entry.outcome->code == "ok" ? text : text + ": " + printable(entry.outcome->code);
}

std::string fields_text(const JournalEntry& entry) {
    std::string text;
    for (const journal::MutationField& field : entry.intent.fields) {
        text += (text.empty() ? "" : ", ") + printable(field.name);
        if (!field.key.empty())
            text += " " + printable(field.key);
    }
    return text.empty() ? printable(entry.intent.operation) : text;
}

std::string trace_text(const JournalEntry& entry) {
    return entry.intent.trace_id.empty() ? "" : "  trace_id=" + printable(entry.intent.trace_id);
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

/// Compares the bytes, or the text without what a barcode scanner has added.
bool has_key(const JournalEntry& entry, std::string_view key) {
    return std::ranges::any_of(entry.intent.fields, [key](const journal::MutationField& field) {
        return field.key == key || (!field.key.empty() && trim(field.key) == key);
    });
}

bool is_wanted(const JournalEntry& entry, State state, const JournalOptions& options) {
    return (!options.unresolved || state == State::unresolved) && (!options.unheard || entry.unheard()) &&
           (options.key.empty() || has_key(entry, options.key));
}

std::string listed(const journal::Reading& reading, const JournalOptions& options) {
    std::string all;
    if (!options.json)
        all += table_row("TIME (UTC)", "EXECUTED", "REQUEST ID", "MUTATION AND KEY");
    for (const auto& [number, entry] : reading.index.entries()) {
        const State state = state_of(reading, entry);
        if (!is_wanted(entry, state, options))
            continue;
        if (options.json)
            all += to_json(entry, state).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
        else
            all += table_row(time_text(entry.intent.at_ms, ' '), outcome_text(entry, state),
                             printable(entry.intent.request_id), fields_text(entry) + trace_text(entry));
    }
    return all;
}

/// Reads the journal that the configuration names. Returns exit_fine, or another status after a message.
int read(const std::string& file, config::Settings& settings, std::optional<journal::Reading>& reading) {
    auto loaded = load_without_secrets(file, "journal.directory");
    if (!loaded)
        return exit_bad_configuration;
    settings = std::move(*loaded);
    const std::string& directory = settings.journal.directory;
    if (directory.empty()) {
        complain("no journal is kept (journal.directory in " + file + ")");
        return exit_bad_configuration;
    }
    auto found = journal::read_journal(directory);
    if (!found) {
        complain("the journal in " + printable(directory) + " can't be read: " + found.error().message());
        return exit_failed;
    }
    reading = std::move(*found);
    return exit_fine;
}

/// Returns the user who runs this program, also through sudo: "maria" or "1000".
std::string user_name() {
    constexpr std::size_t room = 16384;
    const char* const sudo_user = std::getenv("SUDO_USER"); // NOLINT(concurrency-mt-unsafe): one thread
    if (sudo_user != nullptr && *sudo_user != '\0')
        return sudo_user;
    std::vector<char> buffer(room);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return found->pw_name;
    return std::to_string(::getuid());
}

/// Returns the entry to close; prints a message if there is none, or more than one.
const JournalEntry* entry_to_close(const journal::Reading& reading, const CloseOptions& options) {
    std::string scratch;
    const std::string_view request_id = masked(options.request_id, scratch); // as the journal has it
    const JournalEntry* found = nullptr;
    bool resolved = false;
    for (const auto& [number, entry] : reading.index.entries()) {
        if (entry.intent.request_id != request_id || (options.number != 0 && options.number != number))
            continue;
        const bool answered = entry.outcome && entry.closable(); // it counts as unknown
        if (state_of(reading, entry) != State::unresolved && !answered) {
            resolved = true;
            continue;
        }
        if (found != nullptr) {
            complain("several unresolved mutations have the request id " + printable(request_id) +
                     ": add --number N, the number that bearerd journal --json shows");
            return nullptr;
        }
        found = &entry;
    }
    if (found == nullptr && options.number != 0)
        complain("no mutation with the request id " + printable(request_id) + " and the number " +
                 std::to_string(options.number) + " can be closed");
    else if (found == nullptr)
        complain(resolved ? "the mutation " + printable(request_id) + " is not unresolved: nothing to close"
                          : "no mutation has the request id " + printable(request_id));
    return found;
}

} // namespace

int close_command(const std::string& file, const CloseOptions& options) {
    constexpr Duration patience = std::chrono::seconds{5};
    config::Settings settings;
    std::optional<journal::Reading> reading;
    if (const int status = read(file, settings, reading); status != exit_fine)
        return status;
    const JournalEntry* const entry = entry_to_close(*reading, options);
    if (entry == nullptr)
        return exit_failed;
    journal::Close close;
    close.number = entry->intent.number;
    close.at_ms = wall_ms();
    close.executed = options.executed == "yes"  ? outcome::Executed::yes
                     : options.executed == "no" ? outcome::Executed::no
                                                : outcome::Executed::unknown;
    close.user = user_name();
    const journal::Uptime now = journal::uptime();
    close.boot = now.boot;
    close.up_s = now.up_s;
    close.reason = options.reason;
    const journal::Journal::Settings where{settings.journal.directory, settings.journal.max_size,
                                           settings.transactions.remember};
    if (const auto why = journal::close_entry(where, close, patience)) {
        complain("the mutation was not closed: " + *why);
        return exit_failed;
    }
    print(stdout, "closed: " + printable(options.request_id) + ", executed " + options.executed + "\n");
    return exit_fine;
}

int journal_command(const std::string& file, const JournalOptions& options) {
    config::Settings settings;
    std::optional<journal::Reading> reading;
    if (const int status = read(file, settings, reading); status != exit_fine)
        return status;
    print(stdout, listed(*reading, options));
    if (reading->damaged != 0)
        complain(std::to_string(reading->damaged) + " damaged records were skipped");
    return exit_fine;
}

} // namespace bearerd::app
