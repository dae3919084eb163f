#include "fleet_login.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/auth/token_seal.hpp>
#include <bearerd/fleet/random_name.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <exception>
#include <utility>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using fleet::Command;
using fleet::Value;
using StepKind = FleetMachine::Step::Kind;

constexpr Duration patience = 100ms;    // for an answer, before a login goes on alone: requests wait for it
constexpr Duration first_patience = 1s; // the same while the store has not been reached since the start
constexpr Duration background_patience = 1s; // for an answer that no request waits for
constexpr Duration collecting = 1s;          // swaps until the last of them is stored
constexpr Duration pause_when_away = 5s;
constexpr Duration rejections_kept = 24h;

constexpr std::array<const char*, 2> locks{"next_try", "retry_after"};

// Each script names one key, but for the one that forgets, whose first key counts.
constexpr const char* read_script = R"(
local found = redis.call('HMGET', KEYS[1], 'era', 'issued_at', 'serial', 'token', 'ends')
found[6] = redis.call('PTTL', KEYS[1])
return found)";

// A token that can't be opened, or whose version is out of range, is replaced by any other one.
constexpr const char* publish_script = R"(
local stored = redis.call('HMGET', KEYS[1], 'era', 'issued_at', 'serial', 'token')
if ARGV[7] == '' or stored[4] ~= ARGV[7] then
  for i = 1, 3 do
    local old, new = tonumber(stored[i] or '') or -1, tonumber(ARGV[i])
    if not (old >= 0 and old <= 4503599627370496) or new > old then break end
    if new < old or i == 3 then return 0 end
  end
end
redis.call('HSET', KEYS[1], 'era', ARGV[1], 'issued_at', ARGV[2], 'serial', ARGV[3], 'token', ARGV[4],
  'ends', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1)";

// A login without the store may know of fewer rejections than the others do.
constexpr const char* count_script = R"(
local known = tonumber(redis.call('GET', KEYS[1]) or '') or 0
if known > tonumber(ARGV[1]) then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1)";

// A login has succeeded ARGV[1] ms ago: what held up the others before does so no more. What came since does,
// as if the account was closed while the store was away. The key was set for ARGV[2] ms, or for as long as it
// says itself.
constexpr const char* forget_script = R"(
local left = redis.call('PTTL', KEYS[1])
local age = (tonumber(ARGV[2] or redis.call('GET', KEYS[1]) or '') or 0) - left
if left >= 0 and age >= 0 and age < tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', unpack(KEYS)))";

// What is left is more than the whole of it if the store's clock was set back: that lock does not count.
constexpr const char* wait_script = R"(
local left, whole = redis.call('PTTL', KEYS[1]), tonumber(redis.call('GET', KEYS[1]) or '') or 0
if left >= tonumber(ARGV[1]) and left <= whole + 1000 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[1])
return 1)";

constexpr const char* renew_script = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2]))";

constexpr const char* release_script = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1]))";

std::string ms_text(Duration value) {
    return std::to_string(
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(value).count()));
}

std::optional<std::int64_t> number_in(const Value& value) noexcept {
    if (value.kind == Value::Kind::integer)
        return value.integer;
    if (value.kind != Value::Kind::text)
        return std::nullopt;
    std::int64_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, failure] = std::from_chars(value.text.data(), end, number);
    return failure == std::errc{} && stop == end ? std::optional{number} : std::nullopt;
}

/// How long nobody may log in, as the script above has stored it. `left` and `whole`: in milliseconds.
std::optional<Duration> lock_in(const std::optional<Value>& left,
                                const std::optional<Value>& whole) noexcept {
    constexpr std::int64_t longest_ms = 86'400'000;
    constexpr std::int64_t slack_ms = 1000;
    const auto left_ms = left ? number_in(*left) : std::nullopt;
    const auto whole_ms = std::min(whole ? number_in(*whole).value_or(0) : 0, longest_ms);
    if (!left_ms || *left_ms <= 0 || *left_ms > whole_ms + slack_ms)
        return std::nullopt;
    return std::chrono::milliseconds{std::min(*left_ms, whole_ms)};
}

