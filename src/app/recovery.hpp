#pragma once

#include <bearerd/journal/journal.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/reconcile/reconciler.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace bearerd::app {

/// Looks up what former processes left without an outcome, in the background, four at a time: each is asked
/// after within `transactions.look_up_for`. Where the upstream can't be asked, it tries again with growing
/// pauses, for an hour. What is not found stays unresolved: it may have been executed all the same. Logs each
/// result and a summary. On one thread, whose loop must drain before this goes.
class Recovery {
public:
    /// Who asks, for as long as it is held: a reload changes it.
    struct Asker {
        std::shared_ptr<reconcile::Reconciler> reconciler;
        std::uint32_t account = 0; ///< journal::account_of() the upstream that it asks
    };

    Recovery(journal::Journal& journal, net::Executor executor, net::DeadlineClock& clock,
             std::function<Asker()> asker);
    Recovery(const Recovery&) = delete;
    Recovery& operator=(const Recovery&) = delete;
    ~Recovery() = default;

    /// Once.
    void start(std::vector<journal::Item> items);

    /// No further question. Those under way are ended by the reconciler's group.
    void stop() noexcept;

private:
    struct Counts {
        std::int64_t found = 0;
        std::int64_t not_found = 0;
        std::int64_t not_asked = 0;
    };

    [[nodiscard]] net::Task<void> run();
    [[nodiscard]] net::Task<void> work();
    [[nodiscard]] net::Task<void> look_up(journal::Item item);
    [[nodiscard]] net::Task<void> rest(Duration pause);
    void end_work();
    void summarize() const;

    journal::Journal& journal_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
    std::function<Asker()> asker_;
    std::deque<journal::Item> waiting_;
    std::vector<journal::Item> again_; ///< nobody could be asked
    net::Event worked_;                ///< a round is over
    net::Event pause_over_;
    std::size_t working_ = 0;
    Counts counts_;
    bool stopped_ = false;
};

} // namespace bearerd::app
