#include <bearerd/transaction/fleet_claims.hpp>

#include "fleet_scripts.hpp"

#include <bearerd/base/hex.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/fleet/random_name.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/net/spawn.hpp>
#include <bearerd/net/wait_until.hpp>

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

/// A renewal or a settlement may take longer than a claim, because no request waits for it.
constexpr Duration longest_background_call = 500ms;
constexpr Duration retry_pause = 500ms;
constexpr Duration longest_retry_pause = 1min; // of a settlement that the store refuses
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

/// The first word of what the claim script returns.
enum class Word : std::uint8_t { none, ours, freed, lost, in_flight, unknown, executed };

Word word_of(const std::optional<fleet::Value>& value) noexcept {
    constexpr std::pair<std::string_view, Word> words[] = {
        {"ours", Word::ours},           {"freed", Word::freed},     {"lost", Word::lost},
        {"in_flight", Word::in_flight}, {"unknown", Word::unknown}, {"executed", Word::executed}};
    if (!value || value->kind != fleet::Value::Kind::list || value->list.empty())
        return Word::none;
    const std::string_view text = value->list.front().text;
    const auto* const found = std::ranges::find(words, text, &std::pair<std::string_view, Word>::first);
    return found == std::end(words) ? Word::none : found->second;
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

/// Whether a text from the store can be passed on as JSON: others may write there, too.
bool is_json(std::string_view text) noexcept {
    json::Scan scan{text};
    return text.size() <= FleetClaims::longest_found && scan.skip() && scan.finish();
}

} // namespace

FleetClaims::Writing::Result FleetClaims::result_of(const std::optional<fleet::Value>& value) noexcept {
    using Result = Writing::Result;
    if (!value)
        return Result::unanswered;
    const bool written = value->kind == fleet::Value::Kind::integer && value->integer == 1;
    return written ? Result::written : Result::refused;
}

/// How a claim was settled.
struct FleetClaims::Verdict {
    Executed executed = Executed::unknown;
    std::string found{};
    std::uint64_t number = 0; ///< counts this claim's verdicts from 1
};

/// One request's claim, under an owner of its own, so that no command that comes late can touch another
/// one's. It keeps its FleetClaims alive, because what was unknown may be settled long after a reload.
class FleetClaims::Claim final : public SharedClaim, public std::enable_shared_from_this<Claim> {
public:
    enum class Place : std::uint8_t { nowhere, held, settling, paused, in_work };

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

    /// Returns false only if the store confirmed all of the claim before the request went on, and has not
    /// named another owner since.
    [[nodiscard]] bool others_may_have_executed() const noexcept override {
        return !confirmed_at_first_ || standing_ == Standing::theirs || standing_ == Standing::closed;
    }

    [[nodiscard]] State check() noexcept override {
        if (standing_ == Standing::theirs)
            standing_ = Standing::closed;
        if (standing_ == Standing::closed)
            return State::closed;
        return standing_ == Standing::unconfirmed && claims_->can_ask() ? State::ask : State::open;
    }

    [[nodiscard]] net::Task<void> ask() override { return FleetClaims::ask_again(shared_from_this()); }

    [[nodiscard]] outcome::ErrorCode closed_as() const noexcept override {
        if (theirs_.state == FleetAnswer::State::key_reused)
            return outcome::ErrorCode::key_reused;
        const bool executed = theirs_.elsewhere.executed == Executed::yes;
        return executed ? outcome::ErrorCode::already_executed : outcome::ErrorCode::outcome_unknown;
    }

    [[nodiscard]] const FleetAnswer* why_closed() const noexcept override {
        return standing_ == Standing::closed ? &theirs_ : nullptr;
    }

    [[nodiscard]] FleetClaims& claims() const noexcept { return *claims_; }

    /// Notes that the request goes on. `confirmed`: the store has all of the claim.
    void begin(bool confirmed) noexcept {
        confirmed_at_first_ = confirmed;
        standing_ = confirmed ? Standing::ours : Standing::unconfirmed;
    }