/// Milliseconds since the epoch in the answer to TIME.
std::optional<std::int64_t> time_in(const Value& value) noexcept {
    if (value.kind != Value::Kind::list || value.list.size() != 2)
        return std::nullopt;
    constexpr std::int64_t most = TokenVersion::largest / 1'000'000; // seconds; of no year that we see
    const auto seconds = number_in(value.list[0]);
    const auto micros = number_in(value.list[1]);
    if (!seconds || !micros || *seconds < 0 || *seconds > most || *micros < 0 || *micros >= 1'000'000)
        return std::nullopt;
    return *seconds * 1000 + *micros / 1000;
}

/// A name that no other lease has, and the lease's length: replicas may be configured with different ones
/// while a new configuration is rolled out. Throws std::runtime_error if there are no random numbers.
std::string owner_of_lease(Duration lease) {
    return fleet::random_name() + ":" + ms_text(lease);
}

/// Whether a lease lasts longer than its owner made it for. `left`: in milliseconds, or -1 if it has no end.
bool is_unending(const std::optional<Value>& left, const std::optional<Value>& owner) noexcept {
    constexpr std::int64_t longest_ms = 300'000; // that can be configured
    constexpr std::int64_t slack_ms = 1000;
    constexpr std::int64_t no_end = -1;
    const auto left_ms = left ? number_in(*left) : std::nullopt;
    if (!left_ms || !owner || owner->kind != Value::Kind::text)
        return false;
    const auto colon = owner->text.rfind(':');
    std::int64_t whole_ms = longest_ms; // if the owner does not say
    if (colon != std::string::npos)
        std::from_chars(owner->text.data() + colon + 1, owner->text.data() + owner->text.size(), whole_ms);
    whole_ms = std::clamp<std::int64_t>(whole_ms, 0, longest_ms);
    return *left_ms == no_end || *left_ms > whole_ms + slack_ms;
}

std::int64_t issue_time(const StoreWriter::TokenInUse& token) noexcept {
    return std::clamp<std::int64_t>(token.token->claims.issued_at.value_or(0), 0, TokenVersion::largest);
}

/// Returns what is sealed together with the token: otherwise someone who can write to the store could give an
/// old token a later version, or a longer life. `ends`: of its life, in milliseconds on the store's clock.
std::string purpose_of(const TokenVersion& version, std::int64_t ends) {
    std::string text{"token of the fleet"};
    for (const std::int64_t number : {version.era, version.issued_at, version.serial, ends})
        text.append(" ").append(std::to_string(number));
    return text;
}

} // namespace

/// Where the store has what this account shares, and how that is sealed.
struct FleetLogin::Place {
    fleet::KeysPtr keys;
    std::string url;
    Duration lease{};

    [[nodiscard]] std::string name(std::string_view what) const {
        return keys->prefix + std::string{what} + ":" + keys->password;
    }

    [[nodiscard]] KeySource source() const noexcept {
        return keys->from_key_file ? KeySource::key_file : KeySource::password;
    }

    [[nodiscard]] std::optional<std::string> sealed(const std::string& purpose, const Secret& plain) const {
        return seal({purpose, url, keys->account}, source(), keys->salt, keys->seal_key, plain);
    }

    [[nodiscard]] std::optional<TokenRecord> opened(const std::string& purpose,
                                                    std::string_view bytes) const {
        if (salt_of(bytes, source()) != keys->salt)
            return std::nullopt;
        const auto plain = unseal({purpose, url, keys->account}, source(), keys->seal_key, bytes);
        return plain ? decode_token_record(plain->reveal()) : std::nullopt;
    }
};

struct FleetLogin::Visit {
    Visit(PlacePtr where, net::Executor executor, bool is_renewal)
        : place{std::move(where)}, owner{owner_of_lease(place->lease)}, timer{executor}, renews{is_renewal} {}

    PlacePtr place;
    std::string owner;
    net::Timer timer;      ///< of a wait, later of the lease's renewal
    const bool renews;     ///< only the end of the token's life is near
    bool may_hold = false; ///< the lease has to be released
    bool over = false;
    std::optional<TokenRecord> token; ///< the last one that was read, if it could be opened
    Duration left{};
};

