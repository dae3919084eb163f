#pragma once

#include <bearerd/config/config.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/journal/journal.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>

#include <string_view>
#include <vector>

namespace bearerd::journal {

/// Puts one thread's mutations into the journal. On that thread only; the journal, the executor's loop and
/// the clock must outlive the requests in hand.
class Scribe {
public:
    Scribe(Journal& journal, const config::Settings& settings, net::Executor executor,
           net::DeadlineClock& clock);

    /// What may mutate, before it is sent. Of the request nothing is kept but what an Intent has. The entry
    /// is `durable` where it will outlive a crash; otherwise that did not come about within two seconds, it
    /// is counted, and the mutation goes without, or where that is required(), must not go.
    [[nodiscard]] net::Task<EntryPtr> put_down(graphql::RequestView request, std::string_view operation,
                                               std::string_view request_id, std::string_view trace_id);

    /// What became of it, as soon as that is known.
    void conclude(EntryPtr entry, graphql::Executed executed, std::uint16_t status, std::string_view code,
                  Source source);

    /// Nothing is sent without its intent on disk.
    [[nodiscard]] bool required() const noexcept { return required_; }

private:
    Journal& journal_;
    bool required_;
    std::uint32_t account_;
    std::vector<graphql::KeyRule> keys_;
    net::Executor executor_;
    net::DeadlineClock& clock_;
};

} // namespace bearerd::journal