    /// Takes a later answer of the store. A missing answer changes nothing.
    void hear(Asked asked) noexcept {
        if (standing_ == Standing::closed)
            return;
        if (asked.claimed == request->keys.size()) {
            standing_ = Standing::ours;
        } else if (asked.answer.state != FleetAnswer::State::ours &&
                   asked.answer.state != FleetAnswer::State::no_answer &&
                   asked.answer.elsewhere.owner != owner) {
            standing_ = Standing::theirs;
            theirs_ = std::move(asked.answer);
        }
    }

    /// Returns the last verdict that the store does not have yet; nullopt: there is none. Throws for lack of
    /// memory.
    [[nodiscard]] std::optional<Verdict> verdict() {
        const std::lock_guard lock{mutex_};
        return verdict_;
    }

    [[nodiscard]] bool has_verdict() noexcept {
        const std::lock_guard lock{mutex_};
        return verdict_.has_value();
    }

    /// Forgets the verdict, which the store has now, unless there is a later one.
    void forget_verdict(std::uint64_t number) noexcept {
        const std::lock_guard lock{mutex_};
        if (verdict_ && verdict_->number == number)
            verdict_.reset();
    }

    const SharedRequestPtr request;
    const std::string owner;
    Place place = Place::nowhere; ///< the thread's own, as the following are
    TimePoint due{};              ///< held: of the next renewal; settling or paused: when it is given up
    TimePoint retry_at{};         ///< paused
    std::uint32_t refusals = 0;   ///< of its settlement, in a row
    bool minor = false;           ///< the store may not have got it, and its request was not forwarded

private:
    /// The store's last word.
    enum class Standing : std::uint8_t {
        unconfirmed,
        ours,   ///< the store has all of the claim
        theirs, ///< another owner has the transaction
        closed, ///< the same, and the request has been called off because of it: it stays so
    };

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
    bool confirmed_at_first_ = false; ///< the thread's own, as the following are
    Standing standing_ = Standing::unconfirmed;
    FleetAnswer theirs_; ///< theirs, closed: what the other owner has
};

FleetClaims::FleetClaims(std::shared_ptr<fleet::Store> store, std::shared_ptr<const Identifier> identifier,
                         Settings settings, net::Executor executor, net::DeadlineClock& clock, Stats& stats)
    : store_{std::move(store)},
      identifier_{std::move(identifier)},
      settings_{std::move(settings)},
      executor_{executor},
      clock_{clock},
      owner_{fleet::random_name()},
      stats_{stats},
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

/// Returns what the claim script's answer means for the request.
FleetAnswer FleetClaims::read(const std::optional<fleet::Value>& value, const SharedRequest& request,
                              const Elsewhere& known) const {
    using State = FleetAnswer::State;
    constexpr std::size_t fields = 7;
    FleetAnswer answer;
    const Word word = word_of(value);
    if (word == Word::ours) {
        answer.state = State::ours;
        return answer;
    }
    // "lost", and "freed": the command came late.
    const bool is_theirs = word == Word::in_flight || word == Word::unknown || word == Word::executed;
    if (!is_theirs || value->list.size() < fields) {
        answer.state = known.owner.empty() ? State::no_answer : State::sent;
        answer.elsewhere = known;
        return answer;
    }
    const auto text = [&list = value->list](std::size_t at) -> const std::string& { return list[at].text; };
    const bool known_freed = known.owner.empty() || known.owner == text(1) || !text(fields - 1).empty();
    const auto theirs = identifier_->fingerprint_of(text(2));
    const bool other = theirs && theirs != identifier_->fingerprint_of(request.fingerprint);
    const bool executed = word == Word::executed;
    if (!known_freed && (other || !executed)) { // what the other owner does says nothing about the known one
        answer.state = State::sent;
        answer.elsewhere = known;
        return answer;
    }
    answer.state = other ? State::key_reused : word == Word::in_flight ? State::in_flight : State::sent;
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
    auto owner = owner_ + "." + std::to_string(++last_claim_number_);
    const auto claim =
        std::make_shared<Claim>(shared_from_this(), executor_, std::move(request), std::move(owner));
    Asked asked;
    try {
        auto asking = ask(claim, std::move(known), TimePoint::max());
        asked = co_await std::move(asking);
    } catch (const std::exception&) { // no memory: it is not forwarded, and the store may have part of it
        claim->settled(Executed::no, {});
        throw;
    }
    FleetAnswer& answer = asked.answer;
    const bool goes_alone = answer.state == State::no_answer && !settings_.required && !stopping_;
    if (answer.state == State::ours || goes_alone) {
        const bool confirmed = asked.claimed == claim->request->keys.size();
        claim->begin(confirmed);
        try {
            hold(claim, confirmed);
        } catch (const std::exception&) { // no memory: it is not forwarded
            claim->settled(Executed::no, {});
            throw;
        }
        if (!confirmed)
            note_unclaimed(*claim->request);
        answer.claim = claim;
    } else if (asked.claimed != 0 || asked.may_hold_more) {
        claim->minor = asked.claimed == 0;
        claim->settled(Executed::no, {}); // it is free again
    }
    co_return std::move(answer);
}

