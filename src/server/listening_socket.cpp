#include <bearerd/server/listening_socket.hpp>

#include <bearerd/base/error.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace bearerd::server {
namespace {

constexpr int backlog = 4096; // the kernel caps it at net.core.somaxconn

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress tcp_address(const config::Address& address) {
    SocketAddress result;
    const std::string host = address.ip();
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        result.size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        result.size = sizeof *v6;
    }
    return result;
}

void set_flag(int descriptor, int level, int option) {
    const int on = 1;
    ::setsockopt(descriptor, level, option, &on,
                 sizeof on); // only an optimisation or a courtesy: a failure does not matter
}

/// Fills in what the descriptor's address says. Returns false if its family is unknown.
bool describe(ListeningSocket& socket) {
    SocketAddress bound;
    bound.size = sizeof bound.storage;
    if (::getsockname(socket.descriptor.get(), bound.get(), &bound.size) != 0)
        return false;
    if (bound.storage.ss_family == AF_UNIX) {
        const auto* local = reinterpret_cast<const sockaddr_un*>(&bound.storage);
        socket.identity.unix_socket = true;
        socket.text = "unix:" + std::string{local->sun_path};
        return true;
    }
    const std::string ip = ip_text(bound.storage);
    if (ip.empty())
        return false;
    // At the same offset for both families.
    socket.port = ntohs(reinterpret_cast<const sockaddr_in*>(&bound.storage)->sin_port);
    socket.text =
        (ip.find(':') == std::string::npos ? ip : "[" + ip + "]") + ":" + std::to_string(socket.port);
    if (ip != "0.0.0.0" && ip != "::")
        socket.identity.address = ip;
    socket.remote = !ip.starts_with("127.") && ip != "::1";
    return true;
}

std::variant<ListeningSocket, std::string> open_tcp(SocketAddress address, bool share, bool listening) {
    ListeningSocket socket;
    socket.descriptor =
        Descriptor{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int descriptor = socket.descriptor.get();
    if (descriptor < 0)
        return system_error().message();
    set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR); // a restart must not wait for old connections to time out
    set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it
    if (address.storage.ss_family == AF_INET6)
        set_flag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY);
    if (share)
        set_flag(descriptor, SOL_SOCKET, SO_REUSEPORT);
    if (::bind(descriptor, address.get(), address.size) != 0 ||
        (listening && ::listen(descriptor, backlog) != 0))
        return system_error().message();
    static_cast<void>(describe(socket));
    return socket;
}

OpenResult open_tcp_group(SocketAddress address, std::size_t threads) {
    // With SO_REUSEPORT a second bearerd could join unnoticed and take half of the connections. So the
    // address must be free without it first, as a brief test. Binding is enough: listening would accept
    // clients that wait for our start, and then reset them with their requests.
    if (threads > 1) {
        auto probe = open_tcp(address, false, false);
        if (auto* why = std::get_if<std::string>(&probe))
            return std::move(*why);
    }
    std::vector<ListeningSocket> sockets;
    for (std::size_t i = 0; i < threads; ++i) {
        auto opened = open_tcp(address, threads > 1, true);
        if (auto* why = std::get_if<std::string>(&opened))
            return std::move(*why);
        auto& socket = std::get<ListeningSocket>(opened);
        // With port 0 the first socket gets any port, and the others get the same one. It is at the same
        // offset for both families.
        reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(socket.port);
        sockets.push_back(std::move(socket));
    }
    return sockets;
}

/// Duplicates the descriptor for each thread, for sockets whose queue can't be split.
OpenResult share(ListeningSocket first, std::size_t threads) {
    std::vector<ListeningSocket> sockets;
    for (std::size_t i = 1; i < threads; ++i) {
        ListeningSocket copy;
        copy.descriptor = Descriptor{::fcntl(first.descriptor.get(), F_DUPFD_CLOEXEC, 3)};
        if (!copy.descriptor.is_open())
            return system_error().message();
        copy.identity = first.identity;
        copy.text = first.text;
        copy.port = first.port;
        copy.remote = first.remote;
        sockets.push_back(std::move(copy));
    }
    sockets.insert(sockets.begin(), std::move(first));
    return sockets;
}

