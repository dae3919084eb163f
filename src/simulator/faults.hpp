#pragma once

#include "value.hpp"

#include <chrono>
#include <random>
#include <vector>

namespace bearerd::sim {

/// What a request is, as far as faults are concerned. `connection` is the moment of accepting.
enum class Traffic { query, mutation, login, connection };

struct Fault {
    enum class Kind {
        delay,
        delay_after,
        reject,
        reject_401,
        close_before,
        close_after,
        half_answer,
        half_answer_rst,
        half_header,
        garbage,
        stale_fin,
        stale_rst,
        tls_stall,
        tls_hold,
        hold,
        bad_login,
        login_no_token,
        account_locked,
        status,
        trickle,
        unauthorized_in_data,
        unauthorized_beside_data,
        deep_path,
        chunked,
        chunked_trailer,
        close_delimited,
        close_delimited_truncated,
        early_hints,
        huge,
        older_token,
        foreign_token,
        new_token,
        gzip,
        deflate,
        reorder,
        down,
    };

    Kind kind = Kind::delay;
    double probability = 1.0;
    std::int64_t next = -1;   ///< How many more times it strikes; -1 without end.
    std::int64_t after = 0;   ///< How many matching requests it spares first.
    std::int64_t every = 1;   ///< N: it strikes the first of the rest, then every N-th.
    std::int64_t fitting = 0; ///< How many there were, for `every`.
    std::chrono::milliseconds delay{0};
    bool queries = true;
    bool mutations = true;
    bool logins = true;
    unsigned status = 500;         ///< Of `status`.
    std::int64_t retry_after = -1; ///< Of `status`, in seconds; -1: no such header.
    bool executes = false;         ///< Of `status`: the operation is executed first.
    std::int64_t bytes = 1 << 20;  ///< Of `huge`.
};

/// The names of Fault::Kind in JSON.
std::string_view name_of(Fault::Kind kind);
std::vector<std::string_view> fault_names();

/// The faults in force. Which request is struck depends only on the seed and on the order of requests.
class Faults {
public:
    explicit Faults(std::uint64_t seed = 1) : random_(seed) {}

    /// Adds one object or a list of them. Returns "" if all were added; else what is wrong, and none was
    /// added.
    [[nodiscard]] std::string add(const Json& json);

    /// The faults that strike this one, each kind at most once.
    [[nodiscard]] std::vector<Fault> strike(Traffic traffic);

    void clear() { faults_.clear(); }

    void seed(std::uint64_t seed) { random_.seed(seed); }

    [[nodiscard]] Json describe() const;

private:
    bool hit(double probability);

    std::vector<Fault> faults_;
    std::mt19937_64 random_;
};

/// The fault of that kind in a list that `strike` returned, or null.
const Fault* find(const std::vector<Fault>& faults, Fault::Kind kind);

} // namespace bearerd::sim
