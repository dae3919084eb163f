#pragma once

#include <bearerd/base/clock.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

/// Decides which idle connections may still carry a mutation (contract 4), and keeps what is known about the
/// age at which the upstream closes them.
///
/// This counts as knowledge. It is kept per address of the upstream, and separately for connections that have
/// carried a request and those that have not, because servers use another time limit for a first request than
/// for the next one:
///
/// - *Told*: `Keep-Alive: timeout=N` in an answer announces how long a connection lives after an answer.
/// - *Seen*: the upstream ended an idle connection (FIN, reset, or unsolicited data), or a request that was
/// sent on it found it ended. The connection's idle age is then a limit, and the smallest one counts. It is
/// forgotten after an hour, or as soon as ten connections in a row have lived clearly longer, because the
/// close was then a single event, such as a restart, and not a rule.
/// - *Survived*: the peer was heard from (an acknowledgement, or an answer to a request) when the connection
/// had that age, and had not closed it. So the limit is greater than that age.
///
/// A mutation may use a connection of up to 0.7 of the smallest limit told or seen. If neither is known, it
/// may use one of up to 0.7 of the greatest age survived. If nothing is known, it needs one that was used
/// within `reuse_for_mutations`.
///
/// Why this adds no unknown outcomes: an outcome is unknown if the upstream closes the connection while the
/// mutation is on its way. If the upstream's limit is constant, a limit told, seen or survived exceeds it by
/// at most one trip, and the mutation arrives before 0.7 of it plus one trip. If the limit varies, each close
/// that is seen lowers the usable age, even below `reuse_for_mutations`, which the rule "used within
/// `reuse_for_mutations`" alone would never do. That the line and the peer are still there is proven by an
/// acknowledgement, which must be as recent as the last use had to be before.
namespace bearerd::upstream {

/// What is known about the limit of one kind of connection at one address.
struct KnownLimit {
    std::optional<Duration> closes_at;    ///< the smallest limit told or seen
    std::optional<Duration> survived_for; ///< the greatest age survived
};

/// The facts for the decision about one idle connection at one moment.
struct IdleFacts {
    Duration idle{};               ///< since its last use, or since it was made
    std::optional<Duration> heard; ///< since the peer's last acknowledgement; none: unknown
    KnownLimit limit;
    bool through_proxy = false; ///< then the acknowledgement would be the proxy's
};

/// Returns the part of a limit that may be used.
[[nodiscard]] constexpr Duration usable_part(Duration limit) noexcept {
    return limit / 10 * 7;
}

/// Timers are coarse: a connection that lived a little longer than another one may have met the same limit.
[[nodiscard]] constexpr Duration clearly_beyond(Duration age) noexcept {
    return age / 10 * 12;
}

/// Whether the connection may carry a mutation; `recent` is `upstream.reuse_for_mutations`. Pure.
[[nodiscard]] bool may_carry_mutation(const IdleFacts& facts, Duration recent) noexcept;

/// Returns the idle age up to which a connection may carry a mutation while the peer acknowledges. Pure.
[[nodiscard]] Duration usable_age(const KnownLimit& limit, Duration recent) noexcept;

/// Returns the seconds of `timeout=` in a Keep-Alive field's value. Pure.
[[nodiscard]] std::optional<Duration> keep_alive_timeout(std::string_view value) noexcept;

/// The limit that the upstream announced last on one connection. Most upstreams announce the same in each
/// answer, so it is passed on to what all threads share only once a minute, where older announcements count
/// less. Pure.
class ToldLimit {
public:
    /// Whether it must be passed on: it has changed, or was last passed on a minute ago or earlier.
    [[nodiscard]] bool is_news(Duration limit, TimePoint now) noexcept;

private:
    std::optional<Duration> last_; ///< as it was passed on
    TimePoint at_{};               ///< when that was
};

/// What was announced, seen and survived by one kind of connection at one address. Bounded; pure: time and
/// ages are arguments.
class IdleLimit {
public:
    /// Records an announced limit. The smallest of the last hour counts, because one address may belong to
    /// several servers.
    void told(Duration limit, TimePoint now) noexcept;

    /// Records that the upstream ended a connection of this idle age.
    void closed(Duration age, TimePoint now) noexcept;

    /// Records that the peer of a connection was heard from at this idle age. `before`: the greatest age of
    /// this connection in earlier calls, so that it counts against each close only once.
    void survived(Duration age, Duration before) noexcept;

    [[nodiscard]] KnownLimit known(TimePoint now) const noexcept;

private:
    static constexpr std::size_t most_closes = 8;

    struct Close {
        Duration age{};
        TimePoint at{};
        int outlived = 0; ///< by this many connections in a row
    };

    std::optional<Duration> told_;
    TimePoint told_at_{};
    std::optional<Duration> survived_;
    std::array<Close, most_closes> closes_{};
    std::size_t close_count_ = 0;
};

/// Whether a connection has carried a request and its answer.
enum class IdleKind : std::uint8_t { unused, used };

/// The IdleLimit of each address that was used recently. Shared by all threads.
class IdleLimits {
public:
    using Address = boost::asio::ip::tcp::endpoint;

    void told(const Address& address, Duration limit, TimePoint now);
    void closed(const Address& address, IdleKind kind, Duration age, TimePoint now);
    void survived(const Address& address, IdleKind kind, Duration age, Duration before, TimePoint now);

    [[nodiscard]] KnownLimit known(const Address& address, IdleKind kind, TimePoint now) const;

    /// Whether this age is certainly not near any limit told or seen. Takes no lock. If false, the caller
    /// must ask known().
    [[nodiscard]] bool surely_below(Duration age) const noexcept {
        return age.count() <= usable_below_.load(std::memory_order_relaxed);
    }

    /// Returns the least limits of all addresses used within the last hour, for metrics and status page.
    [[nodiscard]] KnownLimit least(IdleKind kind, TimePoint now) const;

private:
    static constexpr std::size_t most_addresses = 16;

    struct Entry {
        Address address;
        TimePoint touched{};
        std::array<IdleLimit, 2> limits; ///< by IdleKind
    };

    IdleLimit& limit_of(const Address& address, IdleKind kind, TimePoint now);
    void publish(TimePoint now) noexcept;

    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::atomic<Duration::rep> usable_below_{Duration::max().count()};
};

} // namespace bearerd::upstream
