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

/// Documents for the simulator's shop (src/simulator/README.md).
inline constexpr std::string_view card_number = "6301190019990640662";
[[nodiscard]] std::string balance_query();
/// A redemption of 0.01 with this reference, which identifies it in the ledger.
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
    /// Returns one count of GET /__stats by its name; throws if there is none with that name.
    [[nodiscard]] std::int64_t stat(const std::string& name) const;
    /// Returns how many mutations with this reference were executed.
    [[nodiscard]] std::size_t executions(std::string_view reference) const;
    /// GET /__ledger and /__requests: what was executed, and what was received.
    [[nodiscard]] nlohmann::json ledger() const;
    [[nodiscard]] nlohmann::json requests() const;

    /// Sets the faults from now on, replacing all others: a JSON object or a list.
    void set_faults(std::string_view json) { control("/__faults", json); }

    /// Makes the simulator refuse every token issued so far.
    void revoke_tokens() { control("/__revoke"); }

    void close_idle_connections() { control("/__close_idle"); }

    /// Releases everything that the faults `hold` and `tls_hold` hold.
    void release() { control("/__release"); }

    /// Refuses connections for this time, and closes idle ones.
    void refuse_connections(std::chrono::milliseconds time);

    void change_password(std::string_view changed);

    /// Begins a hard day by its name, replacing all faults; "none" ends it.
    void begin_scenario(std::string_view name);

    /// GET /__cases: the data of the report.
    [[nodiscard]] nlohmann::json cases() const;

    /// "127.0.0.1:PORT" of the control port.
    [[nodiscard]] std::string control_address() const;

    [[nodiscard]] Process& process() { return process_; }

    /// Runs the program itself until it ends, as for `--report` and `--scenario list`.
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
