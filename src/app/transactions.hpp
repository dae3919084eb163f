#pragma once

#include "worker.hpp"

#include <bearerd/base/secret.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::app {

/// Guards the transactions of these journal entries, if any rule replays repeats. What is guarded already
/// stays.
void restore(const std::vector<journal::Item>& items, const Generation& generation, Shared& shared);

/// What the guards of all threads share, made when a configuration first asks for it.
class Transactions {
public:
    Transactions(Shared& shared, Worker& first) : shared_{shared}, first_{first} { make_events(); }

    /// Before a generation is made from the settings: the secret of its HMACs, and the table. Blocking, the
    /// first time.
    [[nodiscard]] const Secret& prepare(const config::Settings& settings);

    /// What the journal holds, once: before the first request that is guarded. Blocking.
    void restore_from_journal(const Generation& generation);

    /// The JSON of /transactions for a key (contract 8). Any thread.
    [[nodiscard]] static std::string describe(const Generation& generation, transaction::Table& table,
                                              std::string_view key);

private:
    void make_events();

    Shared& shared_;
    Worker& first_;
    Secret secret_;
    bool restored_ = false;
};

} // namespace bearerd::app
