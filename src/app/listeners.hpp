#pragma once

#include "worker.hpp"

#include <bearerd/config/config.hpp>
#include <bearerd/server/listening_socket.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bearerd::app {

/// The sockets on which bearerd listens for apps: opened for a configuration on every worker, and closed when
/// a later one no longer names them. On the first thread, or while its loop does not run.
class Listeners {
public:
    /// Both must outlive it; `config_file` is for messages.
    Listeners(const std::vector<std::unique_ptr<Worker>>& workers, const std::string& config_file)
        : workers_{workers}, config_file_{config_file} {}

    Listeners(const Listeners&) = delete;
    Listeners& operator=(const Listeners&) = delete;

    /// Opens what is not open yet. Returns exit_fine, or the exit status for a start that fails, after
    /// logging the reason; then no worker has got a socket.
    [[nodiscard]] int open(const config::Settings& settings);

    /// Closes what these settings do not name.
    void close_others(const config::Settings& wanted);

    /// Gives all unix sockets, also those that stay open, the mode in these settings.
    static void change_modes(const config::Settings& settings);

private:
    using Shares = std::vector<std::vector<server::ListeningSocket>>; ///< for each worker
    [[nodiscard]] bool open_one(const config::Address& address, const config::Settings& settings,
                                Shares& shares);
    void warn_of_uncovered(const config::Settings& settings) const;

    const std::vector<std::unique_ptr<Worker>>& workers_;
    const std::string& config_file_;
    std::map<std::string, std::vector<std::string>> listening_; ///< configured address → where it listens
    std::string remote_hand_over_; ///< a socket from systemd that other machines can reach
};

} // namespace bearerd::app
