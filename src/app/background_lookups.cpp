#include "background_lookups.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/net/wait_until.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_open = 10'000; ///< what is beyond it stays in the journal
constexpr Duration between_lookups = 1s;
constexpr Duration yield_for = 1ms; ///< one tick of the clock
constexpr Duration first_pause = 5s;
constexpr Duration longest_pause = 10min;

/// Returns a name for the transaction; if its keys are not known, it shares the name with no other one.
std::string name_of(std::uint32_t account, const std::vector<journal::MutationField>& fields,
                    std::uint64_t number) {
    std::string name = journal::transaction_of(account, fields);
    return name.empty() ? std::to_string(account) + "#" + std::to_string(number) : name;
}

/// Returns what to look up; nullopt if it is not known, or if the rules or the account have changed since.
std::optional<std::vector<graphql::RootField>> fields_to_look_up(const BackgroundLookups::Case& what,
                                                                 const BackgroundLookups::Asker& asker) {
    if (what.account != asker.account)
        return std::nullopt;
    const auto& keys = asker.reconciler->plan().keys;
    std::vector<graphql::RootField> fields;
    for (const journal::MutationField& field : what.fields) {
        const auto same = [&field](const graphql::KeyRule& rule) {
            return rule.field == field.name && rule.argument == field.argument;
        };
        const auto rule = std::ranges::find_if(keys, same);
        if (rule == keys.end())
            return std::nullopt;
        fields.push_back({field.name, static_cast<std::size_t>(rule - keys.begin()), field.key});
    }
    if (!asker.reconciler->plan().can_ask(fields))
        return std::nullopt;
    return fields;
}

void log_result(const BackgroundLookups::Case& what, bool warn, std::string_view result) {
    const auto log = warn ? log::warning : log::info;
    log("journal: a mutation without an outcome", {{"request_id", std::string_view{what.request_id}},
                                                   {"name", std::string_view{what.operation}},
                                                   {"number", static_cast<std::int64_t>(what.number)},
                                                   {"result", result}});
}

} // namespace

BackgroundLookups::BackgroundLookups(journal::Journal* journal, net::Executor executor,
                                     net::DeadlineClock& clock, std::function<Asker()> asker)
    : journal_{journal},
      executor_{executor},
      clock_{clock},
      asker_{std::move(asker)},
      changed_{std::move(executor)} {}

void BackgroundLookups::start(const std::vector<journal::JournalEntry>& entries) {
    const journal::Uptime now = journal::uptime();
    // If there are too many, keep the newest.
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        if (!entry->unresolved())
            continue;
        summary_due_ = true;
        if (open_.size() >= most_open) {
            ++counts_.not_asked;
            continue;
        }
        const journal::Outcome since = entry->outcome.value_or(journal::Outcome{
            entry->intent.number, entry->intent.at_ms, outcome::Executed::unknown, 0, {}, {}});
        insert({entry->intent.number, entry->intent.account, entry->intent.fields, entry->intent.request_id,
                entry->intent.operation, journal::age_of(since, now, wall_ms())},
               true);
    }
    changed_.set();
}

void BackgroundLookups::add(Case unknown) {
    if (open_.size() < most_open && fields_to_look_up(unknown, asker_())) // else nobody could ask
        insert(std::move(unknown), false);
    changed_.set();
}

void BackgroundLookups::insert(Case unknown, bool former) {
    if (stopped_)
        return;
    const auto [at, fresh] = open_.try_emplace(name_of(unknown.account, unknown.fields, unknown.number));
    Open& open = at->second;
    const std::uint64_t number = std::max(open.what.number, unknown.number);
    if (!fresh) { // the journal and the guard report the same one
        open.what.number = number;
        return;
    }
    const TimePoint now = BootClock::now();
    const Duration settle_for = asker_().settle_for;
    open.what = std::move(unknown);
    open.next = former ? now : now + first_pause; // one that has just become unknown was looked up just now
    open.end = now + std::max(Duration{0}, settle_for - open.what.age);
    open.pause = first_pause;
    open.former = former;
    counts_.left += former ? 1 : 0;
    if (!running_) {
        running_ = true;
        net::spawn(executor_, run(), "settling");
    }
}

void BackgroundLookups::remove(const std::vector<journal::MutationField>& fields, std::uint32_t account) {
    const auto found = open_.find(name_of(account, fields, 0));
    if (found == open_.end())
        return;
    if (found->second.former && !found->second.asked)
        --counts_.left;
    open_.erase(found);
}

