#include <bearerd/transaction/fleet_claims.hpp>

#include "fleet_scripts.hpp"

#include <bearerd/json/scan.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <set>
#include <utility>

namespace bearerd::transaction {
namespace {

using outcome::Executed;
using namespace std::chrono_literals;

/// A renewal or a settlement has longer than a claim: no request waits for it.
constexpr Duration longest_background_call = 500ms;
constexpr Duration retry_pause = 500ms;
constexpr Duration shortest_poll = 50ms;
constexpr Duration longest_poll = 400ms;
constexpr int renewals_per_lease = 3;
constexpr std::size_t most_at_once = 64; // commands in the background

std::string milliseconds(Duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

std::int64_t number_of(std::string_view text) noexcept {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::string random_owner() {
    constexpr std::size_t size = 16;
    Digest bytes{};
    static_assert(std::tuple_size_v<Digest> == size);
    const Secret random = random_secret();
    std::copy_n(random.reveal().begin(), size, bytes.begin());
    return hex(bytes);
}

std::string_view state_of(Executed executed) noexcept {
    switch (executed) {
    case Executed::yes:
        return "executed";
    case Executed::no:
        return "no";
    case Executed::unknown:
    case Executed::answered:
        break;
    }
    return "unknown";
}

/// Whether what was found can be passed on: the store is not ours alone.
bool is_json(std::string_view text) noexcept {
    json::Scan scan{text};
    return text.size() <= FleetClaims::longest_found && scan.skip() && scan.finish();
}

} // namespace

/// How a claim was settled.
struct FleetClaims::Verdict {
    Executed executed = Executed::unknown;
    std::string found{};
    std::uint64_t number = 0; ///< of this claim's, from 1 on
};

/// One request's claim, under an owner of its own, so that no command that comes late can touch another
/// one's. It keeps the claims alive, because what was unknown may be settled long after a reload.
class FleetClaims::Claim final : public ClaimHolder, public std::enable_shared_from_this<Claim> {
public:
    enum class Place : std::uint8_t { nowhere, held, settling, in_work };

    Claim(std::shared_ptr<FleetClaims> claims, net::Executor executor, SharedRequestPtr of, std::string by)
        : request{std::move(of)},
          owner{std::move(by)},
          claims_{std::move(claims)},
          executor_{std::move(executor)} {}

    void settled(Executed executed, std::string_view reconciled) noexcept override {
        note(executed, reconciled);
        try {
            net::asio::post(executor_, [self = shared_from_this()] { self->claims_->settle_soon(self); });
        } catch (const std::exception&) { // no memory: the next renewal sees the verdict
        }
    }

    /// The last one that the store does not have yet; nullopt: there is none. Throws for lack of memory.
    [[nodiscard]] std::optional<Verdict> verdict() {
        const std::lock_guard lock{mutex_};
        return verdict_;
    }

    [[nodiscard]] bool has_verdict() noexcept {
        const std::lock_guard lock{mutex_};
        return verdict_.has_value();
    }

    /// The store has this one.
    void forget_verdict(std::uint64_t number) noexcept {
        const std::lock_guard lock{mutex_};
        if (verdict_ && verdict_->number == number)
            verdict_.reset();
    }

    const SharedRequestPtr request;
    const std::string owner;
    Place place = Place::nowhere; ///< the thread's own, as the following are
    TimePoint due{};              ///< held: of the next renewal; settling: when it is given up

private:
    void note(Executed executed, std::string_view reconciled) noexcept {
        Verdict verdict{executed, {}};
        try {
            if (reconciled.size() <= longest_found)
                verdict.found = reconciled;
        } catch (const std::exception&) { // no memory: what was found is missing
        }
        const std::lock_guard lock{mutex_};
        verdict.number = ++verdicts_;
        verdict_ = std::move(verdict);
    }

    const std::shared_ptr<FleetClaims> claims_;
    net::Executor executor_;
    std::mutex mutex_;
    std::optional<Verdict> verdict_;
    std::uint64_t verdicts_ = 0;
};

FleetClaims::FleetClaims(std::shared_ptr<fleet::Store> store, std::shared_ptr<const Identifier> identifier,
                         Settings settings, net::Executor executor, net::DeadlineClock& clock)
    : store_{std::move(store)},
      identifier_{std::move(identifier)},
      settings_{std::move(settings)},
      executor_{executor},
      clock_{clock},
      owner_{random_owner()},
      dice_{std::random_device{}()},
      wake_{std::move(executor)} {
    settings_.remember = std::max(settings_.remember, settings_.lease);
    settings_.settle_for = std::max(settings_.settle_for, settings_.remember);
}

FleetClaims::~FleetClaims() = default;

SharedRequestPtr FleetClaims::prepare(const graphql::RequestView& view, const Reading& reading,
                                      std::string_view request_id, std::int64_t at_ms) const {
    auto request = std::make_shared<SharedRequest>();
    const Reading shared = identifier_->read_again(view, reading);
    for (const Digest& identity : shared.identities)
        request->keys.push_back(settings_.prefix + hex(identity));
    std::ranges::sort(request->keys);
    request->fingerprint = identifier_->text_of(shared.fingerprint);
    request->request_id = request_id;
    request->at_ms = at_ms;
    return request;
}

fleet::Command FleetClaims::claim_command(const Claim& claim, const std::string& key,
                                          const std::string& known, bool sent) const {
    const SharedRequest& request = *claim.request;
    return {"EVAL",
            std::string{claim_script},
            "1",
            key,
            claim.owner,
            milliseconds(settings_.lease),
            milliseconds(settings_.settle_for),
            request.fingerprint,
            request.request_id,
            std::to_string(request.at_ms),
            known,
            sent ? "sent" : ""};
}

fleet::Command FleetClaims::settle_command(const Claim& claim, const std::string& key,
                                           const Verdict& verdict) const {
    const SharedRequest& request = *claim.request;
    const std::string_view state = state_of(verdict.executed);
    return {"EVAL",
            std::string{settle_script},
            "1",
            key,
            claim.owner,
            std::string{state},
            milliseconds(state == "unknown" ? settings_.settle_for : settings_.remember),
            request.fingerprint,
            request.request_id,
            std::to_string(request.at_ms),
            verdict.found};
}

/// What the claim script's answer means for the request.
FleetAnswer FleetClaims::read(const std::optional<fleet::Value>& value, const SharedRequest& request,
                              const Elsewhere& known) const {
    using State = FleetAnswer::State;
    constexpr std::size_t fields = 7;
    FleetAnswer answer;
    const bool is_list = value && value->kind == fleet::Value::Kind::list && !value->list.empty();
    const std::string_view word = is_list ? std::string_view{value->list.front().text} : std::string_view{};
    if (word == "ours") {
        answer.state = State::ours;
        return answer;
    }
    if (!is_list || value->list.size() < fields) { // also "lost" and "freed"
        answer.state = known.owner.empty() ? State::away : State::sent;
        answer.elsewhere = known;
        return answer;
    }
    const auto text = [&list = value->list](std::size_t at) -> const std::string& { return list[at].text; };
    const bool known_freed = known.owner.empty() || known.owner == text(1) || !text(fields - 1).empty();
    const auto theirs = identifier_->fingerprint_of(text(2));
    const bool other = theirs && theirs != identifier_->fingerprint_of(request.fingerprint);
    const bool executed = word == "executed";
    if (!known_freed && (other || !executed)) { // what the other owner does tells nothing of the known one
        answer.state = State::sent;
        answer.elsewhere = known;
        return answer;
    }
    answer.state = other ? State::key_reused : word == "in_flight" ? State::in_flight : State::sent;
    answer.elsewhere.owner = text(1);
    answer.elsewhere.executed = executed ? Executed::yes : Executed::unknown;
    answer.elsewhere.request_id = text(3);
    answer.elsewhere.at_ms = number_of(text(4));
    if (is_json(text(5)))
        answer.elsewhere.reconciled = text(5);
    return answer;
}

net::Task<FleetAnswer> FleetClaims::claim(SharedRequestPtr request, Elsewhere known) {
    using State = FleetAnswer::State;
    auto owner = owner_ + "." + std::to_string(++claims_);
    const auto claim =
        std::make_shared<Claim>(shared_from_this(), executor_, std::move(request), std::move(owner));
    auto asking = ask(claim, std::move(known));
    Asked asked = co_await std::move(asking);
    FleetAnswer& answer = asked.answer;
    const bool goes_alone = answer.state == State::away && !settings_.required && !stopping_;
    if (answer.state == State::ours || goes_alone) {
        try {
            hold(claim, asked.claimed == claim->request->keys.size());
        } catch (const std::exception&) { // no memory: it is not forwarded
            claim->settled(Executed::no, {});
            throw;
        }
        answer.claim = claim;
    } else if (asked.claimed != 0 || asked.unanswered) {
        claim->settled(Executed::no, {}); // it is free again
    }
    co_return std::move(answer);
}

/// The first key is claimed alone: one request of several that are the same gets it, and the others claim
/// nothing. The others are claimed at the same time.
net::Task<FleetClaims::Asked> FleetClaims::ask(ClaimPtr claim, Elsewhere known) {
    using State = FleetAnswer::State;
    const TimePoint end = BootClock::now() + longest_claim;
    const std::vector<std::string>& keys = claim->request->keys;
    Asked asked;
    asked.answer.state = State::ours;
    for (std::size_t from = 0, to = 1; from < keys.size(); from = std::exchange(to, keys.size())) {
        const Duration left = end - BootClock::now();
        if (stopping_ || left <= Duration{0})
            break;
        std::vector<fleet::Command> commands;
        for (std::size_t i = from; i < to; ++i)
            commands.push_back(claim_command(*claim, keys[i], known.owner, false));
        Values values(commands.size());
        try {
            auto calling = store_->call_all(std::move(commands), left);
            values = co_await std::move(calling);
        } catch (const std::exception&) { // no memory: they count as not answered
        }
        for (const auto& value : values) {
            FleetAnswer answer = read(value, *claim->request, known);
            asked.claimed += answer.state == State::ours ? 1 : 0;
            asked.unanswered = asked.unanswered || !value;
            if (weight(answer) > weight(asked.answer))
                asked.answer = std::move(answer);
        }
        const bool refused = asked.answer.state == State::away && !asked.unanswered; // that key's command
        if (asked.answer.state != State::ours && !refused)
            break;
    }
    if (asked.answer.state == State::ours && asked.claimed < keys.size())
        asked.answer = read(std::nullopt, *claim->request, known);
    co_return asked;
}

/// Of the answers for several keys the one that counts has the greatest weight.
int FleetClaims::weight(const FleetAnswer& answer) noexcept {
    constexpr int executed = 5;
    switch (answer.state) {
    case FleetAnswer::State::ours:
        return 0;
    case FleetAnswer::State::away:
        return 1;
    case FleetAnswer::State::key_reused:
        return 2;
    case FleetAnswer::State::in_flight:
        return 3;
    case FleetAnswer::State::sent:
        break;
    }
    return answer.elsewhere.executed == Executed::yes ? executed : executed - 1;
}

Duration FleetClaims::pause_before(std::size_t attempt) {
    constexpr std::size_t most_doublings = 3;
    const Duration longest =
        std::min<Duration>(longest_poll, shortest_poll * (1U << std::min(attempt, most_doublings)));
    std::uniform_int_distribution<std::int64_t> jitter{longest.count() / 2, longest.count()};
    return Duration{jitter(dice_)};
}

void FleetClaims::stop(Duration within) noexcept {
    if (!std::exchange(stopping_, true))
        stop_by_ = BootClock::now() + within;
    wake_.set();
}

/// `confirmed`: the store has all of it. Otherwise the next renewal is soon: the others do not see what was
/// forwarded without a claim.
void FleetClaims::hold(const ClaimPtr& claim, bool confirmed) {
    const Duration third = settings_.lease / renewals_per_lease;
    claim->due = BootClock::now() + (confirmed ? third : std::min(retry_pause, third));
    const auto later = [](TimePoint due, const ClaimPtr& each) { return due < each->due; };
    held_.insert(std::upper_bound(held_.begin(), held_.end(), claim->due, later), claim);
    claim->place = Claim::Place::held;
    if (held_.front() == claim)
        wake_.set();
    work_if_needed();
}

/// The claim has a verdict. If memory runs out, it is written at its next renewal, or never: then others see
/// it as unknown.
void FleetClaims::settle_soon(const ClaimPtr& claim) noexcept {
    try {
        if (claim->place == Claim::Place::held)
            std::erase(held_, claim);
        if (claim->place == Claim::Place::settling || claim->place == Claim::Place::in_work)
            return;
        queue_settlement(claim);
        work_if_needed();
        wake_.set();
    } catch (const std::exception&) { // no memory
    }
}

void FleetClaims::queue_settlement(const ClaimPtr& claim) {
    claim->place = Claim::Place::nowhere;
    if (settling_.size() >= most_settlements) {
        settling_.front()->place = Claim::Place::nowhere;
        settling_.pop_front();
    }
    settling_.push_back(claim);
    claim->place = Claim::Place::settling;
    claim->due = BootClock::now() + settings_.remember;
}

void FleetClaims::work_if_needed() {
    if (std::exchange(working_, true))
        return;
    try {
        net::spawn(executor_, work(shared_from_this()), "fleet's claims");
    } catch (...) {
        working_ = false;
        throw;
    }
}

bool FleetClaims::has_work() const noexcept {
    if (stopping_)
        return !settling_.empty() && BootClock::now() < stop_by_;
    return !settling_.empty() || !held_.empty();
}

/// Renews leases and writes settlements as long as there are any.
net::Task<void> FleetClaims::work(std::shared_ptr<FleetClaims> self) {
    while (self->has_work()) {
        const TimePoint now = BootClock::now();
        const bool settles = !self->settling_.empty() && (self->stopping_ || now >= self->retry_at_);
        const bool renews = !self->stopping_ && !self->held_.empty() && now >= self->held_.front()->due;
        bool failed = false;
        try {
            if (renews) // first: a lease that ends is seen by others
                co_await self->renew_due();
            if (settles) {
                const bool written = co_await self->settle_queued();
                failed = !written;
            }
            if (!renews && !settles) {
                TimePoint next = self->settling_.empty() ? TimePoint::max() : self->retry_at_;
                if (!self->held_.empty())
                    next = std::min(next, self->held_.front()->due);
                co_await self->wait_until(next);
            }
        } catch (const std::exception&) { // no memory
            failed = true;
        }
        if (failed)
            self->retry_at_ = BootClock::now() + retry_pause;
    }
    self->let_go();
    self->working_ = false;
}

/// Nothing is renewed or written any more. Claims keep this object alive, so that it must not keep them.
void FleetClaims::let_go() noexcept {
    for (auto* const list : {&held_, &settling_}) {
        for (const ClaimPtr& claim : *list)
            claim->place = Claim::Place::nowhere;
        list->clear();
    }
}

/// Or until there is something new.
net::Task<void> FleetClaims::wait_until(TimePoint when) {
    net::Deadline pause{clock_, &net::Event::set_at_deadline, &wake_};
    pause.set(when);
    co_await wake_.wait();
}

/// Takes the claims out of the front of a list. Nothing can fail.
void FleetClaims::take_into_work(std::deque<ClaimPtr>& list, std::size_t count) noexcept {
    for (; count != 0; --count) {
        list.front()->place = Claim::Place::in_work;
        list.pop_front();
    }
}

net::Task<void> FleetClaims::renew_due() {
    std::vector<ClaimPtr> claims;
    std::vector<fleet::Command> commands;
    const TimePoint now = BootClock::now();
    for (const ClaimPtr& claim : held_) {
        if (claim->due > now || commands.size() >= most_at_once)
            break;
        claims.push_back(claim);
        for (const std::string& key : claim->request->keys)
            commands.push_back(claim_command(*claim, key, {}, true));
    }
    auto calling = store_->call_all(std::move(commands), longest_background_call);
    take_into_work(held_, claims.size());
    Values values;
    try {
        values = co_await std::move(calling);
    } catch (const std::exception&) { // no memory: nothing is confirmed
    }
    std::size_t at = 0;
    for (const ClaimPtr& claim : claims) {
        bool confirmed = true;
        for (std::size_t i = 0; i < claim->request->keys.size(); ++i, ++at)
            confirmed =
                confirmed && at < values.size() && values[at] && values[at]->kind == fleet::Value::Kind::list;
        renewed(claim, confirmed);
    }
}

void FleetClaims::renewed(const ClaimPtr& claim, bool confirmed) noexcept {
    claim->place = Claim::Place::nowhere;
    try {
        if (claim->has_verdict())
            queue_settlement(claim);
        else if (claim.use_count() == 1) // nobody can settle it any more
            claim->settled(Executed::unknown, {});
        else
            hold(claim, confirmed);
    } catch (const std::exception&) { // no memory: its lease ends, and what comes later is written
    }
}

/// Writes the settlements that have waited longest, those of one key one after the other. Returns false if
/// the store did not take all: those are tried again before any other, unless their time is over.
net::Task<bool> FleetClaims::settle_queued() {
    std::vector<Writing> writings;
    std::vector<fleet::Command> commands;
    std::set<std::string_view> keys;
    for (const ClaimPtr& claim : settling_) {
        const auto& names = claim->request->keys;
        const auto taken = [&keys](const std::string& key) { return keys.contains(key); };
        if (commands.size() >= most_at_once || std::ranges::any_of(names, taken))
            break;
        const auto verdict = claim->verdict();
        writings.push_back({claim, verdict ? verdict->number : 0});
        keys.insert(names.begin(), names.end());
        for (std::size_t i = 0; verdict && i < names.size(); ++i)
            commands.push_back(settle_command(*claim, names[i], *verdict));
    }
    auto calling = store_->call_all(std::move(commands), longest_background_call);
    take_into_work(settling_, writings.size());
    Values values;
    try {
        values = co_await std::move(calling);
    } catch (const std::exception&) { // no memory: nothing is written
    }
    std::size_t at = 0;
    for (Writing& writing : writings) {
        for (std::size_t i = 0; writing.number != 0 && i < writing.claim->request->keys.size(); ++i, ++at)
            writing.written = writing.written && at < values.size() && values[at] &&
                              values[at]->kind == fleet::Value::Kind::integer && values[at]->integer == 1;
        if (writing.written)
            writing.claim->forget_verdict(writing.number);
    }
    std::ranges::for_each(writings.rbegin(), writings.rend(),
                          [this](const Writing& each) { tried_to_write(each); });
    co_return std::ranges::all_of(writings, &Writing::written);
}

/// Puts it in front of the queue if it is not written, or if there is a later verdict.
void FleetClaims::tried_to_write(const Writing& writing) noexcept {
    Claim& claim = *writing.claim;
    claim.place = Claim::Place::nowhere;
    try {
        const auto verdict = claim.verdict();
        const bool is_new = verdict && verdict->number != writing.number;
        const bool gives_up = stopping_ || BootClock::now() >= claim.due;
        if (!verdict || (!is_new && gives_up) || settling_.size() >= most_settlements)
            return;
        settling_.push_front(writing.claim);
        claim.place = Claim::Place::settling;
        if (is_new)
            claim.due = BootClock::now() + settings_.remember;
    } catch (const std::exception&) { // no memory: others see it as unknown
    }
}

} // namespace bearerd::transaction
