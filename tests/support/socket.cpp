#include "socket.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <sstream>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace bearerd::test {
namespace {

constexpr std::uint16_t first_port = 20'000;
constexpr std::uint16_t last_port = 32'000;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

sockaddr_in loopback(std::uint16_t port, const char* address = "127.0.0.1") {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &result.sin_addr);
    return result;
}

template<class Address>
const sockaddr* as_sockaddr(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address); // NOLINT(*-reinterpret-cast): the sockets interface
}

bool can_be_bound(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        fail("socket");
    const int on = 1; // a server sets it too, and connections in TIME_WAIT must not matter
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    const bool bound = ::bind(descriptor, as_sockaddr(address), sizeof address) == 0;
    ::close(descriptor);
    return bound;
}

/// The lock is never released: it ends with the process.
bool reserve(const std::filesystem::path& folder, std::uint16_t port) {
    const std::string file = folder / std::to_string(port);
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        fail(file);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && can_be_bound(port))
        return true;
    ::close(descriptor);
    return false;
}

void wait_for(int descriptor, short events, const Deadline& deadline, const char* what) {
    pollfd waiting{descriptor, events, 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, deadline.left_ms());
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        throw TimedOut{what};
}

/// The ports of a TCP connection over 127.0.0.1.
struct Ports {
    std::uint16_t own = 0;
    std::uint16_t peer = 0;
};

Ports ports_of(int descriptor) {
    const auto port_by = [descriptor](auto get_name) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        if (get_name(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) // NOLINT(*-cast)
            fail("the ports of a connection");
        return ntohs(address.sin_port);
    };
    return {port_by(::getsockname), port_by(::getpeername)};
}

/// The kernel's view of the other end of a connection; nullopt after it is gone.
struct OtherEnd {
    unsigned state = 0;
    unsigned long unread = 0;
};

std::optional<OtherEnd> other_end(const Ports& ports) {
    // Of thousands of lines, most of them closed connections, only those with both ports are worth taking
    // apart.
    const auto ending = [](std::uint16_t port) {
        std::array<char, 8> text{};
        const int size = std::snprintf(text.data(), text.size(), ":%04X ", port);
        return std::string{text.data(), static_cast<std::size_t>(size)};
    };
    const std::string peer = ending(ports.peer);
    const std::string own = ending(ports.own);
    std::ifstream table{"/proc/net/tcp"};
    std::string line;
    std::getline(table, line); // the headings
    while (std::getline(table, line)) {
        if (line.find(peer) == std::string::npos || line.find(own) == std::string::npos)
            continue;
        std::istringstream fields{line};
        std::string number;
        std::string local;
        std::string remote;
        std::string state;
        std::string queues;
        fields >> number >> local >> remote >> state >> queues;
        const auto port = [](const std::string& address) {
            return std::stoul(address.substr(address.find(':') + 1), nullptr, 16);
        };
        if (port(local) == ports.peer && port(remote) == ports.own)
            return OtherEnd{static_cast<unsigned>(std::stoul(state, nullptr, 16)),
                            std::stoul(queues.substr(queues.find(':') + 1), nullptr, 16)};
    }
    return std::nullopt;
}

/// By polling, because there is no event for it.
template<class Condition>
void wait_until(Condition condition, const Deadline& deadline, const char* what) {
    while (!condition()) {
        if (deadline.passed())
            throw TimedOut{what};
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

} // namespace

std::uint16_t free_port() {
    const auto folder =
        std::filesystem::temp_directory_path() / ("bearerd-test-ports-" + std::to_string(::getuid()));
    std::filesystem::create_directories(folder);
    static auto next = static_cast<std::uint16_t>(first_port + ::getpid() * 7 % (last_port - first_port));
    for (int tries = 0; tries < last_port - first_port; ++tries) {
        const std::uint16_t port = next;
        next = port + 1 < last_port ? static_cast<std::uint16_t>(port + 1) : first_port;
        if (reserve(folder, port))
            return port;
    }
    throw std::runtime_error{"no free port"};
}

Socket::Socket(Socket&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

Socket::~Socket() {
    close();
}

Socket Socket::connect(std::uint16_t port, const char* address) {
    Socket result{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_in peer = loopback(port, address);
    if (::connect(result.descriptor_, as_sockaddr(peer), sizeof peer) != 0)
        fail("connect to port " + std::to_string(port));
    const int on = 1;
    ::setsockopt(result.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return result;
}

Socket Socket::connect_unix(const std::string& path) {
    Socket result{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un peer{};
    peer.sun_family = AF_UNIX;
    if (path.size() >= sizeof peer.sun_path)
        throw std::runtime_error{"too long for a socket: " + path};
    std::memcpy(peer.sun_path, path.c_str(), path.size() + 1);
    if (::connect(result.descriptor_, as_sockaddr(peer), sizeof peer) != 0)
        fail("connect to " + path);
    return result;
}

void Socket::send(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        wait_for(descriptor_, POLLOUT, deadline, "sending");
        const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno != EINTR && errno != EAGAIN)
            fail("send");
    }
}

std::string Socket::receive_some(std::size_t limit, Deadline deadline) {
    std::string result(limit, '\0');
    for (;;) {
        wait_for(descriptor_, POLLIN, deadline, "receiving");
        const ssize_t got = ::recv(descriptor_, result.data(), result.size(), MSG_DONTWAIT);
        if (got >= 0) {
            result.resize(static_cast<std::size_t>(got));
            return result;
        }
        if (errno != EINTR && errno != EAGAIN)
            fail("recv");
    }
}

std::string Socket::receive_all(Deadline deadline) {
    std::string result;
    try {
        for (std::string piece = receive_some(65'536, deadline); !piece.empty();
             piece = receive_some(65'536, deadline))
            result += piece;
    } catch (const std::system_error&) { // a reset ends the stream too
    }
    return result;
}

void Socket::send_with_end(std::string_view bytes) {
    const int hold_back = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_CORK, &hold_back, sizeof hold_back);
    send(bytes);
    shutdown_send(); // sends the bytes held back, too
}

void Socket::shutdown_send() {
    ::shutdown(descriptor_, SHUT_WR);
}

void Socket::reset() {
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

void Socket::close() {
    if (descriptor_ >= 0)
        ::close(std::exchange(descriptor_, -1));
}

void Socket::wait_until_read(Deadline deadline) const {
    const Ports ports = ports_of(descriptor_);
    const auto delivered = [this] {
        int unacknowledged = 0;
        return ::ioctl(descriptor_, TIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
    };
    const auto read = [&ports] {
        const auto end = other_end(ports);
        return !end || end->unread == 0;
    };
    wait_until(delivered, deadline, "what was sent to be delivered");
    wait_until(read, deadline, "what was sent to be read");
}

void Socket::shutdown_send_and_wait(Deadline deadline) {
    const Ports ports = ports_of(descriptor_);
    shutdown_send();
    const auto seen = [&ports] {
        const auto end = other_end(ports);
        return !end || end->state != TCP_ESTABLISHED;
    };
    wait_until(seen, deadline, "the end of a stream to be seen");
}

void Socket::reset_and_wait(Deadline deadline) {
    const Ports ports = ports_of(descriptor_);
    reset();
    wait_until([&ports] { return !other_end(ports); }, deadline, "a reset to be seen");
}

bool accepts_connections(std::uint16_t port) {
    try {
        (void)Socket::connect(port);
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

} // namespace bearerd::test
