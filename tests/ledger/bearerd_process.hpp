#pragma once

#include "support/notify_socket.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::ledger {

/// YAML beyond addresses and credentials.
struct DaemonSettings {
    std::string upstream;      ///< "key: value, key: value" of `upstream`
    std::string others;        ///< whole lines of other keys
    bool told_in_full = false; ///< a line in its log for each request, and a journal
};

/// A bearerd that is ended and started again on the same port, with the same configuration and token store.
/// To be used on the thread that made it: the process dies with the thread that started it.
class BearerdProcess {
public:
    BearerdProcess(std::string program, const std::string& upstream_url, const std::string& ca_pem,
                   const DaemonSettings& settings);

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Starts it and waits for READY=1; throws if it does not come.
    void start();
    /// Sends SIGTERM; returns how it ended, or nullopt if it does not.
    std::optional<test::ExitStatus> terminate();
    /// Sends SIGKILL and waits until it is gone.
    void kill();
    /// Sends SIGHUP and waits until it says that it is ready again; returns false if it does not.
    bool reload();

    [[nodiscard]] std::string output() const;
    /// The output of the one that runs now.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view text) const;

    /// While this file exists, the journal of a bearerd that is built with held_journal.cpp does not get
    /// durable.
    [[nodiscard]] std::string journal_hold_file() const { return (directory_.path() / "hold").string(); }

private:
    test::TemporaryDirectory directory_;
    std::string program_;
    std::string config_file_;
    std::uint16_t port_;
    int starts_ = 0;
    std::unique_ptr<test::NotifySocket> notify_;
    std::unique_ptr<test::Process> process_;
    std::string earlier_output_;
};

} // namespace bearerd::ledger