void BackgroundLookups::stop() noexcept {
    stopped_ = true;
    changed_.set();
}

net::Task<void> BackgroundLookups::run() {
    const auto end = [](bool* running) { *running = false; };
    const std::unique_ptr<bool, decltype(end)> ending{&running_, end}; // also if an exception ends this
    while (!stopped_ && !open_.empty()) {
        const auto by_time = [](const auto& a, const auto& b) { return a.second.next < b.second.next; };
        const auto first = std::ranges::min_element(open_, by_time);
        if (first->second.next > BootClock::now()) {
            const TimePoint until = first->second.next;
            co_await rest(until);
            continue;
        }
        std::string name = first->first;
        const bool asked = co_await look_up(std::move(name));
        if (summary_due_ && counts_.left == 0)
            summarize();
        // After one that could not be asked, too, others get their turn.
        const TimePoint next_lookup = BootClock::now() + (asked ? between_lookups : yield_for);
        while (!stopped_ && BootClock::now() < next_lookup)
            co_await rest(next_lookup);
    }
}

/// Looks one of them up once; returns false if that is impossible.
net::Task<bool> BackgroundLookups::look_up(std::string name) {
    const Asker asker = asker_();
    const Case what = open_.at(name).what;
    auto fields = fields_to_look_up(what, asker);
    if (!fields) { // by the present configuration: a reload may bring back its rule or its account
        Open& open = open_.at(name);
        first_result(open, counts_.not_asked, "can't be looked up", true);
        if (!put_off(open))
            open_.erase(name);
        co_return false;
    }
    const auto answer =
        co_await asker.reconciler->ask_all_slowly(std::move(*fields), what.request_id, between_lookups);
    const auto at = open_.find(name);
    if (at == open_.end()) // its outcome has become known otherwise meanwhile
        co_return true;
    Open& open = at->second;
    if (answer.result == Finding::found) {
        first_result(open, counts_.found, "executed", false);
        found(open.what, asker, answer.found);
        open_.erase(at);
        co_return true;
    }
    if (answer.result == Finding::not_found)
        first_result(open, counts_.not_found, "not found, still unknown", true);
    if (!put_off(open)) {
        log_result(open.what, true, "not found in time, it stays unknown");
        if (open.former && !open.asked)
            --counts_.left;
        open_.erase(at);
    }
    co_return true;
}

/// Plans the next look-up; returns false if the time is over.
bool BackgroundLookups::put_off(Open& open) {
    const TimePoint now = BootClock::now();
    if (now >= open.end)
        return false;
    open.next = now + open.pause;
    open.pause = std::min(2 * open.pause, longest_pause);
    return true;
}

void BackgroundLookups::first_result(Open& open, std::int64_t& counter, std::string_view result, bool warn) {
    if (open.asked && warn)
        return;
    log_result(open.what, warn, result);
    if (!open.asked && open.former) {
        --counts_.left;
        ++counter;
    }
    open.asked = true;
}

void BackgroundLookups::found(const Case& what, const Asker& asker, std::string text) {
    if (journal_ != nullptr) {
        journal::Outcome outcome = journal::found_outcome(journal::Source::recovery);
        outcome.number = what.number;
        if (what.number != 0)
            journal_->resolve(std::move(outcome));
        else
            journal_->settle(what.account, what.fields, std::move(outcome));
    }
    if (asker.table != nullptr && asker.identifier != nullptr) {
        const auto identities = asker.identifier->identities(what.fields);
        asker.table->found(identities, std::move(text), BootClock::now());
    }
}

net::Task<void> BackgroundLookups::rest(TimePoint until) {
    if (!stopped_)
        co_await net::wait_until(changed_, clock_, until);
}

void BackgroundLookups::summarize() {
    summary_due_ = false;
    const bool open = counts_.not_found + counts_.not_asked > 0;
    const auto log = open ? log::warning : log::info;
    log(open ? "journal: some mutations are still without an outcome; bearerd journal --unresolved lists them"
             : "journal: every mutation has its outcome",
        {{"executed", counts_.found},
         {"not_found", counts_.not_found},
         {"not_asked", counts_.not_asked},
         {"no_answer", counts_.left}});
}

} // namespace bearerd::app
