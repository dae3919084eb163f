#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/log_limit.hpp>
#include <bearerd/base/stats.hpp>
#include <bearerd/fleet/store.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/transaction/table.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::transaction {

/// A request as the store knows it.
struct SharedRequest {
    std::vector<std::string> keys; ///< in the store: one for each transaction, sorted
    std::string fingerprint;       ///< Identifier::text_of()
    std::string request_id;
    std::int64_t at_ms = 0; ///< when the request came, since the epoch
};

using SharedRequestPtr = std::shared_ptr<const SharedRequest>;

class SharedClaim;

/// What the store says about a request.
struct FleetAnswer {
    enum class State : std::uint8_t {
        ours,       ///< it is claimed: forward the request, and give `claim` its outcome
        in_flight,  ///< another replica's request is in flight: ask again
        sent,       ///< another replica has sent it: `elsewhere` has its outcome
        key_reused, ///< another replica has sent another request under the key
        no_answer,  ///< the store has not said it of all transactions: the local guard decides alone
    };
    State state = State::no_answer;
    Elsewhere elsewhere{}; ///< in_flight, sent, key_reused
    /// ours, no_answer. nullptr if nothing may be forwarded without the store's answer.
    std::shared_ptr<SharedClaim> claim{};
};

/// A request's claim in the store. Its gate closes if the store did not answer at first, and says later that
/// another replica has the transaction. Used on the thread of its FleetClaims, except for settled().
class SharedClaim : public ClaimHolder, public server::SendGate {
public:
    /// What the store said, if a caller has learned that the gate is closed; else nullptr.
    [[nodiscard]] virtual const FleetAnswer* why_closed() const noexcept = 0;
};

/// Claims transactions in the store that the replicas of a fleet share, renews the leases of those in flight,
/// and writes their outcomes (contract 12). It adds to the local guard, and never replaces it: ask
/// it only for what Table::claim() calls the first one. One per thread, and used on it, except that
/// ClaimHolder's functions may be called on any thread. Always owned by a shared_ptr: its claims keep it
/// alive, and so does its background task as long as there is something to write, or until stop().
class FleetClaims final : public std::enable_shared_from_this<FleetClaims> {
public:
    struct Settings {
        std::string prefix; ///< in front of the names of keys
        Duration lease{}; ///< at least a second: a claim that is not renewed for so long is unknown to others
        Duration remember{};   ///< how long the store keeps what was executed or freed
        bool required = false; ///< forward nothing while the store is away
        /// How long the store keeps what is in flight or unknown; at least `remember`.
        Duration settle_for{};
        /// Settlements that wait for the store. If there are more, one of them is dropped: others see it as
        /// unknown, or do not see it.
        std::size_t most_settlements = Table::most_records;
    };

    /// Each of the two steps of a claim takes this long at most if the store does not answer.
    static constexpr Duration longest_claim = std::chrono::milliseconds{100};
    /// The same while the store has not been reached yet since the start.
    static constexpr Duration longest_first_claim = std::chrono::seconds{1};
    /// How long settlements are written after stop().
    static constexpr Duration longest_stop = std::chrono::seconds{2};
    /// Longer JSON text of what was found is not shared.
    static constexpr std::size_t longest_found = 4096;
    /// So many of the waiting settlements may be of requests that were not forwarded, and whose claims the
    /// store may not even have got.
    static constexpr std::size_t most_minor_settlements = 4096;

    /// `identifier`: with the secret that all replicas share. `clock` and `stats` must outlive the background
    /// task.
    FleetClaims(std::shared_ptr<fleet::Store> store, std::shared_ptr<const Identifier> identifier,
                Settings settings, net::Executor executor, net::DeadlineClock& clock, Stats& stats);
    ~FleetClaims();
    FleetClaims(const FleetClaims&) = delete;
    FleetClaims& operator=(const FleetClaims&) = delete;

    /// Returns the request as the store will know it. `reading`: what the local identifier has read.
    [[nodiscard]] SharedRequestPtr prepare(const graphql::RequestView& view, const Reading& reading,
                                           std::string_view request_id, std::int64_t at_ms) const;

    /// Claims all transactions of the request or none. `known`: another replica's request that was seen in
    /// flight or whose outcome is unknown (without an owner: there is none); then the request is ours only if
    /// the store says that this owner has freed the transaction, and the answer is never `no_answer`. Throws
    /// only for lack of memory.
    [[nodiscard]] net::Task<FleetAnswer> claim(SharedRequestPtr request, Elsewhere known);

    /// How long to wait before the store is asked again for a request in flight: longer each time, with
    /// jitter.
    [[nodiscard]] Duration pause_before(std::size_t attempt);

    /// Call it at a shutdown. From now on requests find the store away, so that none waits for another
    /// replica's request, and nothing is forwarded without a claim. Each settlement that waits, or comes
    /// later, is tried once more, `within` this time and the length of a call; leases are no longer renewed.
    /// Then the background task ends. Another call can only shorten the time.
    void stop(Duration within = longest_stop) noexcept;

