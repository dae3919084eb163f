#include "transactions.hpp"

#include "time_text.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/journal/files.hpp>
#include <bearerd/transaction/restoring.hpp>
#include <bearerd/transaction/secret_file.hpp>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <utility>

namespace bearerd::app {
namespace {

namespace asio = net::asio;
using Json = nlohmann::ordered_json;

transaction::Table::Limits limits_of(const config::Settings& settings) {
    return {settings.transactions.remember, settings.transactions.replay_memory};
}

/// Returns a text for what a restored journal depends on: the account, and which mutations are guarded.
std::string name_of(const config::Settings& settings) {
    std::set<std::string> guarded;
    for (const config::TransactionRule& rule : settings.transactions.rules)
        if (rule.repeats == config::Repeats::replay)
            guarded.insert(rule.mutation);
    std::string name = std::to_string(journal::account_of(settings));
    for (const std::string& mutation : guarded)
        name.append(";").append(mutation);
    return name;
}

/// Whether the failure means that there is no journal.
bool is_missing(error_code failure) noexcept {
    return failure == boost::system::errc::no_such_file_or_directory ||
           failure == boost::system::errc::not_a_directory;
}

std::vector<journal::JournalEntry> entries_of(const journal::Reading& reading) {
    std::vector<journal::JournalEntry> entries;
    for (const auto& [number, entry] : reading.index.entries())
        entries.push_back(entry);
    return entries;
}

std::optional<std::vector<journal::JournalEntry>> entries_of_journal(const std::string& directory) {
    const auto reading = journal::read_journal(directory);
    return reading ? std::optional{entries_of(*reading)} : std::nullopt;
}

/// Guards the transactions of these journal entries, if any rule replays repeats. What is guarded already
/// stays; `again`: but what was unknown is now what the journal says.
void restore(const std::vector<journal::JournalEntry>& entries, const ConfigSnapshot& snapshot,
             Shared& shared, bool again = false) {
    if (!snapshot.identifier || !shared.transactions)
        return;
    const journal::Uptime now = journal::uptime();
    const std::uint32_t account = journal::account_of(*snapshot.settings);
    std::vector<transaction::Restored> all;
    for (const journal::JournalEntry& entry : entries)
        if (auto restored = transaction::restored_from(entry, *snapshot.identifier, account, now, wall_ms()))
            all.push_back(std::move(*restored));
    const std::size_t without_room =
        again ? shared.transactions->restore_again(std::move(all), BootClock::now())
              : shared.transactions->restore(std::move(all), BootClock::now());
    if (without_room != 0)
        log::error("transactions of the journal can't be remembered: there is no room for more",
                   {{"number", static_cast<std::int64_t>(without_room)}});
}

} // namespace

const Secret& Transactions::prepare(const config::Settings& settings) {
    if (!settings.transactions.guard() || shared_.transactions)
        return secret_;
    if (directory_.empty()) {
        log::warning("transactions are remembered in memory only: without a journal, a restart forgets them",
                     {});
    } else if (auto secret = transaction::load_or_make_secret(directory_)) {
        secret_ = std::move(*secret);
    } else {
        const std::string reason = secret.error().message();
        log::warning(
            "the key of transactions can't be read or made in the journal's folder: after a restart, a "
            "repeat with other values counts as the same",
            {{"reason", std::string_view{reason}}});
    }
    if (secret_.empty())
        secret_ = transaction::random_secret();
    shared_.transactions = std::make_unique<transaction::Table>(limits_of(settings));
    set_history();
    return secret_;
}

void Transactions::set_limits(const config::Settings& settings) const {
    if (shared_.transactions)
        shared_.transactions->set_limits(limits_of(settings));
    if (shared_.journal != nullptr)
        shared_.journal->set_remember(settings.transactions.remember);
}

/// Makes the events before the first worker serves. They do not change afterwards, since all threads read
/// them.
void Transactions::make_events() {
    transaction::Events& events = shared_.transaction_events;
    using Fields = transaction::Events::Fields;
    events.left_unknown = [first = &first_](Fields fields, std::uint32_t account, std::string request_id) {
        BackgroundLookups::Case unknown;
        unknown.account = account;
        unknown.fields = std::move(fields);
        unknown.request_id = std::move(request_id);
        asio::post(first->context(), [first, unknown = std::move(unknown)]() mutable {
            first->look_up_later(std::move(unknown));
        });
    };
    events.found = [first = &first_, shared = &shared_](Fields fields, std::uint32_t account) {
        if (shared->journal != nullptr)
            shared->journal->settle(account, fields, journal::found_outcome(journal::Source::lookup));
        asio::post(first->context(),
                   [first, fields = std::move(fields), account] { first->drop_lookup(fields, account); });
    };
    events.heard = [shared = &shared_](Fields fields, std::uint32_t account, bool joined) {
        if (shared->journal != nullptr)
            shared->journal->heard(account, std::move(fields), joined);
    };
}

/// Returns true also if there is nothing to restore.
bool Transactions::is_restored(const ConfigSnapshot& snapshot) const {
    return !snapshot.identifier || directory_.empty() || restored_ == name_of(*snapshot.settings);
}

Result<Transactions::Found> Transactions::read_journal(const ConfigSnapshot& snapshot) {
    using Extent = Found::Extent;
    if (is_restored(snapshot))
        return Found{};
    // Before the reading, so that whatever is still sent is in it, and what ends after it is reported.
    if (shared_.journal != nullptr)
        shared_.journal->begin_guard();
    const auto reading = journal::read_journal(directory_);
    const bool ours = shared_.journal != nullptr && shared_.journal->is_open();
    if (!reading && !ours && is_missing(reading.error()))
        return Found{Extent::part};
    if (!reading)
        return reading.error();
    if (reading->written && !ours)
        return Found{Extent::held};
    // What is in flight in this process, and was sent without a guard, is unknown until it has ended.
    return Found{reading->damaged == 0 ? Extent::all : Extent::part, entries_of(*reading)};
}

void Transactions::restore_from_journal(const ConfigSnapshot& snapshot, const Found& found) {
    using Extent = Found::Extent;
    if (!snapshot.identifier)
        restored_.clear(); // what is sent until there is a guard again is in the journal only
    if (found.extent == Extent::nothing_new)
        return;
    if (found.extent == Extent::held) {
        state_ = State::held;
        set_history();
        return;
    }
    restore(found.entries, snapshot, shared_);
    if (state_ == State::unread && found.extent == Extent::all)
        state_ = State::read;
    remember(snapshot);
}

/// Notes that the table has all that the snapshot needs of the journal.
void Transactions::remember(const ConfigSnapshot& snapshot) {
    restored_ = name_of(*snapshot.settings);
    set_history();
    log::info("transactions are remembered",
              {{"number", static_cast<std::int64_t>(shared_.transactions->size())}});
}

void Transactions::journal_opened(const ConfigSnapshot& snapshot,
                                  const std::vector<journal::JournalEntry>& entries) {
    // If it could not be opened at once, what was read may be out of date: another process may have written
    // since, and a person may have closed an entry.
    const bool is_late = snapshot.identifier && state_ != State::read && state_ != State::ours;
    const auto all = is_late ? entries_of_journal(directory_) : std::nullopt;
    restore(all.value_or(entries), snapshot, shared_, is_late);
    state_ = State::ours;
    if (!is_restored(snapshot))
        remember(snapshot);
    set_history();
}

void Transactions::journal_not_opened(bool held) {
    if (held)
        state_ = State::held;
    else if (state_ == State::read)
        state_ = State::closed;
    set_history();
}

void Transactions::set_history() const {
    using History = transaction::Table::History;
    if (!shared_.transactions)
        return;
    const History before_opening = state_ == State::closed ? History::read : History::unread;
    shared_.transactions->set_history(state_ == State::ours ? History::complete : before_opening);
}

std::string Transactions::describe(const ConfigSnapshot& snapshot, transaction::Table& table,
                                   std::string_view key) {
    Json list = Json::array();
    const TimePoint now = BootClock::now();
    for (const transaction::Digest& identity : snapshot.identifier->identities_of_key(key)) {
        const auto seen = table.find(identity, now);
        if (!seen)
            continue;
        const Json found = Json::parse(seen->reconciled, nullptr, false);
        list.push_back({{"fields", seen->fields},
                        {"state", transaction::to_string(seen->state)},
                        {"request_id", seen->request_id},
                        {"time", time_text(seen->at_ms, 'T')},
                        {"found", found.is_discarded() ? Json() : found}});
    }
    if (list.empty())
        list.push_back({{"state", "not_known"}});
    const Json all{{"key", std::string{key}}, {"transactions", std::move(list)}};
    return all.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

} // namespace bearerd::app