/// Claims the first key alone: of several requests that are the same, one gets it, and the others claim
/// nothing. Then claims all other keys at once.
net::Task<FleetClaims::Asked> FleetClaims::ask(ClaimPtr claim, Elsewhere known, TimePoint end) {
    using State = FleetAnswer::State;
    using Presence = fleet::Store::Presence;
    const std::vector<std::string>& keys = claim->request->keys;
    Asked asked;
    asked.answer.state = State::ours;
    for (std::size_t from = 0, to = 1; from < keys.size(); from = std::exchange(to, keys.size())) {
        const TimePoint now = BootClock::now();
        if (stopping_ || now >= end)
            break;
        std::vector<fleet::Command> commands;
        for (std::size_t i = from; i < to; ++i)
            commands.push_back(claim_command(*claim, keys[i], known.owner, false));
        const Presence presence = store_->presence();
        const Duration longest = presence == Presence::starting ? longest_first_claim : longest_claim;
        auto calling = call_all(std::move(commands), std::min<Duration>(longest, end - now));
        const Values values = co_await std::move(calling);
        for (const auto& value : values)
            add_answer(asked, value, *claim->request, known);
        asked.may_hold_more = asked.may_hold_more || (asked.unanswered && presence != Presence::away);
        const bool refused =
            asked.answer.state == State::no_answer && !asked.unanswered; // that key's command
        if (asked.answer.state != State::ours && !refused)
            break;
    }
    if (asked.answer.state == State::ours && asked.claimed < keys.size())
        asked.answer = read(std::nullopt, *claim->request, known);
    co_return asked;
}

/// Returns an answer, or none, for each command. If memory is short, this call throws, and not the wait for
/// what it returns: callers have moved their claims by then.
net::Task<FleetClaims::Values> FleetClaims::call_all(std::vector<fleet::Command> commands, Duration within) {
    Values none(commands.size());
    return answers(store_, std::move(commands), within, std::move(none));
}

net::Task<FleetClaims::Values> FleetClaims::answers(std::shared_ptr<fleet::Store> store,
                                                    std::vector<fleet::Command> commands, Duration within,
                                                    Values values) {
    try {
        auto calling = store->call_all(std::move(commands), within);
        values = co_await std::move(calling);
    } catch (const std::exception&) { // no memory: they count as not answered
    }
    co_return values;
}

/// Called directly before the request is sent, if the store has not confirmed its claim.
net::Task<void> FleetClaims::ask_again(ClaimPtr claim) {
    try {
        auto asking = claim->claims().ask(claim, {}, BootClock::now() + longest_claim);
        Asked asked = co_await std::move(asking);
        claim->hear(std::move(asked));
    } catch (const std::exception&) { // no memory: it counts as not answered
    }
}