/// Removes a socket file on which nobody listens. A file of another kind stays, and makes bind() fail.
bool remove_stale(const sockaddr_un& address) {
    struct stat status{};

    if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return true;
    const Descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN)
        return false;
    if (errno == ECONNREFUSED)
        ::unlink(address.sun_path);
    return true;
}

/// The file gets the socket's own mode, less the umask. So it has the right mode from the start, and no /proc
/// is needed, which a chroot may lack.
bool bind_with_mode(int descriptor, const sockaddr_un& address, std::uint32_t mode) noexcept {
    ::fchmod(descriptor, mode);
    const mode_t mask = ::umask(0);
    const bool bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int why = errno;
    ::umask(mask);
    errno = why;
    return bound;
}

bool has_mode(const std::string& path, std::uint32_t mode) noexcept {
    struct stat status{};

    return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
           (status.st_mode & ~static_cast<mode_t>(S_IFMT)) == mode;
}

OpenResult open_unix(const std::string& path, std::uint32_t mode, std::size_t threads) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return "a unix socket's path has at most " + std::to_string(sizeof address.sun_path - 1) +
               " characters";
    path.copy(address.sun_path, path.size());
    if (!remove_stale(address))
        return std::string{"another process listens on it"};
    ListeningSocket socket;
    socket.descriptor = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int descriptor = socket.descriptor.get();
    if (descriptor < 0 || !bind_with_mode(descriptor, address, mode))
        return system_error().message();
    // The mode differs if the folder has a default ACL. Until listen() nobody can connect, so it can still be
    // corrected.
    if (!has_mode(path, mode))
        if (auto why = change_socket_mode(path, mode))
            return std::move(*why);
    if (::listen(descriptor, backlog) != 0)
        return system_error().message();
    static_cast<void>(describe(socket));

    struct stat status{};

    if (::lstat(path.c_str(), &status) == 0)
        socket.file = {path, status.st_dev, status.st_ino};
    return share(std::move(socket), threads);
}

} // namespace

void SocketFile::remove() const noexcept {
    struct stat status{};

    if (!path.empty() && ::lstat(path.c_str(), &status) == 0 && status.st_dev == device &&
        status.st_ino == inode)
        ::unlink(path.c_str());
}

std::string ip_text(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    } else if (address.ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
        // A socket for both families has IPv4 addresses at the end of ::ffff:0:0/96.
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
        else
            ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
    return text.data();
}

OpenResult open_listening(const config::Address& address, std::uint32_t unix_mode, std::size_t threads) {
    OpenResult result = address.kind == config::Address::Kind::unix_socket
                            ? open_unix(address.path, unix_mode, threads)
                            : open_tcp_group(tcp_address(address), threads);
    if (auto* why = std::get_if<std::string>(&result))
        return "can't listen on " + address.text() + ": " + *why;
    return result;
}

std::optional<std::string> change_socket_mode(const std::string& path, std::uint32_t mode) {
    const Descriptor file{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};

    struct stat status{};

    if (!file.is_open() || ::fstat(file.get(), &status) != 0)
        return system_error().message();
    if (!S_ISSOCK(status.st_mode))
        return "it is no socket";
    // fchmod() refuses such a descriptor. This name refers to the file that was checked.
    const std::string name = "/proc/self/fd/" + std::to_string(file.get());
    if (::chmod(name.c_str(), mode) != 0)
        return system_error().message();
    return std::nullopt;
}

OpenResult adopt_listening(int descriptor, std::size_t threads) {
    ListeningSocket socket;
    socket.descriptor = Descriptor{descriptor};
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
        return "can't use the socket that systemd handed over: " + system_error().message();
    if (!describe(socket))
        return "listen.addresses: systemd handed over a socket that is neither TCP nor unix; see "
               "ListenStream= "
               "in bearerd.socket";
    if (!socket.identity.unix_socket)
        set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY);
    return share(std::move(socket), threads);
}

} // namespace bearerd::server
