#include "tokens.hpp"

#include "encoding.hpp"
#include "value.hpp"

#include <algorithm>

namespace bearerd::sim {

Tokens::Tokens(TokenOptions options) : options_(std::move(options)), key_(random_bytes(32)) {}

std::string Tokens::make(Now now, std::chrono::seconds age, std::string_view id, std::string_view name,
                         Entry entry) {
    entry.expires = now.steady - age + (true_life_.count() > 0 ? true_life_ : options_.life);
    const auto issued = now.wall + options_.clock_skew - age;
    const auto life = std::chrono::duration_cast<std::chrono::seconds>(options_.life);
    ++serial_;
    std::string token;
    if (options_.opaque) {
        token = base64url(random_bytes(32));
    } else {
        const Json claims = {{"iss", "bearerd-sim"},
                             {"sub", id},
                             {"username", name},
                             {"iat", issued.count()},
                             {"exp", (issued + life).count()},
                             {"jti", std::to_string(serial_)}};
        const auto signed_part = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims.dump());
        token = signed_part + "." + base64url(hmac_sha256(key_, signed_part));
    }
    table_[token] = entry;
    return token;
}

std::string Tokens::issue(Now now) {
    Entry entry;
    entry.generation = ++generation_;
    issued_at_ = now.steady;
    answers_since_ = 0;
    return make(now, {}, options_.user_id, options_.username, entry);
}

std::string Tokens::issue_foreign(Now now) {
    Entry entry;
    entry.foreign = true;
    return make(now, {}, "9999", "somebody-else", entry);
}

std::string Tokens::issue_older(Now now) {
    Entry entry;
    entry.revoked = true;
    return make(now, std::chrono::minutes(10), options_.user_id, options_.username, entry);
}

Tokens::Judged Tokens::judge(std::string_view token, Now now) const {
    if (token.empty())
        return {};
    const auto found = table_.find(std::string(token));
    if (found == table_.end())
        return {State::unknown, 0, false};
    const auto& entry = found->second;
    const auto state = entry.revoked                 ? State::revoked
                       : entry.expires <= now.steady ? State::expired
                                                     : State::good;
    return {state, entry.generation, entry.foreign};
}

std::string Tokens::rotate(Now now) {
    ++answers_since_;
    const bool by_count = options_.rotate_requests != 0 && answers_since_ >= options_.rotate_requests;
    const bool by_time = options_.rotate_time.count() != 0 && now.steady - issued_at_ >= options_.rotate_time;
    if (generation_ == 0 || (!by_count && !by_time))
        return {};
    if (options_.rotate_revokes)
        revoke_all();
    return issue(now);
}

void Tokens::die_after(std::chrono::milliseconds time, Now now) {
    true_life_ = time;
    if (time.count() > 0)
        for (auto& [token, entry] : table_)
            entry.expires = std::min(entry.expires, now.steady + time);
}

void Tokens::revoke_all() {
    for (auto& [token, entry] : table_)
        entry.revoked = true;
}

} // namespace bearerd::sim