/// Whether asking the store now may help.
bool FleetClaims::can_ask() const noexcept {
    return !stopping_ && store_->presence() == fleet::Store::Presence::ready;
}

void FleetClaims::add_answer(Asked& asked, const std::optional<fleet::Value>& value,
                             const SharedRequest& request, const Elsewhere& known) const {
    FleetAnswer answer = read(value, request, known);
    asked.claimed += answer.state == FleetAnswer::State::ours ? 1 : 0;
    asked.unanswered = asked.unanswered || !value;
    if (weight(answer) > weight(asked.answer))
        asked.answer = std::move(answer);
}

void FleetClaims::note_unclaimed(const SharedRequest& request) noexcept {
    stats_.fleet_unclaimed.add();
    if (unclaimed_lines_.is_due(BootClock::now()))
        log::warning(
            "the store of the fleet has not confirmed a transaction's claim: it goes on all the same, "
            "and another replica may have executed it; so may others after it, which are counted",
            {{"request_id", std::string_view{request.request_id}}});
}

void FleetClaims::note_dropped(const SharedRequest& request) noexcept {
    stats_.fleet_dropped.add();
    if (dropped_lines_.is_due(BootClock::now()))
        log::warning("too many outcomes wait for the store of the fleet: one is dropped, so that other "
                     "replicas do not learn it; so may others after it, which are counted",
                     {{"request_id", std::string_view{request.request_id}}});
}