FleetLogin::FleetLogin(net::Executor executor, fleet::Store& store, World world)
    : executor_{executor}, store_{store}, world_{std::move(world)}, offer_timer_{executor} {}

FleetLogin::PlacePtr FleetLogin::place_of(const config::Settings& settings, fleet::KeysPtr keys) {
    if (!keys)
        return nullptr;
    return std::make_shared<const Place>(
        Place{std::move(keys), settings.upstream.url.text, settings.fleet.lease});
}

void FleetLogin::change(PlacePtr place) noexcept {
    machine_.forget();
    mine_generation_ = 0;
    forget_rejections_ = false;
    unreadable_.clear();
    place_ = std::move(place);
}

void FleetLogin::stop() noexcept {
    if (stopped_)
        return;
    try {
        leave(visit_, {});
    } catch (const std::exception&) { // no memory: the lease ends by itself
    }
    stopped_ = true;
    try {
        offer_timer_.cancel();
    } catch (const std::exception&) { // then it ends in its own time
    }
}

Moment FleetLogin::moment() const {
    return {world_.clock(), world_.jitter()};
}

bool FleetLogin::is_over(const Visit& visit) const noexcept {
    return stopped_ || visit.over || visit_.get() != &visit;
}

FleetLogin::VisitPtr FleetLogin::begin(bool renews) {
    visit_ = std::make_shared<Visit>(place_, executor_, renews);
    return visit_;
}

/// Returns the deadline of a command that no request waits for.
TimePoint FleetLogin::soon() const {
    return world_.clock() + background_patience;
}

net::Task<FleetLogin::Answers> FleetLogin::ask(std::vector<Command> commands, TimePoint until) {
    const Duration within = until - world_.clock();
    Answers answers(commands.size());
    if (within <= 0ns)
        co_return answers;
    answers = co_await store_.call_all(std::move(commands), within);
    for (auto& answer : answers)
        if (answer && answer->kind == Value::Kind::error)
            answer.reset();
    co_return answers;
}

/// Makes a token that an answer or the token store has brought known to the machine before another one is
/// compared with it.
void FleetLogin::note_swap(const StoreWriter::TokenInUse& token) {
    if (!token.token || token.token->generation == mine_generation_)
        return;
    static_cast<void>(machine_.swapped(issue_time(token)));
    mine_generation_ = token.token->generation;
}

net::Task<FleetLogin::Verdict> FleetLogin::enter(VisitPtr visit, TimePoint deadline) {
    note_swap(world_.current());
    auto step = machine_.begin(deadline, visit->renews);
    // Each answer has its own time: a store that gives all of them in time is not away, and a look that was
    // cut short would neither show a lock nor say that the store is slow.
    while (!is_over(*visit)) {
        const bool starts = store_.presence() == fleet::Store::Presence::starting;
        const TimePoint until = world_.clock() + (starts ? first_patience : patience);
        if (step.kind == StepKind::read) {
            step = co_await read(visit, until);
        } else if (step.kind == StepKind::take_lease) {
            step = co_await take_lease(visit, until);
        } else if (step.kind == StepKind::wait) {
            visit->timer.expires_after(step.delay);
            static_cast<void>(co_await visit->timer.async_wait(net::asio::as_tuple(net::asio::deferred)));
            step = machine_.on_waited();
        } else {
            break;
        }
    }
    Verdict verdict;
    verdict.step = step;
    verdict.rejections = machine_.rejections();
    if (is_over(*visit)) {
        leave(visit, {});
        co_return verdict;
    }
    if (step.kind == StepKind::adopt) {
        verdict.token = std::move(visit->token);
        verdict.left = visit->left;
    }
    if (step.kind == StepKind::log_in)
        net::spawn(executor_, renew(shared_from_this(), visit), "fleet lease");
    else if (step.kind != StepKind::log_in_alone && step.kind != StepKind::later)
        leave(visit, {});
    co_return verdict;
}

