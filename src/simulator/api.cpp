#include "api.hpp"

#include "request_reader.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace bearerd::sim {
namespace {

using Kind = Fault::Kind;

bool only_logs_in(const Prepared& prepared) {
    return !prepared.fields.empty() &&
           std::all_of(prepared.fields.begin(), prepared.fields.end(), [](const PlannedField& field) {
               return field.name == "loginUser" || field.name == "__typename";
           });
}

std::string date_of(std::chrono::seconds wall) {
    const std::time_t time = wall.count();
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::string text(20, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts));
    return text;
}

/// Faults that make an answer look like a rejection, or nearly so, after the operation was executed.
void disguise(const Prepared& prepared, const std::vector<Fault>& faults, Json& answer) {
    if (prepared.fields.empty() || !answer.contains("data"))
        return;
    const auto& root = prepared.fields.front();
    if (find(faults, Kind::unauthorized_in_data) != nullptr)
        answer["data"]["message"] = "Unauthorized";
    if (find(faults, Kind::unauthorized_beside_data) != nullptr)
        answer["errors"].push_back(error_json("Unauthorized", root.where));
    if (find(faults, Kind::deep_path) != nullptr) {
        Json error = error_json("Unauthorized", root.where);
        const auto inner = root.children.empty() ? std::string("id") : root.children.back().key;
        error["path"] = Json::array({root.key, inner});
        answer["errors"].push_back(std::move(error));
        answer["data"][root.key] = nullptr;
    }
}

/// N of /large?bytes=N; a megabyte if it is absent.
std::int64_t large_bytes(std::string_view target) {
    std::int64_t bytes = 1 << 20;
    const auto text = query_parameter(target, "bytes").value_or("");
    std::from_chars(text.data(), text.data() + text.size(), bytes);
    return std::clamp<std::int64_t>(bytes, 1, std::int64_t{1} << 40);
}

std::string message_for(unsigned status) {
    switch (status) {
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 429:
        return "Too Many Requests";
    default:
        return status >= 500 ? "Internal server error" : "Request failed";
    }
}

} // namespace

std::string summary(const Prepared& prepared) {
    if (!prepared.error.is_null())
        return "unreadable operation";
    std::string text = prepared.kind == Operation::Kind::mutation ? "mutation" : "query";
    if (!prepared.name.empty())
        text += " " + prepared.name;
    text += "{";
    for (const auto& field : prepared.fields)
        text += (&field == &prepared.fields.front() ? "" : " ") + field.name;
    return text + "}";
}

Api::Api(ApiOptions options, std::function<Now()> clock, std::function<void(const std::string&)> log)
    : options_(std::move(options)),
      clock_(std::move(clock)),
      log_(std::move(log)),
      tokens_(options_.token),
      shop_(std::make_unique<Shop>(options_.shop)),
      faults_(options_.seed) {}

void Api::reset() {
    shop_ = std::make_unique<Shop>(options_.shop);
    const auto open = stats_.open_connections;
    const auto held = stats_.held;
    stats_ = {};
    stats_.open_connections = open;
    stats_.held = held;
    calm();
    faults_.seed(options_.seed);
    cases_.clear();
    requests_.clear();
}

void Api::calm() {
    faults_.clear();
    tokens_.die_after({}, clock_());
    throttle_ = {};
}

Plan Api::plan(const HttpRequest& request) {
    Plan plan;
    plan.profile_login = is_login(*options_.profile, request);
    if (!plan.profile_login)
        read_request(request, plan);
    const auto any = [&plan](auto predicate) {
        return std::any_of(plan.operations.begin(), plan.operations.end(), predicate);
    };
    if (any([](const Prepared& p) { return p.kind == Operation::Kind::mutation; }))
        plan.traffic = Traffic::mutation;
    else if (plan.profile_login || any(only_logs_in))
        plan.traffic = Traffic::login;
    plan.faults = faults_.strike(plan.traffic);
    stats_.faults += plan.faults.size();
    for (const Fault& fault : plan.faults)
        ++stats_.faults_by_kind[name_of(fault.kind)];
    ++stats_.requests;
    if (plan.traffic == Traffic::login)
        stats_.login_attempts_ms.push_back(clock_().steady.count());
    return plan;
}