    [[nodiscard]] bool is_stopping() const noexcept { return stopping_; }

    /// Returns whether the background task has ended, with all that it had to write.
    [[nodiscard]] bool idle() const noexcept { return !working_; }

private:
    class Claim;
    using ClaimPtr = std::shared_ptr<Claim>;
    using Values = std::vector<std::optional<fleet::Value>>; ///< nullopt: not answered
    struct Verdict;

    /// What the store says of all keys of a claim.
    struct Asked {
        FleetAnswer answer{};
        std::size_t claimed = 0;    ///< keys
        bool unanswered = false;    ///< for some key
        bool may_hold_more = false; ///< a command was sent and not answered: it may have been executed
    };

    struct Writing {
        enum class Result : std::uint8_t {
            written,
            refused,    ///< the store answers, but does not take this one
            unanswered, ///< the store is away: all others wait with it
        };
        ClaimPtr claim;
        std::uint64_t number = 0; ///< Verdict::number; 0: there was none
        Result result = Result::written;
    };

    [[nodiscard]] static Writing::Result result_of(const std::optional<fleet::Value>& value) noexcept;
    [[nodiscard]] fleet::Command claim_command(const Claim& claim, const std::string& key,
                                               const std::string& known, bool sent) const;
    [[nodiscard]] fleet::Command settle_command(const Claim& claim, const std::string& key,
                                                const Verdict& verdict) const;
    [[nodiscard]] FleetAnswer read(const std::optional<fleet::Value>& value, const SharedRequest& request,
                                   const Elsewhere& known) const;
    [[nodiscard]] net::Task<Values> call_all(std::vector<fleet::Command> commands, Duration within);
    [[nodiscard]] static net::Task<Values> answers(std::shared_ptr<fleet::Store> store,
                                                   std::vector<fleet::Command> commands, Duration within,
                                                   Values values);
    [[nodiscard]] net::Task<Asked> ask(ClaimPtr claim, Elsewhere known, TimePoint end);
    [[nodiscard]] static net::Task<void> ask_again(ClaimPtr claim);
    void add_answer(Asked& asked, const std::optional<fleet::Value>& value, const SharedRequest& request,
                    const Elsewhere& known) const;
    [[nodiscard]] static int weight(const FleetAnswer& answer) noexcept;
    [[nodiscard]] bool can_ask() const noexcept;
    void hold(const ClaimPtr& claim, bool answered);
    void note_unclaimed(const SharedRequest& request) noexcept;
    void note_dropped(const SharedRequest& request) noexcept;
    void settle_soon(const ClaimPtr& claim) noexcept;
    void take_from_held(const ClaimPtr& claim) noexcept;
    void queue_settlement(const ClaimPtr& claim);
    [[nodiscard]] bool make_room_for(const Claim& claim) noexcept;
    void drop(std::deque<ClaimPtr>& list, std::deque<ClaimPtr>::iterator which) noexcept;
    void place_in_queue(const ClaimPtr& claim, std::deque<ClaimPtr>::iterator where);
    void work_if_needed();
    [[nodiscard]] bool has_work() const noexcept;
    [[nodiscard]] static net::Task<void> work(std::shared_ptr<FleetClaims> self);
    [[nodiscard]] TimePoint next_due() const noexcept;
    void take_into_work(std::deque<ClaimPtr>& list, std::size_t count) noexcept;
    [[nodiscard]] net::Task<void> renew_due();
    void renewed(const ClaimPtr& claim, bool answered) noexcept;
    void end_pauses(TimePoint now);
    [[nodiscard]] net::Task<bool> settle_queued();
    void tried_to_write(const Writing& writing) noexcept;
    void pause(const ClaimPtr& claim);
    void let_go() noexcept;

    std::shared_ptr<fleet::Store> store_;
    std::shared_ptr<const Identifier> identifier_;
    Settings settings_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
    std::string owner_; ///< random, of this object; a claim's owner has its number besides
    Stats& stats_;
    std::uint64_t last_claim_number_ = 0;
    std::minstd_rand dice_;
    std::deque<ClaimPtr> held_;     ///< in flight, in the order of their next renewal
    std::deque<ClaimPtr> settling_; ///< their settlements wait for the store
    std::deque<ClaimPtr> paused_;   ///< the store has refused theirs; in the order of the next try
    std::size_t minor_ = 0;         ///< of those in settling_: see most_minor_settlements
    TimePoint retry_at_{};          ///< of a settlement that could not be written
    net::Event wake_;
    bool working_ = false;
    bool stopping_ = false;
    TimePoint stop_by_{}; ///< stopping: nothing is written any more
    LogLimit unclaimed_lines_;
    LogLimit dropped_lines_;
};

} // namespace bearerd::transaction
