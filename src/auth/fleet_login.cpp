#include "fleet_login.hpp"

#include "account.hpp"

#include <bearerd/auth/jwt.hpp>
#include <bearerd/auth/token_seal.hpp>
#include <bearerd/net/spawn.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
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

constexpr Duration patience = 100ms;    // with the store, before a login goes on alone: requests wait for it
constexpr Duration first_patience = 1s; // of the first login, while the connection is being made
constexpr Duration behind_the_scenes = 1s; // for what no request waits for
constexpr Duration collecting = 1s;        // swaps until the last of them is stored
constexpr Duration pause_when_away = 5s;
constexpr Duration rejections_kept = 24h;

// Each script names one key.
constexpr const char* read_script = R"(
local found = redis.call('HMGET', KEYS[1], 'era', 'issued_at', 'serial', 'token')
found[5] = redis.call('PTTL', KEYS[1])
return found)";

constexpr const char* publish_script = R"(
local stored = redis.call('HMGET', KEYS[1], 'era', 'issued_at', 'serial')
for i = 1, 3 do
  local old, new = tonumber(stored[i] or -1), tonumber(ARGV[i])
  if new > old then break end
  if new < old or i == 3 then return 0 end
end
redis.call('HSET', KEYS[1], 'era', ARGV[1], 'issued_at', ARGV[2], 'serial', ARGV[3], 'token', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
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

/// Milliseconds since the epoch in the answer to TIME.
std::optional<std::int64_t> time_in(const Value& value) noexcept {
    if (value.kind != Value::Kind::list || value.list.size() != 2)
        return std::nullopt;
    const auto seconds = number_in(value.list[0]);
    const auto micros = number_in(value.list[1]);
    if (!seconds || !micros)
        return std::nullopt;
    return *seconds * 1000 + *micros / 1000;
}

std::string random_owner() {
    constexpr std::string_view hex = "0123456789abcdef";
    const auto bytes = make_salt();
    std::string owner;
    if (bytes)
        for (const unsigned char byte : *bytes) {
            owner += hex[byte >> 4];
            owner += hex[byte & 15];
        }
    return owner;
}

std::int64_t issue_time(const StoreWriter::TokenInUse& token) noexcept {
    return token.token->claims.issued_at.value_or(0);
}

} // namespace

/// Where this account's things are in the store, and how they are sealed.
struct FleetLogin::Place {
    fleet::Keys keys;
    std::string url;
    std::string account;
    Duration lease{};

    [[nodiscard]] std::string name(std::string_view what) const {
        return keys.prefix + std::string{what} + ":" + keys.password;
    }

    [[nodiscard]] KeySource source() const noexcept {
        return keys.from_key_file ? KeySource::key_file : KeySource::password;
    }

    [[nodiscard]] std::optional<std::string> sealed(const Secret& plain) const {
        return seal({"token", url, account}, source(), keys.salt, keys.seal_key, plain);
    }

    [[nodiscard]] std::optional<TokenRecord> opened(std::string_view bytes) const {
        if (salt_of(bytes, source()) != keys.salt)
            return std::nullopt;
        const auto plain = unseal({"token", url, account}, source(), keys.seal_key, bytes);
        return plain ? decode_token_record(plain->reveal()) : std::nullopt;
    }
};

struct FleetLogin::Visit {
    Visit(PlacePtr where, net::Executor executor) : place{std::move(where)}, timer{executor} {}

    PlacePtr place;
    std::string owner = random_owner();
    Timer timer;           ///< of a wait, later of the lease's renewal
    bool may_hold = false; ///< the lease has to be released
    bool over = false;
    std::optional<TokenRecord> token; ///< the last one that was read, if it could be opened
    Duration left{};
};

FleetLogin::FleetLogin(net::Executor executor, fleet::Store& store, World world)
    : executor_{executor}, store_{store}, world_{std::move(world)}, offer_timer_{executor} {}

void FleetLogin::change(const config::Settings& settings, const config::Credentials& credentials) {
    const config::Fleet& shared = settings.fleet;
    // Logins by name and by address are told apart, too: the account says only what was written.
    const std::string account = account_of(settings) + (credentials.by_email ? "\nemail" : "");
    auto keys = fleet::derive_keys({shared.prefix, settings.upstream.url.text, account,
                                    shared.key_file.empty() ? nullptr : &shared.key, credentials.password});
    machine_.forget();
    mine_generation_ = 0;
    place_ = nullptr;
    if (keys)
        place_ = std::make_shared<const Place>(
            Place{std::move(*keys), settings.upstream.url.text, account, shared.lease});
}

void FleetLogin::stop() noexcept {
    stopped_ = true;
    try {
        offer_timer_.cancel();
        if (visit_)
            visit_->timer.cancel();
    } catch (const std::exception&) { // then they end in their own time
    }
}

FleetMachine::Moment FleetLogin::moment() const {
    return {world_.clock(), world_.jitter()};
}

