#pragma once

#include <bearerd/auth/store_record.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/fleet/keys.hpp>
#include <bearerd/fleet/store.hpp>
#include <bearerd/net/task.hpp>

#include "fleet_machine.hpp"
#include "store_writer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::auth {

/// What the replicas of a fleet do together about logins (contract 12): carries out the steps of a
/// FleetMachine over the store. The token service's first thread only. Its coroutines keep it alive.
class FleetLogin : public std::enable_shared_from_this<FleetLogin> {
public:
    struct World {
        std::function<TimePoint()> clock;
        std::function<double()> jitter;                   ///< in [0, 1)
        std::function<StoreWriter::TokenInUse()> current; ///< the token in use; or none
        std::function<std::int64_t()> wall_ms = &bearerd::wall_ms;
        /// The token in use is about to be read and offered, or an offer has ended: a swap from now on needs
        /// another offer_soon(). Does not throw.
        std::function<void()> expect_swaps = [] {};
    };

    /// `store` must outlive the loop's work.
    FleetLogin(net::Executor executor, fleet::Store& store, World world);

    /// Where the store has what an account shares, and how that is sealed.
    struct Place;
    using PlacePtr = std::shared_ptr<const Place>;

    /// Returns the place of an account that has these keys, or nullptr if there are no keys. Any thread.
    [[nodiscard]] static PlacePtr place_of(const config::Settings& settings, fleet::KeysPtr keys);

    /// Uses the place of other credentials, or of the first ones. With nullptr nothing is shared.
    void change(PlacePtr place) noexcept;

    /// Returns whether logins are shared; false if no keys could be made.
    [[nodiscard]] bool ready() const noexcept { return place_ != nullptr; }

    /// Ends every wait. Releases the lease of a running login in the background, so that no other replica has
    /// to wait until it expires.
    void stop() noexcept;

    /// What one login does in the store, from begin() to leave().
    struct Visit;
    using VisitPtr = std::shared_ptr<Visit>;

    struct Verdict {
        FleetMachine::Step step;          ///< any but read, take_lease and wait
        std::uint32_t rejections = 0;     ///< FleetMachine::rejections()
        std::optional<TokenRecord> token; ///< adopt
        Duration left{};                  ///< adopt: of its life
    };

    /// Begins a visit, which replaces the current one. `renews`: the token in use was not rejected, but will
    /// expire soon.
    [[nodiscard]] VisitPtr begin(bool renews);

    /// Decides with the other replicas what happens about the login that is wanted. Returns by `deadline`,
    /// and earlier if the store stops answering. If a login may follow (log_in, log_in_alone and later), the
    /// visit goes on until leave().
    [[nodiscard]] net::Task<Verdict> enter(VisitPtr visit, TimePoint deadline);

    /// Reports that the adopted token is in use, under this generation.
    void adopted(std::uint64_t generation) noexcept;

    /// How the login of a visit ended.
    struct Report {
        enum class Kind : std::uint8_t { none, logged_in, rejected, put_off } kind = Kind::none;
        StoreWriter::TokenInUse token{}; ///< logged_in
        std::uint32_t rejections = 0;    ///< rejected: in a row
        Duration next_try{};             ///< rejected, put_off: from now on
    };

    /// Ends the visit: stores in the background what the others need to know, then releases the lease.
    void leave(VisitPtr visit, Report report);

    /// Reports that an answer has brought another token: it is stored in the background within a second or
    /// so. Returns false if there is no memory for that.
    bool offer_soon();

private:
    [[nodiscard]] Moment moment() const;
    [[nodiscard]] bool is_over(const Visit& visit) const noexcept;
    using Answers = std::vector<std::optional<fleet::Value>>;

    /// Returns nullopt for an error as well: what the store refuses is not shared.
    [[nodiscard]] net::Task<Answers> ask(std::vector<fleet::Command> commands, TimePoint until);
    [[nodiscard]] TimePoint soon() const;
    void note_swap(const StoreWriter::TokenInUse& token);
    [[nodiscard]] net::Task<FleetMachine::Step> read(VisitPtr visit, TimePoint until);
    [[nodiscard]] net::Task<FleetMachine::Step> take_lease(VisitPtr visit, TimePoint until);
    void take_token(Visit& visit, const fleet::Value& stored, std::int64_t store_time,
                    FleetMachine::Found& found);
    [[nodiscard]] static net::Task<void> renew(std::shared_ptr<FleetLogin> self, VisitPtr visit);
    [[nodiscard]] static net::Task<void> finish(std::shared_ptr<FleetLogin> self, VisitPtr visit,
                                                Report report, TokenVersion version);
    [[nodiscard]] static net::Task<void> offer(std::shared_ptr<FleetLogin> self);
    [[nodiscard]] net::Task<bool> publish(PlacePtr place, StoreWriter::TokenInUse token, TokenVersion version,
                                          std::vector<fleet::Command> then);
    [[nodiscard]] std::optional<fleet::Command> publication(const Place& place,
                                                            const StoreWriter::TokenInUse& token,
                                                            TokenVersion version,
                                                            std::int64_t store_time) const;
    [[nodiscard]] net::Task<void> keep_offering();
    void forget_obstacles(const Place& place, std::vector<fleet::Command>& commands) const;
    [[nodiscard]] std::int64_t age_ms() const;

    net::Executor executor_;
    fleet::Store& store_;
    World world_;
    FleetMachine machine_;
    PlacePtr place_;
    VisitPtr visit_;                    ///< the current one
    std::uint64_t mine_generation_ = 0; ///< of the token that machine_.mine() speaks of
    TimePoint login_at_{};              ///< of the last login of one's own
    std::string unreadable_;            ///< the token that was read last, if it could not be opened
    net::Timer offer_timer_;
    bool offering_ = false;
    bool offer_again_ = false;
    bool forget_rejections_ = false; ///< a login has succeeded, and the store does not know that yet
    bool stopped_ = false;
};

} // namespace bearerd::auth
