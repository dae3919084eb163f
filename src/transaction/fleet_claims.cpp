#include <bearerd/transaction/fleet_claims.hpp>

#include "fleet_scripts.hpp"

#include <bearerd/net/spawn.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <utility>

namespace bearerd::transaction {
namespace {

using graphql::Executed;
using namespace std::chrono_literals;

/// A renewal or a settlement has longer than a claim: no request waits for it.
constexpr Duration longest_background_call = 500ms;
constexpr Duration retry_pause = 500ms;
constexpr Duration shortest_poll = 50ms;
constexpr Duration longest_poll = 400ms;
constexpr int renewals_per_lease = 3;

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

} // namespace

/// How a claim was settled.
struct FleetClaims::Verdict {
    Executed executed = Executed::unknown;
    std::string found{};
};

/// One request's claim, under an owner of its own, so that no command that comes late can touch another
/// one's.
class FleetClaims::Claim final : public ClaimHolder, public std::enable_shared_from_this<Claim> {
public:
    enum class Place : std::uint8_t { nowhere, held, settling, in_work };

    Claim(std::weak_ptr<FleetClaims> claims, net::Executor executor, SharedRequestPtr of, std::string by)
        : request{std::move(of)},
          owner{std::move(by)},
          claims_{std::move(claims)},
          executor_{std::move(executor)} {}

    void settled(Executed executed, std::string_view reconciled) noexcept override {
        try {
            Verdict verdict{executed, {}};
            if (reconciled.size() <= longest_found)
                verdict.found = reconciled;
            const std::lock_guard lock{mutex_};
            verdict_ = std::move(verdict);
        } catch (const std::exception&) { // no memory
            const std::lock_guard lock{mutex_};
            verdict_.emplace().executed = executed;
        }
        try {
            net::asio::post(executor_, [self = shared_from_this()] {
                if (const auto claims = self->claims_.lock())
                    claims->settle_soon(self);
            });
        } catch (const std::exception&) { // no memory: the next renewal sees the verdict
        }
    }

    [[nodiscard]] bool has_verdict() {
        const std::lock_guard lock{mutex_};
        return verdict_.has_value();
    }

    [[nodiscard]] std::optional<Verdict> take_verdict() {
        const std::lock_guard lock{mutex_};
        return std::exchange(verdict_, std::nullopt);
    }

    /// One that could not be written, unless there is a later one.
    void put_back(Verdict verdict) {
        const std::lock_guard lock{mutex_};
        if (!verdict_)
            verdict_ = std::move(verdict);
    }

