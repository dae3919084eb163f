#pragma once

#include <bearerd/base/clock.hpp>

#include <optional>

namespace bearerd::upstream {

/// Decides when to make a connection before a request needs it (contract 7, `upstream.keep_warm`). The time
/// and the random number are arguments. Jitter spreads what many tills would otherwise do at the same time.
///
/// A connection is replaced at 0.75 to 0.9 of the idle age up to which it may carry a mutation. Dials are at
/// least a second apart, twelve at once at most and then one every five seconds; after failures in a row the
/// pause doubles from one second to a minute. It asks to be called again at most once a second.
///
/// If the upstream has ended such a connection too soon to keep one, that may have been an event, such as a
/// restart. So one is made on trial, after 10 to 15 s at first and then after pauses that double up to ten
/// minutes; as long as those on trial outlive the close, the pause stays short, until IdleLimit forgets it.
class WarmPlan {
public:
    /// The present state.
    struct View {
        TimePoint now{};
        /// Requests are in flight: their connections come back.
        bool busy = false;
        bool dialing = false;
        /// The best idle connection that may carry a mutation now: its last use, and the idle age up to which
        /// it may. nullopt: there is none.
        std::optional<TimePoint> last_use;
        Duration usable_age{};
        /// The idle age up to which a new connection may carry a mutation.
        Duration usable_age_of_new{};
        /// A connection that has carried no request is idle, though perhaps no longer usable: it shows how
        /// long such a connection lives.
        bool learning = false;
        /// The upstream is known to have ended such a connection; `usable_age_of_new` follows from that.
        bool futile = false;
        /// The youngest such connection has lived clearly longer than that.
        bool outlived = false;
        /// A connection is young enough, but its peer has not been heard from lately.
        bool silent = false;
    };

    struct Step {
        bool dial = false;
        bool ready = false;
        std::optional<TimePoint> look_at; ///< nullopt: look again when the dial has ended
    };

    /// `dice` in [0, 1).
    [[nodiscard]] Step next(const View& view, double dice) noexcept;

    void dial_ended(bool success, TimePoint now, double dice) noexcept;

    /// The upstream has ended the connection that was ready, perhaps every till's at once. Returns when to
    /// look again.
    [[nodiscard]] TimePoint lost(TimePoint now, double dice) noexcept;

    /// Returns when to look first, after a request or after the start.
    [[nodiscard]] static TimePoint first_look(TimePoint now, double dice) noexcept;

private:
    [[nodiscard]] bool is_time_for_trial(const View& view, double dice) noexcept;
    void put_off_trial(TimePoint now, double dice) noexcept;
    void refill(TimePoint now) noexcept;
    void back_off(TimePoint now, double dice) noexcept;

    static constexpr int most_dials = 12;

    int failures_ = 0;           ///< in a row
    bool dialed_silent_ = false; ///< the dial under way replaces a connection whose peer was silent
    int dials_left_ = most_dials;
    TimePoint refilled_at_{};
    TimePoint not_before_{};
    int trials_ = 0; ///< pauses before a trial, in a row; 0: connections live long enough
    TimePoint trial_at_{};
};

} // namespace bearerd::upstream