/// Returns the weight of an answer: of the answers for several keys, the one with the greatest weight counts.
int FleetClaims::weight(const FleetAnswer& answer) noexcept {
    constexpr int executed = 5;
    switch (answer.state) {
    case FleetAnswer::State::ours:
        return 0;
    case FleetAnswer::State::no_answer:
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
    const TimePoint end = BootClock::now() + within;
    stop_by_ = std::exchange(stopping_, true) ? std::min(stop_by_, end) : end;
    wake_.set();
}

/// Plans the claim's next renewal. `answered`: the store has all of it. Otherwise the renewal is soon,
/// because other replicas do not see what was forwarded without a claim.
void FleetClaims::hold(const ClaimPtr& claim, bool answered) {
    const Duration third = settings_.lease / renewals_per_lease;
    claim->due = BootClock::now() + (answered ? third : std::min(retry_pause, third));
    const auto later = [](TimePoint due, const ClaimPtr& each) { return due < each->due; };
    held_.insert(std::upper_bound(held_.begin(), held_.end(), claim->due, later), claim);
    claim->place = Claim::Place::held;
    if (held_.front() == claim)
        wake_.set();
    work_if_needed();
}

/// Queues the claim's verdict. If memory runs out, it is written at the claim's next renewal, or never: then
/// others see it as unknown.
void FleetClaims::settle_soon(const ClaimPtr& claim) noexcept {
    try {
        if (claim->place == Claim::Place::held)
            take_from_held(claim);
        if (claim->place != Claim::Place::held && claim->place != Claim::Place::nowhere)
            return;
        queue_settlement(claim);
        work_if_needed();
        wake_.set();
    } catch (const std::exception&) { // no memory
    }
}

/// Takes the claim out, which it finds by its due time, since thousands may be in flight.
void FleetClaims::take_from_held(const ClaimPtr& claim) noexcept {
    const auto due = [](const ClaimPtr& each) { return each->due; };
    const auto first = std::ranges::lower_bound(held_, claim->due, {}, due);
    const auto at = std::find(first, held_.end(), claim);
    if (at != held_.end())
        held_.erase(at);
}

void FleetClaims::queue_settlement(const ClaimPtr& claim) {
    claim->place = Claim::Place::nowhere;
    if (!make_room_for(*claim))
        return;
    claim->due = BootClock::now() + settings_.remember;
    place_in_queue(claim, settling_.end());
}

/// Drops the settlement that matters least if there is no room. Returns false if that is this claim's. What
/// matters least is a claim that the store may not have got, of a request that was not forwarded: it delays
/// nobody for longer than its lease, and executes nothing.
bool FleetClaims::make_room_for(const Claim& claim) noexcept {
    const bool full = settling_.size() + paused_.size() >= settings_.most_settlements;
    if (claim.minor && (full || minor_ >= most_minor_settlements)) {
        note_dropped(*claim.request);
        return false;
    }
    if (!full)
        return true;
    auto victim = settling_.begin();
    if (minor_ != 0)
        victim = std::ranges::find_if(settling_, [](const ClaimPtr& each) { return each->minor; });
    if (victim != settling_.end())
        drop(settling_, victim);
    else if (!paused_.empty())
        drop(paused_, paused_.begin());
    return true;
}

void FleetClaims::drop(std::deque<ClaimPtr>& list, std::deque<ClaimPtr>::iterator which) noexcept {
    const ClaimPtr claim = *which;
    note_dropped(*claim->request);
    minor_ -= &list == &settling_ && claim->minor ? 1 : 0;
    claim->place = Claim::Place::nowhere;
    list.erase(which);
}

void FleetClaims::place_in_queue(const ClaimPtr& claim, std::deque<ClaimPtr>::iterator where) {
    settling_.insert(where, claim);
    claim->place = Claim::Place::settling;
    minor_ += claim->minor ? 1 : 0;
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
    const bool settles = !settling_.empty() || !paused_.empty();
    return stopping_ ? settles && BootClock::now() < stop_by_ : settles || !held_.empty();
}

/// Renews leases and writes settlements as long as there are any.
net::Task<void> FleetClaims::work(std::shared_ptr<FleetClaims> self) {
    while (self->has_work()) {
        bool failed = false;
        bool no_memory = false;
        try {
            const TimePoint now = BootClock::now();
            self->end_pauses(now);
            const bool settles = !self->settling_.empty() && (self->stopping_ || now >= self->retry_at_);
            const bool renews = !self->stopping_ && !self->held_.empty() && now >= self->held_.front()->due;
            if (renews) // first: a lease that ends is seen by others
                co_await self->renew_due();
            if (settles) {
                const bool answered = co_await self->settle_queued();
                failed = !answered;
            }
            if (!renews && !settles)
                co_await net::wait_until(self->wake_, self->clock_, self->next_due());
        } catch (const std::exception&) {
            no_memory = true;
        }
        if (failed || no_memory)
            self->retry_at_ = BootClock::now() + retry_pause;
        if (!no_memory)
            continue;
        try { // other requests of this thread may free some
            co_await net::wait_until(self->wake_, self->clock_, self->retry_at_);
        } catch (const std::exception&) {
        }
    }
    self->let_go();
    self->working_ = false;
}

TimePoint FleetClaims::next_due() const noexcept {
    TimePoint next = settling_.empty() ? TimePoint::max() : retry_at_;
    if (!held_.empty())
        next = std::min(next, held_.front()->due);
    if (!paused_.empty())
        next = std::min(next, paused_.front()->retry_at);
    return next;
}

/// Lets go of all claims once nothing is renewed or written any more: they keep this object alive, so it must
/// not keep them.
void FleetClaims::let_go() noexcept {
    for (auto* const list : {&held_, &settling_, &paused_}) {
        for (const ClaimPtr& claim : *list)
            claim->place = Claim::Place::nowhere;
        list->clear();
    }
    minor_ = 0;
}

/// Takes claims from the front of a list. Can't fail.
void FleetClaims::take_into_work(std::deque<ClaimPtr>& list, std::size_t count) noexcept {
    for (; count != 0; --count) {
        Claim& claim = *list.front();
        minor_ -= &list == &settling_ && claim.minor ? 1 : 0;
        claim.place = Claim::Place::in_work;
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
    auto calling = call_all(std::move(commands), longest_background_call);
    take_into_work(held_, claims.size());
    const Values values = co_await std::move(calling);
    std::size_t at = 0;
    for (const ClaimPtr& claim : claims) {
        bool answered = true;
        Asked asked;
        asked.answer.state = FleetAnswer::State::ours;
        for (std::size_t i = 0; i < claim->request->keys.size(); ++i, ++at) {
            const auto& value = values[at];
            answered = answered && value && value->kind == fleet::Value::Kind::list;
            add_answer(asked, value, *claim->request, {});
        }
        claim->hear(std::move(asked));
        renewed(claim, answered);
    }
}

void FleetClaims::renewed(const ClaimPtr& claim, bool answered) noexcept {
    claim->place = Claim::Place::nowhere;
    try {
        if (claim->has_verdict())
            queue_settlement(claim);
        else if (claim.use_count() == 1) // nobody can settle it any more
            claim->settled(Executed::unknown, {});
        else
            hold(claim, answered);
    } catch (const std::exception&) { // no memory: its lease ends, and what comes later is written
    }
}

/// Queues refused settlements again, after all others, once their pauses are over.
void FleetClaims::end_pauses(TimePoint now) {
    while (!paused_.empty() && (stopping_ || paused_.front()->retry_at <= now)) {
        place_in_queue(paused_.front(), settling_.end());
        paused_.pop_front();
    }
}

/// Writes the settlements that have waited longest, those of one key one after the other. Returns false if
/// the store did not answer all: those are tried again before any other, unless their time is over.
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
    auto calling = call_all(std::move(commands), longest_background_call);
    take_into_work(settling_, writings.size());
    const Values values = co_await std::move(calling);
    std::size_t at = 0;
    for (Writing& writing : writings) {
        for (std::size_t i = 0; writing.number != 0 && i < writing.claim->request->keys.size(); ++i, ++at)
            writing.result = std::max(writing.result, result_of(values[at]));
        if (writing.result == Writing::Result::written)
            writing.claim->forget_verdict(writing.number);
    }
    std::ranges::for_each(writings.rbegin(), writings.rend(),
                          [this](const Writing& each) { tried_to_write(each); });
    co_return std::ranges::find(writings, Writing::Result::unanswered, &Writing::result) == writings.end();
}

/// Puts the settlement in front of the queue if the store did not answer, or if there is a later verdict.
void FleetClaims::tried_to_write(const Writing& writing) noexcept {
    using Result = Writing::Result;
    Claim& claim = *writing.claim;
    claim.place = Claim::Place::nowhere;
    if (writing.result != Result::refused)
        claim.refusals = 0;
    try {
        const auto verdict = claim.verdict();
        const bool is_new = verdict && verdict->number != writing.number;
        const bool gives_up = stopping_ || BootClock::now() >= claim.due;
        if (!verdict || (!is_new && gives_up) || !make_room_for(claim))
            return;
        if (is_new)
            claim.due = BootClock::now() + settings_.remember;
        if (writing.result == Result::refused && !stopping_)
            pause(writing.claim);
        else
            place_in_queue(writing.claim, settling_.begin());
    } catch (const std::exception&) { // no memory: others see it as unknown
    }
}

/// Delays a settlement that the store has refused: an error that concerns this claim's keys alone must not
/// delay others.
void FleetClaims::pause(const ClaimPtr& claim) {
    constexpr std::uint32_t most_doublings = 7;
    const Duration wait = retry_pause * (1U << std::min(claim->refusals++, most_doublings));
    claim->retry_at = BootClock::now() + std::min<Duration>(wait, longest_retry_pause);
    const auto later = [](TimePoint at, const ClaimPtr& each) { return at < each->retry_at; };
    paused_.insert(std::upper_bound(paused_.begin(), paused_.end(), claim->retry_at, later), claim);
    claim->place = Claim::Place::paused;
}

} // namespace bearerd::transaction
