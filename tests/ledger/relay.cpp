#include "relay.hpp"

#include "support/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace bearerd::ledger {
namespace {

constexpr int look_every_ms = 5; // whether it is to be cut

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int listen_on(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    constexpr int backlog = 64;
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(descriptor, backlog) != 0)
        throw std::system_error{errno, std::generic_category(), "a relay can't listen"};
    return descriptor;
}

} // namespace

Relay::Relay(std::uint16_t server_port)
    : server_port_{server_port},
      port_{test::free_port()},
      listener_{listen_on(port_)},
      thread_{[this] { run(); }} {}

Relay::~Relay() {
    stopping_ = true;
    thread_.join();
    close_all();
    ::close(listener_);
}

void Relay::run() {
    while (!stopping_) {
        std::vector<pollfd> watched{{listener_, POLLIN, 0}};
        for (const Pair& pair : pairs_) {
            watched.push_back({pair.client, POLLIN, 0});
            watched.push_back({pair.server, POLLIN, 0});
        }
        const int ready = ::poll(watched.data(), watched.size(), look_every_ms);
        if (state_ == State::cut)
            close_all();
        if (ready <= 0)
            continue;
        std::vector<Pair> ended;
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            const Pair pair = pairs_[i];
            const bool asked = watched[2 * i + 1].revents != 0;
            const bool answered = watched[2 * i + 2].revents != 0;
            if ((asked && !pass(pair.client, pair.server)) || (answered && !pass(pair.server, pair.client)))
                ended.push_back(pair);
        }
        for (const Pair& pair : ended) {
            ::close(pair.client);
            ::close(pair.server);
            std::erase_if(pairs_, [&pair](const Pair& each) { return each.client == pair.client; });
        }
        if (watched.front().revents != 0)
            accept();
    }
}

void Relay::accept() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0)
        return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    if (state_ == State::cut ||
        ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(client);
        ::close(server);
        return;
    }
    pairs_.push_back({client, server});
}

/// Returns false if the connection has ended. The answers of a deaf one are dropped.
bool Relay::pass(int from, int to) {
    std::array<char, 65'536> bytes{};
    const auto got = ::recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0)
        return false;
    const bool is_answer =
        std::ranges::any_of(pairs_, [from](const Pair& each) { return each.server == from; });
    if (is_answer && state_ == State::deaf)
        return true;
    for (ssize_t sent = 0; sent < got;) {
        const auto put = ::send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        sent += put;
    }
    return true;
}

void Relay::close_all() {
    for (const Pair& pair : pairs_) {
        ::close(pair.client);
        ::close(pair.server);
    }
    pairs_.clear();
}

} // namespace bearerd::ledger
