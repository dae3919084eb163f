#include <bearerd/journal/journal_client.hpp>

#include <bearerd/base/file.hpp>
#include <bearerd/base/mask.hpp>

#include <algorithm>
#include <chrono>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 2s;

/// `record`: an outcome or a close.
template<class Stamped>
Duration age_of_record(const Stamped& record, const Uptime& now, std::int64_t now_ms) noexcept {
    if (!record.boot.empty() && record.boot == now.boot)
        return std::chrono::seconds{now.up_s - std::min(now.up_s, record.up_s)};
    constexpr std::chrono::milliseconds doubt = 24h;
    return std::max(Duration{0}, Duration{std::chrono::milliseconds{now_ms - record.at_ms} - doubt});
}

} // namespace

Uptime uptime() {
    constexpr std::size_t enough = 8;
    return {boot_id().substr(0, enough),
            static_cast<std::uint64_t>(floor_seconds(BootClock::now().time_since_epoch()))};
}

std::uint32_t account_of(const config::Settings& settings) {
    return account_of(settings.upstream.url.text, settings.credentials.user);
}

Outcome found_outcome(Source source) {
    const Uptime now = uptime();
    Outcome outcome;
    outcome.at_ms = wall_ms();
    outcome.executed = outcome::Executed::yes;
    outcome.code = "outcome_unknown";
    outcome.source = source;
    outcome.boot = now.boot;
    outcome.up_s = now.up_s;
    return outcome;
}

Duration age_of(const Outcome& outcome, const Uptime& now, std::int64_t now_ms) noexcept {
    return age_of_record(outcome, now, now_ms);
}

Duration age_of(const JournalEntry& entry, const Uptime& now, std::int64_t now_ms) noexcept {
    if (entry.close)
        return age_of_record(*entry.close, now, now_ms);
    return entry.outcome ? age_of_record(*entry.outcome, now, now_ms) : Duration{0};
}

JournalClient::JournalClient(Journal& journal, const config::Settings& settings, net::Executor executor,
                             net::DeadlineClock& clock, const FieldReader* reader)
    : journal_{journal},
      guards_{journal.guards()},
      required_{settings.journal.required},
      account_{account_of(settings)},
      reader_{reader},
      began_{uptime()},
      began_at_{BootClock::now()},
      executor_{std::move(executor)},
      clock_{clock} {
    for (const config::TransactionRule& rule : settings.transactions.rules)
        keys_.push_back({rule.mutation, rule.key});
}

net::Task<PendingIntentPtr> JournalClient::record_intent(graphql::RequestView request,
                                                         std::string_view operation,
                                                         std::string_view request_id,
                                                         std::string_view trace_id,
                                                         std::span<const std::string_view> header_keys) {
    Intent intent;
    intent.at_ms = wall_ms();
    std::string scratch;
    intent.request_id = masked(request_id.substr(0, max_text), scratch);
    intent.operation = masked(operation, scratch);
    intent.account = account_;
    intent.trace_id = trace_id; // not masked: http/trace
    auto fields = reader_ != nullptr ? reader_->read_fields(request, header_keys, intent.fingerprint)
                                     : graphql::mutation_fields(request, keys_, {nullptr, header_keys});
    if (fields)
        for (graphql::RootField& field : *fields)
            intent.fields.push_back({std::string{masked(field.name, scratch)},
                                     field.rule ? keys_[*field.rule].argument : std::string{},
                                     std::move(field.key)});
    auto pending = std::make_shared<PendingIntent>(std::move(intent), executor_);
    net::Event known{executor_};
    net::Deadline end{clock_, &net::Event::set_at_deadline, &known};
    pending->waiting = &known;
    end.set_after(patience);
    pending->refused = !journal_.add(pending);
    if (!pending->refused)
        co_await known.wait();
    pending->waiting = nullptr;
    if (!pending->durable)
        journal_.miss(required(*pending));
    // Looked at after the intent is on the disk: either the guard that begins reads it there, or it is not
    // sent.
    pending->superseded = journal_.guards() != guards_;
    co_return pending;
}

void JournalClient::record_outcome(PendingIntentPtr pending, Outcome outcome) {
    if (pending->refused) // while a disk hangs, nothing may pile up in front of it
        return;
    outcome.at_ms = wall_ms();
    if (reader_ != nullptr) {
        outcome.boot = began_.boot;
        outcome.up_s = began_.up_s + static_cast<std::uint64_t>(floor_seconds(BootClock::now() - began_at_));
    }
    journal_.record_outcome(std::move(pending), std::move(outcome));
}

} // namespace bearerd::journal
