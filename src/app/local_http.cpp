#include "local_http.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>

namespace bearerd::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{5};
constexpr std::size_t longest_answer = 1 << 20;

LocalFailure system_failure() {
    return {std::generic_category().message(errno)};
}

/// One connection, non-blocking underneath, with one deadline over all.
class LocalSocket {
public:
    explicit LocalSocket(int family)
        : descriptor_{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {}

    LocalSocket(const LocalSocket&) = delete;
    LocalSocket& operator=(const LocalSocket&) = delete;

    ~LocalSocket() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }

    [[nodiscard]] std::optional<LocalFailure> connect(const sockaddr* address, socklen_t size) const {
        if (descriptor_ < 0)
            return system_failure();
        if (::connect(descriptor_, address, size) == 0)
            return std::nullopt;
        if (errno != EINPROGRESS)
            return system_failure();
        if (!wait(POLLOUT))
            return LocalFailure{"no connection within 5 s"};
        socklen_t length = sizeof errno;
        int problem = 0;
        ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &problem, &length);
        errno = problem;
        return problem == 0 ? std::nullopt : std::optional{system_failure()};
    }

    [[nodiscard]] std::optional<LocalFailure> send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent >= 0)
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno != EAGAIN && errno != EINTR)
                return system_failure();
            else if (!wait(POLLOUT))
                return LocalFailure{"no answer within 5 s"};
        }
        return std::nullopt;
    }

    /// Everything up to the end of the stream.
    [[nodiscard]] LocalAnswer receive_all() const {
        std::string bytes;
        std::array<char, 16'384> piece;
        while (bytes.size() <= longest_answer) {
            const ssize_t got = ::recv(descriptor_, piece.data(), piece.size(), 0);
            if (got == 0)
                return bytes;
            if (got > 0)
                bytes.append(piece.data(), static_cast<std::size_t>(got));
            else if (errno != EAGAIN && errno != EINTR)
                return system_failure();
            else if (!wait(POLLIN))
                return LocalFailure{"no answer within 5 s"};
        }
        return LocalFailure{"the answer is larger than 1 MiB"};
    }

private:
    [[nodiscard]] bool wait(short event) const {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(give_up_ - Clock::now()).count();
        pollfd waiting{descriptor_, event, 0};
        return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) != 0;
    }

    int descriptor_;
    Clock::time_point give_up_ = Clock::now() + patience;
};

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

std::optional<Endpoint> endpoint_of(const config::Address& address) {
    Endpoint endpoint;
    if (address.kind == config::Address::Kind::unix_socket) {
        auto* local = reinterpret_cast<sockaddr_un*>(&endpoint.storage);
        if (address.path.size() >= sizeof local->sun_path)
            return std::nullopt;
        local->sun_family = AF_UNIX;
        address.path.copy(local->sun_path, address.path.size());
        endpoint.size = sizeof *local;
        return endpoint;
    }
    const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&endpoint.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&endpoint.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        endpoint.size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        endpoint.size = sizeof *v6;
    } else {
        return std::nullopt;
    }
    return endpoint;
}

/// HTTP/1.0 was asked for, so the body is what follows the head to the end.
LocalAnswer body_of(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos || !answer.starts_with("HTTP/1."))
        return LocalFailure{"what listens there does not speak HTTP"};
    const std::size_t status = answer.find(' ') + 1;
    if (answer.compare(status, 3, "200") != 0)
        return LocalFailure{"the answer is " + answer.substr(status, answer.find("\r\n") - status),
                            answer.substr(end + 4)};
    return answer.substr(end + 4);
}

} // namespace

LocalAnswer get_local(const config::Address& address, std::string_view target) {
    const auto endpoint = endpoint_of(address);
    if (!endpoint)
        return LocalFailure{"the address can't be used"};
    const LocalSocket socket{endpoint->storage.ss_family};
    if (auto failure = socket.connect(reinterpret_cast<const sockaddr*>(&endpoint->storage), endpoint->size))
        return std::move(*failure);
    const std::string request = "GET " + std::string{target} + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (auto failure = socket.send(request))
        return std::move(*failure);
    auto answer = socket.receive_all();
    if (std::holds_alternative<LocalFailure>(answer))
        return answer;
    return body_of(std::get<std::string>(answer));
}

} // namespace bearerd::app