/// Reads what the store holds. A lock that was read counts even if other commands were not answered.
net::Task<FleetMachine::Step> FleetLogin::read(VisitPtr visit, TimePoint until) {
    const Place& place = *visit->place;
    std::vector<Command> commands;
    commands.push_back({"GET", place.name("rejections")});
    for (const char* const what : locks) {
        commands.push_back({"PTTL", place.name(what)});
        commands.push_back({"GET", place.name(what)});
    }
    commands.push_back({"EVAL", read_script, "1", place.name("token")});
    commands.push_back({"TIME"});
    const auto answers = co_await ask(std::move(commands), until);
    const auto& rejections = answers.at(0);
    const auto& stored = answers.at(5);
    const auto& time = answers.at(6);
    FleetMachine::Found found;
    found.next_try = lock_in(answers.at(1), answers.at(2));
    found.retry_after = lock_in(answers.at(3), answers.at(4));
    const auto store_time = time ? time_in(*time) : std::nullopt;
    const bool all = store_time && std::ranges::all_of(answers, [](const std::optional<Value>& each) {
                         return each.has_value();
                     });
    if (is_over(*visit) || (!all && !found.next_try && !found.retry_after))
        co_return machine_.on_no_answer();
    const auto count = rejections ? number_in(*rejections) : std::nullopt;
    found.rejections = static_cast<std::uint32_t>(std::clamp<std::int64_t>(count.value_or(0), 0, UINT32_MAX));
    if (stored && store_time)
        take_token(*visit, *stored, *store_time, found);
    co_return machine_.on_read(found, moment());
}

void FleetLogin::take_token(Visit& visit, const Value& stored, std::int64_t store_time,
                            FleetMachine::Found& found) {
    constexpr std::size_t fields = 6;
    constexpr std::int64_t longest_ms = 31 * 86'400'000LL;
    visit.token.reset();
    unreadable_.clear();
    if (stored.kind != Value::Kind::list || stored.list.size() != fields ||
        stored.list[3].kind != Value::Kind::text)
        return;
    const std::string& sealed = stored.list[3].text;
    const auto era = number_in(stored.list[0]);
    const auto issued = number_in(stored.list[1]);
    const auto serial = number_in(stored.list[2]);
    const auto ends = number_in(stored.list[4]);
    const auto kept_ms = number_in(stored.list[5]);
    const TokenVersion version{era.value_or(-1), issued.value_or(-1), serial.value_or(-1)};
    const bool in_range = version.is_in_range() && ends && *ends >= 0 && *ends <= TokenVersion::largest;
    auto token = in_range ? visit.place->opened(purpose_of(version, *ends), sealed) : std::nullopt;
    if (!token) {
        unreadable_ = sealed;
        return;
    }
    found.version = version;
    const auto left_ms = std::min({kept_ms.value_or(0), *ends - store_time, longest_ms});
    if (left_ms <= 0)
        return;
    const auto mine = world_.current().token;
    found.is_current = mine && mine->value.equals(token->token);
    found.left = std::min<Duration>(token->life, std::chrono::milliseconds{left_ms});
    visit.left = found.left;
    visit.token = std::move(token);
}

net::Task<FleetMachine::Step> FleetLogin::take_lease(VisitPtr visit, TimePoint until) {
    const Place& place = *visit->place;
    visit->may_hold = true; // unless the store says that it is another one's
    std::vector<Command> commands;
    commands.push_back({"SET", place.name("lease"), visit->owner, "NX", "PX", ms_text(place.lease)});
    commands.push_back({"TIME"});
    commands.push_back({"PTTL", place.name("lease")});
    commands.push_back({"GET", place.name("lease")});
    const auto answers = co_await ask(std::move(commands), until);
    const auto& taken = answers.at(0);
    const auto& time = answers.at(1);
    if (is_over(*visit) || !taken)
        co_return machine_.on_no_answer();
    if (taken->kind == Value::Kind::nil) {
        visit->may_hold = false;
        // It would hold up the whole fleet: the store's clock was set back, or somebody else wrote the key.
        if (is_unending(answers.at(2), answers.at(3)))
            co_return machine_.on_no_answer();
        co_return machine_.on_lease(false, 0, moment());
    }
    const auto now_ms = time ? time_in(*time) : std::nullopt;
    if (!now_ms)
        co_return machine_.on_no_answer();
    co_return machine_.on_lease(true, *now_ms, moment());
}

