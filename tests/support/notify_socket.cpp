#include "notify_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace bearerd::test {

NotifySocket::NotifySocket(const std::filesystem::path& path)
    : path_{path}, descriptor_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), std::min(path_.size() + 1, sizeof address.sun_path - 1));
    if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error{errno, std::generic_category(), path_};
}

NotifySocket::~NotifySocket() {
    ::close(descriptor_);
}

bool NotifySocket::wait_for(const std::string& line, const Process& process, Deadline deadline) {
    constexpr int look_at_process_ms = 50; // the process's end is no event on this socket
    for (;;) {
        const bool running = process.running();
        for (; seen_ < messages_.size(); ++seen_)
            if (("\n" + messages_[seen_] + "\n").find("\n" + line + "\n") != std::string::npos) {
                ++seen_;
                return true;
            }
        pollfd waiting{descriptor_, POLLIN, 0};
        if (::poll(&waiting, 1, std::min(deadline.left_ms(), look_at_process_ms)) > 0) {
            std::array<char, 4096> message;
            const ssize_t size = ::recv(descriptor_, message.data(), message.size(), 0);
            messages_.emplace_back(message.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        } else if (!running || deadline.passed()) {
            return false;
        }
    }
}

} // namespace bearerd::test
