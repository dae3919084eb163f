#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bearerd::sim {

/// A moment by both clocks: the simulator's own table uses `steady`, the claims of a JWT use `wall`.
struct Now {
    std::chrono::milliseconds steady{0}; ///< Since the simulator's start.
    std::chrono::seconds wall{0};        ///< Since 1970.
};

struct TokenOptions {
    std::chrono::milliseconds life = std::chrono::minutes(60);
    std::chrono::seconds clock_skew{0}; ///< Added to iat and exp: the upstream's clock is wrong.
    std::uint64_t rotate_requests = 0;  ///< A new token after this many answers; 0: never.
    std::chrono::milliseconds rotate_time{0};
    bool rotate_revokes = false;
    bool opaque = false;
    std::string user_id = "1042";
    std::string username = "till-042";
};

/// All access tokens that were given out. Only this table decides which are accepted, so that a
/// wrong clock in a JWT changes what a client reads but not what the simulator accepts.
class Tokens {
public:
    enum class State { good, missing, unknown, expired, revoked };

    struct Judged {
        State state = State::missing;
        std::uint64_t generation = 0; ///< 1 for the first token; 0 for one that isn't ours.
        bool foreign = false;         ///< Of another account: valid, but nobody should be using it.
    };

    explicit Tokens(TokenOptions options);

    std::string issue(Now now);
    /// A good token of another account, planted by a fault.
    std::string issue_foreign(Now now);
    /// A token as it was ten minutes ago, and revoked: a client that adopts it is refused.
    std::string issue_older(Now now);

    [[nodiscard]] Judged judge(std::string_view token, Now now) const;

    /// Counts one answer; returns a new token if one is due, else "".
    std::string rotate(Now now);

    void revoke_all();

    /// From now on tokens are refused `time` after they were given, whatever expiry they state; those given
    /// already, that long after now. 0: by the stated expiry.
    void die_after(std::chrono::milliseconds time, Now now);

    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

private:
    struct Entry {
        std::uint64_t generation = 0;
        std::chrono::milliseconds expires{0};
        bool revoked = false;
        bool foreign = false;
    };

    std::string make(Now now, std::chrono::seconds age, std::string_view id, std::string_view name,
                     Entry entry);

    TokenOptions options_;
    std::string key_;
    std::unordered_map<std::string, Entry> table_;
    std::uint64_t generation_ = 0;
    std::uint64_t serial_ = 0;
    std::uint64_t answers_since_ = 0;
    std::chrono::milliseconds true_life_{0}; ///< 0: as stated.
    std::chrono::milliseconds issued_at_{0};
};

} // namespace bearerd::sim