Tokens::Judged Api::judge(const HttpRequest& request) {
    const Profile& profile = *options_.profile;
    auto value = request.header(profile.header);
    const std::string scheme = std::string(profile.scheme) + (profile.scheme.empty() ? "" : " ");
    const bool bearer = same_text(value.substr(0, scheme.size()), scheme);
    if (bearer)
        value.remove_prefix(scheme.size());
    if (profile.form == Profile::Form::fixed && !value.empty())
        return {value == options_.password ? Tokens::State::good : Tokens::State::unknown, 1, false};
    auto judged = tokens_.judge(value, clock_());
    if (!bearer && judged.state != Tokens::State::missing)
        judged = {Tokens::State::unknown, 0, false};
    return judged;
}

HttpReply Api::answer(const HttpRequest& request, const Plan& plan) {
    const auto judged = judge(request);
    record(request, plan, judged);
    HttpReply reply = json_reply("");
    if (const auto* fault = find(plan.faults, Kind::status); fault != nullptr && !fault->executes) {
        reply.status = fault->status;
        reply.body = Json{{"errors", Json::array({error_json(message_for(fault->status), {})})}}.dump();
        if (fault->retry_after >= 0)
            reply.headers.emplace_back("Retry-After", std::to_string(fault->retry_after));
    } else if (plan.profile_login) {
        reply = log_in_by_profile(request, plan);
    } else if (!plan.unreadable.empty()) {
        reply.status = plan.status;
        reply.body = Json{{"errors", Json::array({error_json(plan.unreadable, {})})}}.dump();
        if (plan.status == 405)
            reply.headers.emplace_back("Allow", "POST");
    } else {
        Json answers = Json::array();
        for (const auto& prepared : plan.operations)
            answers.push_back(run(prepared, request, plan, judged, reply));
        reply.body =
            (plan.batch ? answers : answers.front()).dump(-1, ' ', false, Json::error_handler_t::replace);
        if (fault != nullptr)
            reply.status = fault->status;
    }
    swap_token(plan, reply);
    dress(request, plan, reply);
    requests_.back().status = reply.status;
    return reply;
}

Json Api::run(const Prepared& prepared, const HttpRequest& request, const Plan& plan, Tokens::Judged judged,
              HttpReply& reply) {
    const bool refused =
        find(plan.faults, Kind::reject) != nullptr || find(plan.faults, Kind::reject_401) != nullptr;
    const bool open = only_logs_in(prepared);
    if (!open) {
        using State = Tokens::State;
        stats_.without_token += judged.state == State::missing;
        stats_.unknown_tokens += judged.state == State::unknown;
        stats_.expired_tokens += judged.state == State::expired;
        stats_.revoked_tokens += judged.state == State::revoked;
        stats_.foreign_tokens += judged.foreign;
    }
    if (refused || (!open && judged.state != Tokens::State::good)) {
        ++stats_.unauthorized;
        if (find(plan.faults, Kind::reject_401) != nullptr)
            reply.status = 401;
        log_("unauthorized: " + summary(prepared));
        if (refused || judged.state != Tokens::State::missing)
            cases_.note({{}, Seen::Ending::unauthorized, {}, {}});
        if (options_.profile->form == Profile::Form::header)
            return Json::parse(unauthorized_body);
        reply.status = options_.profile->status;
        return Json::parse(rejection_body(*options_.profile));
    }
    const bool affordable = throttle_.take(cost_of(prepared), clock_().steady);
    if (!affordable && !open)
        return throttled(prepared);
    Caller caller;
    caller.request_id = request.header("X-Request-Id");
    caller.connection = request.connection;
    caller.token_generation = judged.generation;
    caller.time = clock_().steady;
    caller.date = date_of(clock_().wall);
    Json answer = execute(prepared, [this, &plan, &caller, &reply](const PlannedField& field) {
        auto outcome = resolve(field, plan, caller, reply);
        cases_.note(observe(field, outcome), spoiler(plan.faults));
        return outcome;
    });
    disguise(prepared, plan.faults, answer);
    answer["extensions"] = {
        {"cost", {{"actualQueryCost", cost_of(prepared)}, {"throttleStatus", throttle_.status()}}}};
    return answer;
}

