#pragma once

#include "deadline.hpp"
#include "process.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace bearerd::test {

/// Replaces systemd's side of sd_notify: the datagram socket that NOTIFY_SOCKET names.
class NotifySocket {
public:
    explicit NotifySocket(const std::filesystem::path& path);
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;
    ~NotifySocket();

    [[nodiscard]] const std::string& path() const { return path_; }

    /// Waits for a message with this line ("READY=1"). Returns false if the process ends, or the deadline
    /// passes, first.
    bool wait_for(const std::string& line, const Process& process, Deadline deadline = Deadline{});

    /// The messages so far, each split into lines.
    [[nodiscard]] const std::vector<std::string>& messages() const { return messages_; }

private:
    std::string path_;
    int descriptor_ = -1;
    std::vector<std::string> messages_;
    std::size_t seen_ = 0;
};

} // namespace bearerd::test
