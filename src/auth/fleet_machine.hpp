#pragma once

#include "moment.hpp"

#include <compare>
#include <cstdint>
#include <optional>

namespace bearerd::auth {

/// Which of two tokens of a fleet is newer: that of the later login; of one login, the one that was issued
/// later, and then the one that more swaps led to.
struct TokenVersion {
    std::int64_t era = 0;       ///< grows with each login of the fleet; 0: not from the store
    std::int64_t issued_at = 0; ///< `iat`; 0: the token does not say
    std::int64_t serial = 0;    ///< grows with each swap

    /// The most that each of them may be: a script of the store compares them as doubles, which are exact up
    /// to here.
    static constexpr std::int64_t largest = std::int64_t{1} << 52;

    [[nodiscard]] bool is_in_range() const noexcept {
        return era >= 0 && era <= largest && issued_at >= 0 && issued_at <= largest && serial >= 0 &&
               serial <= largest;
    }

    [[nodiscard]] auto operator<=>(const TokenVersion&) const = default;
};

/// Which replica of a fleet logs in, and what the others do meanwhile (contract 12). One visit begins when a
/// login is wanted, and ends with what becomes of it. Pure: what the store says, the time and the dice come
/// in as arguments. Not thread safe.
///
/// Invariants: nobody logs in while another one's lease runs, unless the store does not answer; only a newer
/// token than one's own is adopted, whether logins are locked or not; a replica that has got the lease reads
/// once more before it logs in; a visit ends by its deadline.
class FleetMachine {
public:
    /// What the store holds.
    struct Found {
        std::uint32_t rejections = 0;             ///< of this password, in a row
        std::optional<Duration> next_try = {};    ///< nobody may log in until then
        std::optional<Duration> retry_after = {}; ///< nor until then: the upstream has asked for it
        std::optional<TokenVersion> version = {}; ///< of the token, if there is one that could be opened
        Duration left{};                          ///< of its life; not positive: it is over
        bool is_current = false;                  ///< it is the token that this replica has
    };

    struct Step {
        enum class Kind : std::uint8_t {
            read,         ///< what the store holds: on_read()
            take_lease,   ///< on_lease()
            wait,         ///< `delay`, then on_waited()
            log_in,       ///< with the lease, which is to be renewed and then released
            log_in_alone, ///< the store does not answer
            later,        ///< likewise, and this is only a renewal: put it off if possible, else log in alone
            adopt,        ///< the token that was read
            locked,       ///< others were rejected with this password: as rejections() and `delay` say
            put_off,      ///< the upstream has asked another replica to try again after `delay`
            give_up,      ///< another replica logs in, and has not finished in time
        };
        Kind kind = Kind::read;
        Duration delay{};
    };

    /// Begins a visit, which ends by `deadline`. `renews`: nothing has refused this replica's token, whose
    /// end is near. If a later login has brought the same token again, then it is adopted once more, with the
    /// life that is left of it by now.
    [[nodiscard]] Step begin(TimePoint deadline, bool renews = false) noexcept;

    [[nodiscard]] Step on_read(const Found& found, Moment at) noexcept;
    /// `store_time`: milliseconds since the epoch on the store's clock; used only if the lease is ours.
    [[nodiscard]] Step on_lease(bool ours, std::int64_t store_time, Moment at) noexcept;
    [[nodiscard]] Step on_waited() noexcept;
    /// The store has not answered. Whatever was asked may have been done.
    [[nodiscard]] Step on_no_answer() const noexcept;

    /// Of this password, in a row, as the store said last.
    [[nodiscard]] std::uint32_t rejections() const noexcept { return rejections_; }

    /// The version of the token that this visit's login has brought; it becomes this replica's. `wall_ms`:
    /// milliseconds since the epoch on this machine's clock, for a login without the store's.
    [[nodiscard]] TokenVersion logged_in(std::int64_t issued_at, std::int64_t wall_ms) noexcept;

    /// Whether this replica's token is of a login without the store, whose era is by this machine's clock.
    [[nodiscard]] bool is_alone() const noexcept { return alone_; }

    /// The login without the store was at `store_time` (milliseconds since the epoch on the store's clock).
    /// Returns the version of its token, or of the one that was swapped for it, which is now one like the
    /// others.
    [[nodiscard]] TokenVersion dated(std::int64_t store_time) noexcept;

    /// The token of the last on_read() became this replica's.
    void adopted() noexcept {
        mine_ = read_.version.value_or(mine_);
        alone_ = false;
    }

    /// The version of a token that an answer has brought in place of this replica's.
    [[nodiscard]] TokenVersion swapped(std::int64_t issued_at) noexcept;

    /// The token became another one without the fleet: a stored one, or another account's.
    void forget() noexcept {
        mine_ = {};
        alone_ = false;
    }

    [[nodiscard]] const TokenVersion& mine() const noexcept { return mine_; }

private:
    [[nodiscard]] bool is_newer(const Found& found) const noexcept;

    TokenVersion mine_;  ///< of the token that this replica uses
    bool alone_ = false; ///< that was brought by a login without the store
    Found read_;
    std::int64_t highest_era_ = 0; ///< ever seen
    std::int64_t next_era_ = 0;    ///< of this visit's login
    std::int64_t least_era_ = 0;   ///< of the login without the store: later than those that were known then
    std::uint32_t rejections_ = 0;
    bool renews_ = false;
    bool has_lease_ = false;
    TimePoint deadline_{};
};

} // namespace bearerd::auth