Outcome Api::resolve(const PlannedField& field, const Plan& plan, const Caller& caller, HttpReply& reply) {
    if (field.name == "loginUser")
        return login(field.arguments, plan, reply);
    if (field.name == "Cards")
        return shop_->cards(field.arguments);
    if (field.name == "LineItems")
        return shop_->line_items(field.arguments);
    return mutate(field, caller);
}

Outcome Api::mutate(const PlannedField& field, const Caller& caller) {
    const auto before = shop_->ledger().size();
    auto outcome = field.name == "createBalanceAdjustment"
                       ? shop_->create_balance_adjustment(field.arguments, caller)
                   : field.name == "createReversal" ? shop_->create_reversal(field.arguments, caller)
                                                    : shop_->create_order(field.arguments, caller);
    if (shop_->ledger().size() > before) {
        ++stats_.executed;
        const auto& entry = shop_->ledger().back();
        log_("executed " + entry.kind + " card " + masked(entry.card) + " value " +
             std::to_string(entry.value) + (entry.duplicate ? " DUPLICATE" : ""));
    } else if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        log_("refused " + field.name + ": " + refusal->message);
    }
    return outcome;
}

HttpReply Api::log_in_by_profile(const HttpRequest& request, const Plan& plan) {
    const Profile& profile = *options_.profile;
    const LoginAttempt attempt = read_login(profile, request);
    const bool renewal = !attempt.refresh_token.empty();
    const auto use = renewal ? refresh_tokens_.use(attempt.refresh_token) : RefreshTokens::Use::unknown;
    stats_.refreshes_ok += use == RefreshTokens::Use::good;
    stats_.refreshes_again += use == RefreshTokens::Use::again;
    const bool known = attempt.user == options_.token.username || attempt.user == options_.email;
    const bool right = known && attempt.secret == options_.password;
    if (!attempt.well_formed || find(plan.faults, Kind::bad_login) != nullptr ||
        (renewal ? use != RefreshTokens::Use::good : !right)) {
        stats_.refreshes_rejected += renewal;
        stats_.logins_rejected += !renewal;
        log_(renewal ? "refresh rejected" : "login rejected");
        return refusal_reply(profile);
    }
    stats_.logins_ok += !renewal;
    log_(renewal ? "refresh ok" : "login ok");
    const auto now = clock_();
    const std::string next = profile.refresh.empty() ? std::string() : refresh_tokens_.issue();
    return login_reply(profile, tokens_.issue(now), next, options_.token.life, now.wall,
                       options_.token.username);
}

Outcome Api::login(const Json& arguments, const Plan& plan, HttpReply& reply) {
    const auto username = string_of(member(arguments, "username"));
    const auto email = string_of(member(arguments, "email"));
    const bool known = username ? *username == options_.token.username : email && *email == options_.email;
    const bool right = known && string_of(member(arguments, "password")) == options_.password;
    const bool locked = find(plan.faults, Kind::account_locked) != nullptr;
    if (!right || locked || find(plan.faults, Kind::bad_login) != nullptr) {
        ++stats_.logins_rejected;
        log_("login rejected");
        return Refusal{locked ? "This account has been locked. Please contact support."
                              : "Invalid username or password",
                       {}};
    }
    ++stats_.logins_ok;
    log_("login ok");
    if (find(plan.faults, Kind::login_no_token) == nullptr)
        tell_token(reply, tokens_.issue(clock_()));
    return Json{
        {"id", options_.token.user_id}, {"username", options_.token.username}, {"email", options_.email}};
}

