#include "recovery.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/net/spawn.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t at_once = 4;
constexpr std::size_t most_asked = 1000; ///< the newest; what is older stays in the journal
constexpr Duration first_pause = 5s;
constexpr Duration longest_pause = 5min;
constexpr Duration patience = 1h;

/// What to ask after; nothing where it can't be told, or the rules or the account have changed since.
std::optional<std::vector<graphql::RootField>> questions(const journal::Intent& intent,
                                                         const Recovery::Asker& asker) {
    if (intent.account != asker.account)
        return std::nullopt;
    const auto& keys = asker.reconciler->plan().keys;
    std::vector<graphql::RootField> fields;
    for (const journal::Field& field : intent.fields) {
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

void tell(const journal::Intent& intent, bool warn, std::string_view result) {
    const auto log = warn ? log::warning : log::info;
    log("journal: a mutation without an outcome", {{"request_id", std::string_view{intent.request_id}},
                                                   {"name", std::string_view{intent.operation}},
                                                   {"number", static_cast<std::int64_t>(intent.number)},
                                                   {"result", result}});
}

} // namespace

Recovery::Recovery(journal::Journal& journal, net::Executor executor, net::DeadlineClock& clock,
                   std::function<Asker()> asker)
    : journal_{journal},
      executor_{executor},
      clock_{clock},
      asker_{std::move(asker)},
      worked_{executor},
      pause_over_{std::move(executor)} {}

void Recovery::start(std::vector<journal::Item> items) {
    if (items.empty() || stopped_)
        return;
    const std::size_t left_out = items.size() - std::min(items.size(), most_asked);
    counts_.not_asked = static_cast<std::int64_t>(left_out);
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(left_out);
    waiting_.assign(std::make_move_iterator(from), std::make_move_iterator(items.end()));
    net::spawn(executor_, run(), "recovery");
}

void Recovery::stop() noexcept {
    stopped_ = true;
    pause_over_.set();
}

net::Task<void> Recovery::run() {
    const TimePoint end = BootClock::now() + patience;
    for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        working_ = std::min(at_once, waiting_.size());
        for (std::size_t i = working_; i > 0; --i)
            net::spawn(executor_, work(), "recovery");
        while (working_ > 0)
            co_await worked_.wait();
        if (stopped_ || again_.empty() || BootClock::now() + pause > end)
            break;
        waiting_.assign(std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
        again_.clear();
        co_await rest(pause);
    }
    summarize();
}

net::Task<void> Recovery::work() {
    // Whatever leaves this, an exception even, the round must come to its end.
    const std::unique_ptr<Recovery, void (*)(Recovery*)> guard{this,
                                                               [](Recovery* self) { self->end_work(); }};
    while (!stopped_ && !waiting_.empty()) {
        journal::Item item = std::move(waiting_.front());
        waiting_.pop_front();
        co_await look_up(std::move(item));
    }
}

void Recovery::end_work() {
    if (--working_ == 0)
        worked_.set();
}

net::Task<void> Recovery::look_up(journal::Item item) {
    const Asker asker = asker_();
    auto fields = questions(item.intent, asker);
    if (!fields) {
        ++counts_.not_asked;
        tell(item.intent, true, "can't be looked up");
        co_return;
    }
    const auto answer = co_await asker.reconciler->ask_all(std::move(*fields), item.intent.request_id);
    switch (answer.result) {
    case reconcile::Result::found: {
        ++counts_.found;
        tell(item.intent, false, "executed");
        journal::Outcome outcome;
        outcome.number = item.intent.number;
        outcome.at_ms = std::chrono::milliseconds{wall_now().time_since_epoch()}.count();
        outcome.executed = graphql::Executed::yes;
        outcome.code = "outcome_unknown";
        outcome.source = journal::Source::recovery;
        journal_.resolve(std::move(outcome));
        break;
    }
    case reconcile::Result::not_found:
        ++counts_.not_found;
        tell(item.intent, true, "not found, still unknown");
        break;
    case reconcile::Result::failed:
        again_.push_back(std::move(item));
        break;
    }
}

net::Task<void> Recovery::rest(Duration pause) {
    net::Deadline end{clock_, [](void* event) noexcept { static_cast<net::Event*>(event)->set(); },
                      &pause_over_};
    end.set_after(pause);
    if (!stopped_)
        co_await pause_over_.wait();
}

void Recovery::summarize() const {
    const auto left = static_cast<std::int64_t>(waiting_.size() + again_.size());
    const bool open = counts_.not_found + counts_.not_asked + left > 0;
    const auto log = open ? log::warning : log::info;
    log(open ? "journal: some mutations are still without an outcome; bearerd journal --unresolved lists them"
             : "journal: every mutation has its outcome",
        {{"executed", counts_.found},
         {"not_found", counts_.not_found},
         {"not_asked", counts_.not_asked},
         {"no_answer", left}});
}

} // namespace bearerd::app
