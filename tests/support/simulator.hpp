#pragma once

#include "deadline.hpp"
#include "http_client.hpp"
#include "process.hpp"
#include "temporary_directory.hpp"

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::test {

/// Documents for the simulator's shop (tests/simulator/README.md).
inline constexpr std::string_view card_number = "6301190019990640662";
[[nodiscard]] std::string balance_query();
/// A redemption of 0.01 under this reference, by which the ledger tells it.
[[nodiscard]] std::string redemption(std::string_view reference);

/// A running bearerd-sim, over TLS with a certificate of its own, and its control port.
class Simulator {
public:
    /// `arguments` are added to its command line.
    explicit Simulator(const std::vector<std::string>& arguments = {});
    Simulator(const Simulator&) = delete;
    Simulator& operator=(const Simulator&) = delete;
    ~Simulator() = default;

    [[nodiscard]] const std::string& url() const { return url_; }

    /// The CA of its certificate; empty with --plain.
    [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

    /// GET /__stats.
    [[nodiscard]] nlohmann::json stats() const;
    /// One count of GET /__stats, by its name; throws where there is none of that name.
    [[nodiscard]] std::int64_t stat(const std::string& name) const;
    /// How many mutations of this reference were executed.
    [[nodiscard]] std::size_t executions(std::string_view reference) const;
    /// GET /__ledger and /__requests: what was executed, and what came.
    [[nodiscard]] nlohmann::json ledger() const;
    [[nodiscard]] nlohmann::json requests() const;

    /// The faults in force from now on, in place of all others: a JSON object or a list.
    void set_faults(std::string_view json) { control("/__faults", json); }

    /// Every token given out so far is refused from now on.
    void revoke_tokens() { control("/__revoke"); }

    void close_idle_connections() { control("/__close_idle"); }

    /// Whatever the faults `hold` and `tls_hold` hold goes on.
    void release() { control("/__release"); }

    /// Refuses connections for that time, and closes those that are idle.
    void refuse_connections(std::chrono::milliseconds time);

    void change_password(std::string_view changed);

    /// Begins a hard day by its name, in place of all faults; "none" ends it.
    void begin_scenario(std::string_view name);

    /// GET /__cases: what the report is made of.
    [[nodiscard]] nlohmann::json cases() const;

    /// "127.0.0.1:PORT" of the control port.
    [[nodiscard]] std::string control_address() const;

    [[nodiscard]] Process& process() { return process_; }

    /// Runs the program itself to its end, as `--report` and `--scenario list` do.
    [[nodiscard]] static Finished run_program(const std::vector<std::string>& arguments);

private:
    void control(std::string_view path, std::string_view body = {}) const;
    [[nodiscard]] nlohmann::json get(const std::string& path) const;

    TemporaryDirectory directory_;
    Process process_;
    std::string url_;
    std::string ca_pem_;
    std::uint16_t control_port_ = 0;
};

} // namespace bearerd::test