bool FleetLogin::is_over(const Visit& visit) const noexcept {
    return stopped_ || visit.over || visit_.get() != &visit;
}

FleetLogin::VisitPtr FleetLogin::begin() {
    visit_ = std::make_shared<Visit>(place_, executor_);
    return visit_;
}

/// Returns nullopt for an error as well: what the store refuses is not shared.
net::Task<std::optional<Value>> FleetLogin::ask(Command command, TimePoint until) {
    const Duration within = until - world_.clock();
    if (within <= 0ns)
        co_return std::nullopt;
    auto value = co_await store_.call(std::move(command), within);
    if (value && value->kind == Value::Kind::error)
        value.reset();
    co_return value;
}

net::Task<FleetLogin::Verdict> FleetLogin::enter(VisitPtr visit, TimePoint deadline) {
    auto step = machine_.begin(deadline);
    const Duration bound = std::exchange(visited_, true) ? patience : first_patience;
    TimePoint until = world_.clock() + bound;
    while (!is_over(*visit)) {
        if (step.kind == StepKind::read) {
            step = co_await read(visit, until);
        } else if (step.kind == StepKind::take_lease) {
            step = co_await take_lease(visit, until);
        } else if (step.kind == StepKind::wait) {
            visit->timer.expires_after(step.delay);
            static_cast<void>(co_await visit->timer.async_wait(net::asio::as_tuple(net::asio::deferred)));
            until = world_.clock() + bound;
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
    else if (step.kind != StepKind::log_in_alone)
        leave(visit, {});
    co_return verdict;
}

net::Task<FleetMachine::Step> FleetLogin::read(VisitPtr visit, TimePoint until) {
    const Place& place = *visit->place;
    FleetMachine::Found found;
    Command count{"GET", place.name("rejections")};
    const auto rejections = co_await ask(std::move(count), until);
    // Not by ?: since gcc 12 destroys its temporary twice there.
    std::optional<Value> next_try;
    std::optional<Value> stored;
    Command wait{"PTTL", place.name("next_try")};
    if (rejections)
        next_try = co_await ask(std::move(wait), until);
    Command token{"EVAL", read_script, "1", place.name("token")};
    if (next_try)
        stored = co_await ask(std::move(token), until);
    if (is_over(*visit) || !stored)
        co_return machine_.on_no_answer();
    found.rejections = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(number_in(*rejections).value_or(0), 0, UINT32_MAX));
    if (const auto ms = number_in(*next_try); ms && *ms > 0)
        found.next_try = std::chrono::milliseconds{std::min<std::int64_t>(*ms, 86'400'000)};
    take_token(*visit, *stored, found);
    co_return machine_.on_read(found, moment());
}

void FleetLogin::take_token(Visit& visit, const Value& stored, FleetMachine::Found& found) const {
    constexpr std::size_t fields = 5;
    visit.token.reset();
    if (stored.kind != Value::Kind::list || stored.list.size() != fields)
        return;
    const auto era = number_in(stored.list[0]);
    const auto issued = number_in(stored.list[1]);
    const auto serial = number_in(stored.list[2]);
    const auto left_ms = number_in(stored.list[4]);
    if (!era || !issued || !serial)
        return;
    found.version = TokenVersion{*era, *issued, *serial};
    if (stored.list[3].kind != Value::Kind::text || !left_ms || *left_ms <= 0)
        return;
    auto token = visit.place->opened(stored.list[3].text);
    if (!token)
        return;
    const auto mine = world_.current().token;
    found.readable = true;
    found.is_current = mine && mine->value.equals(token->token);
    found.left = std::min<Duration>(
        token->life, std::chrono::milliseconds{std::min<std::int64_t>(*left_ms, 31 * 86'400'000LL)});
    visit.left = found.left;
    visit.token = std::move(token);
}

net::Task<FleetMachine::Step> FleetLogin::take_lease(VisitPtr visit, TimePoint until) {
    const Place& place = *visit->place;
    visit->may_hold = true; // unless the store says that it is another one's
    Command set{"SET", place.name("lease"), visit->owner, "NX", "PX", ms_text(place.lease)};
    const auto taken = co_await ask(std::move(set), until);
    if (is_over(*visit) || !taken)
        co_return machine_.on_no_answer();
    if (taken->kind == Value::Kind::nil) {
        visit->may_hold = false;
        co_return machine_.on_lease(false, 0, moment());
    }
    Command ask_time{"TIME"};
    const auto time = co_await ask(std::move(ask_time), until);
    const auto now_ms = time ? time_in(*time) : std::nullopt;
    if (is_over(*visit) || !now_ms)
        co_return machine_.on_no_answer();
    co_return machine_.on_lease(true, *now_ms, moment());
}

void FleetLogin::adopted(std::uint64_t generation) noexcept {
    machine_.adopted();
    mine_generation_ = generation;
}

/// A lease that is lost is not taken again: what the login brings is stored only if it is newer.
net::Task<void> FleetLogin::renew(std::shared_ptr<FleetLogin> self, VisitPtr visit) {
    const Place& place = *visit->place;
    while (!visit->over && !self->stopped_) {
        visit->timer.expires_after(place.lease / 3);
        static_cast<void>(co_await visit->timer.async_wait(net::asio::as_tuple(net::asio::deferred)));
        if (visit->over || self->stopped_)
            co_return;
        Command command{"EVAL", renew_script, "1", place.name("lease"), visit->owner, ms_text(place.lease)};
        const auto renewed = co_await self->ask(std::move(command), self->world_.clock() + behind_the_scenes);
        if (renewed && number_in(*renewed) == 0)
            co_return;
    }
}

void FleetLogin::leave(VisitPtr visit, Report report) {
    if (!visit || std::exchange(visit->over, true))
        return;
    if (report.kind == Report::Kind::logged_in) {
        static_cast<void>(machine_.logged_in(issue_time(report.token)));
        mine_generation_ = report.token.token->generation;
    }
    if (visit->may_hold || report.kind != Report::Kind::none)
        net::spawn(executor_, finish(shared_from_this(), visit, std::move(report)), "fleet");
    try {
        visit->timer.cancel();
    } catch (const std::exception&) { // the renewal sees by itself that it is over
    }
}

net::Task<void> FleetLogin::finish(std::shared_ptr<FleetLogin> self, VisitPtr visit, Report report) {
    const Place& place = *visit->place;
    if (report.kind == Report::Kind::logged_in) {
        const TokenVersion version = self->machine_.mine();
        const bool answered = co_await self->publish(visit->place, report.token, version);
        if (!answered)
            self->offer_soon();
        if (answered && report.rejections > 0)
            for (const std::string_view what : {"rejections", "next_try"}) {
                Command forget{"DEL", place.name(what)};
                static_cast<void>(
                    co_await self->ask(std::move(forget), self->world_.clock() + behind_the_scenes));
            }
    }
    if (report.kind == Report::Kind::rejected)
        co_await self->publish_rejection(visit, report);
    if (!visit->may_hold)
        co_return;
    Command release{"EVAL", release_script, "1", place.name("lease"), visit->owner};
    static_cast<void>(co_await self->ask(std::move(release), self->world_.clock() + behind_the_scenes));
}

/// The count first: the others look at it once they may try again.
net::Task<void> FleetLogin::publish_rejection(VisitPtr visit, Report report) {
    const Place& place = *visit->place;
    const auto until = world_.clock() + behind_the_scenes;
    Command count{"SET", place.name("rejections"), std::to_string(report.rejections), "PX",
                  ms_text(rejections_kept)};
    static_cast<void>(co_await ask(std::move(count), until));
    Command wait{"SET", place.name("next_try"), "1", "PX", ms_text(report.next_try)};
    static_cast<void>(co_await ask(std::move(wait), until));
}

/// Returns false if the store has not answered. Only a newer token takes the place of another one.
net::Task<bool> FleetLogin::publish(PlacePtr place, StoreWriter::TokenInUse token, TokenVersion version) {
    const Duration left = token.token->expires - world_.clock();
    if (left <= 0ns)
        co_return true;
    TokenRecord record;
    record.life = token.token->expires - token.token->received;
    record.token = token.token->value.clone();
    record.login = *token.login;
    const auto sealed = place->sealed(encode(record));
    if (!sealed)
        co_return true; // there will be no other outcome
    Command command{"EVAL",
                    publish_script,
                    "1",
                    place->name("token"),
                    std::to_string(version.era),
                    std::to_string(version.issued_at),
                    std::to_string(version.serial),
                    *sealed,
                    ms_text(left)};
    const auto stored = co_await ask(std::move(command), world_.clock() + behind_the_scenes);
    co_return stored.has_value();
}

void FleetLogin::offer_soon() {
    if (stopped_ || !place_)
        return;
    offer_again_ = true;
    if (!std::exchange(offering_, true))
        net::spawn(executor_, offer(shared_from_this()), "fleet");
}

net::Task<void> FleetLogin::offer(std::shared_ptr<FleetLogin> self) {
    Duration pause = collecting;
    while (!self->stopped_ && std::exchange(self->offer_again_, false)) {
        self->offer_timer_.expires_after(pause);
        static_cast<void>(co_await self->offer_timer_.async_wait(net::asio::as_tuple(net::asio::deferred)));
        auto token = self->world_.current();
        if (self->stopped_ || !token.token || !self->place_)
            break;
        if (token.token->generation != self->mine_generation_) {
            static_cast<void>(self->machine_.swapped(issue_time(token)));
            self->mine_generation_ = token.token->generation;
        }
        const bool answered = co_await self->publish(self->place_, std::move(token), self->machine_.mine());
        self->offer_again_ = self->offer_again_ || !answered;
        pause = answered ? collecting : pause_when_away;
    }
    self->offering_ = false;
}

} // namespace bearerd::auth
