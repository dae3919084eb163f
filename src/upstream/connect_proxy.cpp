#include "connect_proxy.hpp"

#include <bearerd/base/secret.hpp>
#include <bearerd/base/version.hpp>
#include <bearerd/crypto/crypto.hpp>
#include <bearerd/http/byte_buffer.hpp>
#include <bearerd/http/clean_head.hpp>
#include <bearerd/net/readiness.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <utility>

namespace bearerd::upstream {
namespace {

constexpr std::size_t answer_limit = 8 * 1024;
constexpr std::size_t all_answers_limit = 64 * 1024; // including the 1xx answers

std::string connect_request(const config::UpstreamProxy& proxy, const std::string& target) {
    std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nUser-Agent: ";
    request.append(user_agent()).append("\r\n");
    if (!proxy.user.empty()) {
        std::string pair = proxy.user + ":";
        pair.append(proxy.password.reveal());
        const Secret encoded = crypto::base64(pair);
        request.reserve(request.size() + encoded.size() + 64); // reallocating would leave a copy in memory
        request.append("Proxy-Authorization: Basic ").append(encoded.reveal()).append("\r\n");
        wipe(pair);
    }
    request.append("\r\n");
    return request;
}

net::Task<error_code> send_all(TcpSocket& socket, const net::Deadline& deadline, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (!net::would_block())
            co_return system_error();
        if (const auto code = co_await net::wait_ready(socket, TcpSocket::wait_write, deadline))
            co_return code;
    }
    co_return error_code{};
}

/// Reads exactly to the end of the answer's head, and byte by byte near it, because the bytes after it belong
/// to TLS.
net::Task<error_code> receive_head(TcpSocket& socket, const net::Deadline& deadline, std::string& head) {
    std::size_t scanned = 0;
    bool skipped = false;
    while (head.size() < answer_limit) {
        char byte = 0;
        const auto received = ::recv(socket.native_handle(), &byte, 1, 0);
        if (received == 0)
            co_return errc::closed;
        if (received < 0) {
            if (!net::would_block())
                co_return system_error();
            if (const auto code = co_await net::wait_ready(socket, TcpSocket::wait_read, deadline))
                co_return code;
            continue;
        }
        head.push_back(byte);
        // As before any answer, one empty line is skipped.
        if ((head == "\n" || head == "\r\n") && !std::exchange(skipped, true)) {
            head.clear();
            scanned = 0;
            continue;
        }
        const auto scan = http::scan_response_head(head, scanned);
        if (scan.state == http::HeadEnd::complete)
            co_return error_code{};
    }
    co_return errc::too_large;
}

} // namespace

net::Task<std::optional<ProxyFailure>> connect_through_proxy(TcpSocket& socket, const net::Deadline& deadline,
                                                             TimePoint until,
                                                             const config::UpstreamProxy& proxy,
                                                             std::string target) {
    std::string request = connect_request(proxy, target);
    const auto sent = co_await send_all(socket, deadline, request);
    wipe(request);
    if (sent)
        co_return ProxyFailure{sent, "the proxy took no request: " + sent.message()};
    std::string head;
    std::uint16_t status = 0;
    // With a proxy that never pauses, nothing waits, and without a wait no deadline fires.
    std::size_t taken = 0;
    do {
        taken += head.size();
        if (taken > all_answers_limit)
            co_return ProxyFailure{errc::too_large, "the proxy never stops answering"};
        if (BootClock::now() >= until)
            co_return ProxyFailure{errc::timed_out, "the proxy never stops answering"};
        head.clear();
        if (const auto code = co_await receive_head(socket, deadline, head))
            co_return ProxyFailure{code, "the proxy gave no answer: " + code.message()};
        // The fields say nothing: a 2xx to CONNECT has no body, whatever they claim (RFC 9110,
        // section 9.3.6).
        status = http::status_of_head(head).value_or(0);
        if (status < 100 || status == 101)
            co_return ProxyFailure{errc::garbled, "the proxy's answer is not HTTP"};
    } while (status < 200);
    if (status < 300)
        co_return std::nullopt;
    // A 5xx means trouble of this proxy, or of its route to the upstream: another address may work.
    co_return ProxyFailure{errc::proxy_refused,
                           "the proxy answered " + std::to_string(status) +
                               (status == 407 ? ": check upstream.proxy's user and password" : ""),
                           status < 500};
}

} // namespace bearerd::upstream