void FleetLogin::adopted(std::uint64_t generation) noexcept {
    machine_.adopted();
    mine_generation_ = generation;
}

/// Renews the lease until the visit ends. A lost lease is not taken again: what the login brings is stored
/// only if it is newer.
net::Task<void> FleetLogin::renew(std::shared_ptr<FleetLogin> self, VisitPtr visit) {
    const Place& place = *visit->place;
    while (!visit->over && !self->stopped_) {
        visit->timer.expires_after(place.lease / 3);
        static_cast<void>(co_await visit->timer.async_wait(net::asio::as_tuple(net::asio::deferred)));
        if (visit->over || self->stopped_)
            co_return;
        std::vector<Command> commands;
        commands.push_back(
            {"EVAL", renew_script, "1", place.name("lease"), visit->owner, ms_text(place.lease)});
        const auto renewed = co_await self->ask(std::move(commands), self->soon());
        if (renewed.at(0) && number_in(*renewed.at(0)) == 0)
            co_return;
    }
}

void FleetLogin::leave(VisitPtr visit, Report report) {
    if (!visit || std::exchange(visit->over, true))
        return;
    const bool logged_in = report.kind == Report::Kind::logged_in;
    TokenVersion version;
    // Other credentials came after the visit began, and the login was sent with them: it proves nothing about
    // the former ones, whose place this visit knows.
    if (visit->place != place_) {
        report = {};
        if (logged_in)
            offer_soon();
    } else if (logged_in) {
        version = machine_.logged_in(issue_time(report.token), world_.wall_ms());
        mine_generation_ = report.token.token->generation;
        login_at_ = report.token.token->received;
    }
    if (visit->may_hold || report.kind != Report::Kind::none)
        net::spawn(executor_, finish(shared_from_this(), visit, std::move(report), version), "fleet");
    try {
        visit->timer.cancel();
    } catch (const std::exception&) { // the renewal sees by itself that it is over
    }
}

/// The login at login_at_ has succeeded: what held up the others until then does so no more.
void FleetLogin::forget_obstacles(const Place& place, std::vector<Command>& commands) const {
    const auto age = std::to_string(age_ms());
    commands.push_back({"EVAL", forget_script, "2", place.name("rejections"), place.name("next_try"), age,
                        ms_text(rejections_kept)});
    commands.push_back({"EVAL", forget_script, "1", place.name("retry_after"), age});
}

/// Returns how long ago the last login of this replica was.
std::int64_t FleetLogin::age_ms() const {
    const auto age = std::chrono::floor<std::chrono::milliseconds>(world_.clock() - login_at_);
    return std::max<std::int64_t>(0, age.count());
}

/// Sends everything in one go, so that the lease is released only after what the others need to know is
/// stored. `version`: of the report's token.
net::Task<void> FleetLogin::finish(std::shared_ptr<FleetLogin> self, VisitPtr visit, Report report,
                                   TokenVersion version) {
    const Place& place = *visit->place;
    std::vector<Command> commands;
    if (report.kind == Report::Kind::rejected) {
        // The count first: the others look at it once they may try again.
        commands.push_back({"EVAL", count_script, "1", place.name("rejections"),
                            std::to_string(report.rejections), ms_text(rejections_kept)});
        commands.push_back({"EVAL", wait_script, "1", place.name("next_try"), ms_text(report.next_try)});
    }
    if (report.kind == Report::Kind::put_off)
        commands.push_back({"EVAL", wait_script, "1", place.name("retry_after"), ms_text(report.next_try)});
    if (report.kind == Report::Kind::logged_in)
        self->forget_obstacles(place, commands);
    if (visit->may_hold)
        commands.push_back({"EVAL", release_script, "1", place.name("lease"), visit->owner});
    if (report.kind != Report::Kind::logged_in) {
        static_cast<void>(co_await self->ask(std::move(commands), self->soon()));
        co_return;
    }
    bool answered = false;
    if (self->machine_.mine() == version) {
        answered =
            co_await self->publish(visit->place, std::move(report.token), version, std::move(commands));
    } else { // meanwhile it became another one, which is stored by itself, or another account's
        const auto answers = co_await self->ask(std::move(commands), self->soon());
        answered = answers.front().has_value();
    }
    if (answered || visit->place != self->place_)
        co_return;
    self->forget_rejections_ = true;
    self->offer_soon();
}

