#include <bearerd/journal/journal.hpp>

#include "writer.hpp"

#include <bearerd/base/log.hpp>

namespace bearerd::journal {
namespace {

constexpr std::int64_t warn_every_s = 60;
constexpr Duration longest_flush = std::chrono::seconds{2};

} // namespace

Journal::Journal(Settings settings, Events events)
    : writer_{std::make_shared<Writer>(std::move(settings), std::move(events))},
      last_warning_s_{floor_seconds(BootClock::now().time_since_epoch()) - warn_every_s},
      thread_{writer_} {}

Journal::~Journal() {
    if (!thread_.stop(longest_flush))
        log::warning("journal did not finish in time; the last outcomes may be lost");
}

bool Journal::add(PendingIntentPtr pending) {
    return writer_->post({.pending = std::move(pending)});
}

void Journal::record_outcome(PendingIntentPtr pending, Outcome outcome) {
    static_cast<void>(writer_->post({.pending = std::move(pending), .outcome = std::move(outcome)}));
}

void Journal::resolve(Outcome outcome) {
    static_cast<void>(writer_->post({.outcome = std::move(outcome)}));
}

void Journal::settle(std::uint32_t account, std::vector<MutationField> fields, Outcome outcome) {
    static_cast<void>(writer_->post(
        {.outcome = std::move(outcome), .about = Writer::Transaction{account, std::move(fields)}}));
}

void Journal::heard(std::uint32_t account, std::vector<MutationField> fields, bool joined) {
    writer_->post_heard({.about = Writer::Transaction{account, std::move(fields)}, .heard = true}, joined);
}

void Journal::begin_guard() noexcept {
    writer_->report_all();
    guards_.fetch_add(1);
}

void Journal::set_remember(Duration remember) noexcept {
    writer_->set_remember(remember);
}

void Journal::miss(bool refused) {
    const std::uint64_t all = missed_.fetch_add(1, std::memory_order_relaxed) + 1;
    const std::int64_t now = floor_seconds(BootClock::now().time_since_epoch());
    std::int64_t last = last_warning_s_.load(std::memory_order_relaxed);
    if (now - last < warn_every_s || !last_warning_s_.compare_exchange_strong(last, now))
        return;
    log::warning(refused ? "a mutation was refused: the journal did not take it in time"
                         : "a mutation went without its journal record, which could not be written in time",
                 {{"so_far", static_cast<std::int64_t>(all)}});
}

View Journal::view() const {
    View view = writer_->view();
    view.missed = missed_.load(std::memory_order_relaxed);
    return view;
}

bool Journal::is_open() const noexcept {
    return writer_->is_open();
}

} // namespace bearerd::journal