void Api::tell_token(HttpReply& reply, const std::string& token) const {
    std::erase_if(reply.headers, [](const auto& field) {
        return field.first == "X-Authorization" || field.first == "Authorization";
    });
    const std::string value = (options_.bearer_prefix ? "Bearer " : "") + token;
    if (options_.x_authorization)
        reply.headers.emplace_back("X-Authorization", value);
    if (options_.authorization)
        reply.headers.emplace_back("Authorization", value);
}

void Api::swap_token(const Plan& plan, HttpReply& reply) {
    const auto now = clock_();
    if (find(plan.faults, Kind::foreign_token) != nullptr) {
        tell_token(reply, tokens_.issue_foreign(now));
    } else if (find(plan.faults, Kind::older_token) != nullptr) {
        tell_token(reply, tokens_.issue_older(now));
    } else if (plan.traffic == Traffic::login || options_.profile->form != Profile::Form::header) {
        return;
    } else if (find(plan.faults, Kind::new_token) != nullptr) {
        tell_token(reply, tokens_.issue(now));
        ++stats_.rotations;
    } else if (const auto token = tokens_.rotate(now); !token.empty()) {
        tell_token(reply, token);
        ++stats_.rotations;
    }
}

void Api::dress(const HttpRequest& request, const Plan& plan, HttpReply& reply) const {
    using Framing = HttpReply::Framing;
    if (reply.body.starts_with("{\"data\"") && plan.traffic != Traffic::login) {
        if (request.path() == "/large")
            reply.stream_bytes = large_bytes(request.target);
        if (const auto* fault = find(plan.faults, Kind::huge))
            reply.stream_bytes = fault->bytes;
    }
    // A client that also takes plain JSON gets that, as from most servers: GraphQL clients name both.
    const auto accept = request.header("Accept");
    if (reply.status == 200 && accept.find("text/event-stream") != std::string_view::npos &&
        accept.find("json") == std::string_view::npos) {
        reply.headers.front().second = "text/event-stream";
        reply.stream_events = true;
        reply.body = "event: next\ndata: " + reply.body + "\n\nevent: next\ndata: {\"data\":{}}\n\n" +
                     "event: complete\ndata:\n\n";
        return;
    }
    auto coding = Coding::identity;
    for (const auto offered : options_.codings)
        if (coding == Coding::identity &&
            request.header("Accept-Encoding").find(offered == Coding::gzip ? "gzip" : "deflate") !=
                std::string_view::npos)
            coding = offered;
    if (find(plan.faults, Kind::gzip) != nullptr)
        coding = Coding::gzip;
    if (find(plan.faults, Kind::deflate) != nullptr)
        coding = Coding::deflate;
    if (coding != Coding::identity) {
        reply.body = compressed(reply.body, coding);
        reply.headers.emplace_back("Content-Encoding", coding == Coding::gzip ? "gzip" : "deflate");
    }
    if (find(plan.faults, Kind::chunked) != nullptr)
        reply.framing = Framing::chunked;
    if (find(plan.faults, Kind::chunked_trailer) != nullptr)
        reply.framing = Framing::chunked_trailer;
    if (find(plan.faults, Kind::close_delimited) != nullptr ||
        find(plan.faults, Kind::close_delimited_truncated) != nullptr) {
        reply.framing = Framing::until_close;
        reply.close = true;
    }
}

Json Api::throttled(const Prepared& prepared) {
    ++stats_.throttled;
    log_("throttled: " + summary(prepared));
    Json error =
        error_json("Throttled", prepared.fields.empty() ? Location{} : prepared.fields.front().where);
    error["extensions"] = {{"code", "THROTTLED"}};
    return {{"errors", Json::array({std::move(error)})},
            {"extensions",
             {{"cost",
               {{"requestedQueryCost", cost_of(prepared)},
                {"actualQueryCost", nullptr},
                {"throttleStatus", throttle_.status()}}}}}};
}

} // namespace bearerd::sim