/// Returns the command that stores a token, or nullopt if it has ended or can't be sealed.
std::optional<Command> FleetLogin::publication(const Place& place, const StoreWriter::TokenInUse& token,
                                               TokenVersion version, std::int64_t store_time) const {
    const Duration left = token.token->expires - world_.clock();
    if (left <= 0ns || !version.is_in_range())
        return std::nullopt;
    const auto ends = store_time + std::chrono::ceil<std::chrono::milliseconds>(left).count();
    TokenRecord record;
    record.life = token.token->expires - token.token->received;
    record.token = token.token->value.clone();
    record.login = *token.login;
    auto sealed = place.sealed(purpose_of(version, ends), encode(record));
    if (!sealed)
        return std::nullopt;
    return Command{"EVAL",
                   publish_script,
                   "1",
                   place.name("token"),
                   std::to_string(version.era),
                   std::to_string(version.issued_at),
                   std::to_string(version.serial),
                   std::move(*sealed),
                   ms_text(left),
                   std::to_string(ends),
                   unreadable_};
}

/// Stores the token unless the store has a newer one, and then sends the commands of `then` in the same go.
/// Returns false if the store has not answered, or if the version became another one meanwhile.
net::Task<bool> FleetLogin::publish(PlacePtr place, StoreWriter::TokenInUse token, TokenVersion version,
                                    std::vector<Command> then) {
    const bool alone = machine_.is_alone();
    std::vector<Command> ask_time;
    ask_time.push_back({"TIME"});
    const auto times = co_await ask(std::move(ask_time), soon());
    const auto store_time = times.at(0) ? time_in(*times.at(0)) : std::nullopt;
    // By the store's clock its login is as old as it is: this machine's clock may be ahead.
    const bool is_dated =
        !alone || (store_time && place == place_ && machine_.is_alone() && machine_.mine() == version);
    if (alone && is_dated)
        version = machine_.dated(*store_time - age_ms());
    std::vector<Command> commands;
    if (store_time && is_dated)
        if (auto command = publication(*place, token, version, *store_time))
            commands.push_back(std::move(*command));
    for (Command& command : then)
        commands.push_back(std::move(command));
    const bool could_send = store_time.has_value() && is_dated;
    if (commands.empty())
        co_return could_send;
    const auto answers = co_await ask(std::move(commands), soon());
    const bool is_answered = could_send && answers.front().has_value();
    co_return is_answered;
}

bool FleetLogin::offer_soon() {
    if (stopped_ || !place_)
        return true;
    offer_again_ = true;
    if (std::exchange(offering_, true))
        return true;
    try {
        net::spawn(executor_, offer(shared_from_this()), "fleet");
    } catch (const std::exception&) {
        offering_ = false;
        return false;
    }
    return true;
}

net::Task<void> FleetLogin::offer(std::shared_ptr<FleetLogin> self) {
    try {
        co_await self->keep_offering();
    } catch (const std::exception&) { // no memory: the next swap is offered again
    }
    self->offering_ = false;
    self->world_.expect_swaps();
}

net::Task<void> FleetLogin::keep_offering() {
    Duration pause = collecting;
    while (!stopped_ && std::exchange(offer_again_, false)) {
        offer_timer_.expires_after(pause);
        static_cast<void>(co_await offer_timer_.async_wait(net::asio::as_tuple(net::asio::deferred)));
        world_.expect_swaps();
        auto token = world_.current();
        const PlacePtr place = place_;
        if (stopped_ || !token.token || !place)
            break;
        note_swap(token);
        std::vector<Command> then;
        if (forget_rejections_)
            forget_obstacles(*place, then);
        const bool answered = co_await publish(place, std::move(token), machine_.mine(), std::move(then));
        if (answered && place == place_)
            forget_rejections_ = false;
        offer_again_ = offer_again_ || !answered;
        pause = answered ? collecting : pause_when_away;
    }
}

} // namespace bearerd::auth