    const SharedRequestPtr request;
    const std::string owner;
    Place place = Place::nowhere; ///< the thread's own, as the following are
    TimePoint due{};              ///< held: of the next renewal; settling: when it is given up

private:
    std::weak_ptr<FleetClaims> claims_;
    net::Executor executor_;
    std::mutex mutex_;
    std::optional<Verdict> verdict_; ///< that the store does not have yet
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
                                          const std::string& known) const {
    const SharedRequest& request = *claim.request;
    return {"EVAL",
            std::string{claim_script},
            "1",
            key,
            claim.owner,
            milliseconds(settings_.lease),
            milliseconds(settings_.remember),
            request.fingerprint,
            request.request_id,
            std::to_string(request.at_ms),
            known};
}

fleet::Command FleetClaims::settle_command(const Claim& claim, const std::string& key,
                                           const Verdict& verdict) const {
    const SharedRequest& request = *claim.request;
    return {"EVAL",
            std::string{settle_script},
            "1",
            key,
            claim.owner,
            std::string{state_of(verdict.executed)},
            milliseconds(settings_.remember),
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
    answer.elsewhere.reconciled = text(5);
    return answer;
}

net::Task<FleetAnswer> FleetClaims::claim(SharedRequestPtr request, Elsewhere known) {
    using State = FleetAnswer::State;
    auto owner = owner_ + "." + std::to_string(++claims_);
    const auto claim =
        std::make_shared<Claim>(weak_from_this(), executor_, std::move(request), std::move(owner));
    const TimePoint end = BootClock::now() + longest_claim;
    FleetAnswer answer;
    bool may_be_claimed = false;
    for (const std::string& key : claim->request->keys) {
        const Duration left = end - BootClock::now();
        std::optional<fleet::Value> value;
        const bool asks = left > Duration{0} && !stopping_;
        if (asks) {
            auto call = store_->call(claim_command(*claim, key, known.owner), left);
            value = co_await std::move(call);
        }
        answer = read(value, *claim->request, known);
        may_be_claimed = may_be_claimed || (asks && !value) || answer.state == State::ours;
        if (answer.state != State::ours)
            break;
    }
    const bool forwards = answer.state == State::ours || (answer.state == State::away && !settings_.required);
    if (forwards) {
        hold(claim);
        answer.claim = claim;
    } else if (may_be_claimed) {
        claim->settled(Executed::no, {}); // it is free again
    }
    co_return answer;
}

Duration FleetClaims::pause_before(std::size_t attempt) {
    constexpr std::size_t most_doublings = 3;
    const Duration longest =
        std::min<Duration>(longest_poll, shortest_poll * (1U << std::min(attempt, most_doublings)));
    std::uniform_int_distribution<std::int64_t> jitter{longest.count() / 2, longest.count()};
    return Duration{jitter(dice_)};
}

void FleetClaims::stop() noexcept {
    stopping_ = true;
    wake_.set();
}

void FleetClaims::hold(const ClaimPtr& claim) {
    claim->due = BootClock::now() + settings_.lease / renewals_per_lease;
    held_.push_back(claim);
    claim->place = Claim::Place::held;
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

/// Writes settlements and renews leases, one after the other, as long as there are any.
net::Task<void> FleetClaims::work(std::shared_ptr<FleetClaims> self) {
    while (!self->settling_.empty() || (!self->held_.empty() && !self->stopping_)) {
        const TimePoint now = BootClock::now();
        const bool settles = !self->settling_.empty() && (self->stopping_ || now >= self->retry_at_);
        const bool renews = !self->stopping_ && !self->held_.empty() && now >= self->held_.front()->due;
        bool failed = false;
        try {
            if (renews) { // first: a lease that ends is seen by others
                co_await self->renew_next();
            } else if (settles) {
                const bool written = co_await self->settle_next();
                failed = !written;
            } else {
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
    self->working_ = false;
}

/// Or until there is something new.
net::Task<void> FleetClaims::wait_until(TimePoint when) {
    net::Deadline pause{clock_, &net::Event::set_at_deadline, &wake_};
    pause.set(when);
    co_await wake_.wait();
}

net::Task<void> FleetClaims::renew_next() {
    const ClaimPtr claim = held_.front();
    held_.pop_front();
    claim->place = Claim::Place::in_work;
    bool answers = !claim->has_verdict();
    for (std::size_t i = 0; answers && i < claim->request->keys.size(); ++i) {
        auto call = store_->call(claim_command(*claim, claim->request->keys[i], {}), longest_background_call);
        const auto value = co_await std::move(call);
        answers = value.has_value();
    }
    if (claim->has_verdict())
        queue_settlement(claim);
    else
        hold(claim);
}

/// Returns false if the store did not take it: it is tried again later, unless its time is over.
net::Task<bool> FleetClaims::settle_next() {
    const ClaimPtr claim = settling_.front();
    settling_.pop_front();
    claim->place = Claim::Place::in_work;
    auto verdict = claim->take_verdict();
    bool written = true;
    if (verdict) {
        auto writing = write(claim, *verdict);
        written = co_await std::move(writing);
    }
    const TimePoint give_up_at = claim->due;
    claim->place = Claim::Place::nowhere;
    if (!written && (stopping_ || BootClock::now() >= give_up_at))
        co_return false;
    if (!written)
        claim->put_back(std::move(*verdict));
    if (claim->has_verdict()) {
        queue_settlement(claim);
        if (!written)
            claim->due = give_up_at;
    }
    co_return written;
}

net::Task<bool> FleetClaims::write(ClaimPtr claim, Verdict verdict) {
    bool written = true;
    for (const std::string& key : claim->request->keys) {
        auto call = store_->call(settle_command(*claim, key, verdict), longest_background_call);
        const auto value = co_await std::move(call);
        written = written && value && value->kind == fleet::Value::Kind::integer;
        if (!value)
            break;
    }
    co_return written;
}

} // namespace bearerd::transaction
