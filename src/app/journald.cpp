#include "journald.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <variant>

namespace bearerd::app {
namespace {

// An entry stays far below the 200 KiB that a datagram may have.
constexpr std::size_t longest_value = 8 * 1024;
constexpr std::size_t length_digits = 8; ///< bytes of the protocol's own lengths
constexpr int poll_timeout_ms = 200;
constexpr int polls_after_stop = 5; // a second or so

using EntrySize = std::uint32_t;

constexpr char to_upper(char c) noexcept {
    if (c >= 'a' && c <= 'z')
        return static_cast<char>(c - 'a' + 'A');
    const bool allowed = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return allowed ? c : '_';
}

/// The protocol has numbers in little-endian order.
void append_length(LogBuffer& out, std::uint64_t length) {
    for (std::size_t i = 0; i < length_digits; ++i, length >>= 8U)
        out.push_back(static_cast<char>(length & 0xFFU));
}

/// What follows a field's name: "=VALUE", or, if the value has a line end, that in the protocol's binary
/// form.
struct NativeValue {
    LogBuffer& out;

    void operator()(std::string_view text) const {
        text = text.substr(0, longest_value);
        const bool binary = text.find('\n') != std::string_view::npos;
        out.push_back(binary ? '\n' : '=');
        if (binary)
            append_length(out, text.size());
        append(out, text);
    }

    void operator()(std::int64_t number) const {
        out.push_back('=');
        append(out, number);
    }

    void operator()(double number) const {
        out.push_back('=');
        append(out, number);
    }
};

void append_field(LogBuffer& out, const log::Field& field) {
    append(out, std::string_view{"BEARERD_"});
    for (const char c : field.key)
        out.push_back(to_upper(c));
    std::visit(NativeValue{out}, field.value);
    out.push_back('\n');
}

/// Takes the first entry.
std::string_view take_entry(std::string_view& entries) noexcept {
    EntrySize size = 0;
    std::memcpy(&size, entries.data(), sizeof size);
    const std::string_view entry = entries.substr(sizeof size, size);
    entries.remove_prefix(sizeof size + size);
    return entry;
}

std::size_t count_entries(std::string_view entries) noexcept {
    std::size_t count = 0;
    for (; !entries.empty(); ++count)
        static_cast<void>(take_entry(entries));
    return count;
}

/// Whether the journal was restarted, or is not there.
bool means_reconnect(int code) noexcept {
    return code == ECONNREFUSED || code == ECONNRESET || code == ENOTCONN || code == EPIPE ||
           code == EDESTADDRREQ;
}

} // namespace

char journald_priority(log::Level level) noexcept {
    switch (level) {
    case log::Level::debug:
        return '7';
    case log::Level::info:
        return '6';
    case log::Level::warning:
        return '4';
    case log::Level::error:
        break;
    }
    return '3';
}

void append_journald_entry(LogBuffer& out, log::Level level, std::string_view text,
                           std::span<const log::Field> fields) {
    const std::size_t begin = out.size();
    out.resize(begin + sizeof(EntrySize));
    append(out, std::string_view{"SYSLOG_IDENTIFIER=bearerd\nPRIORITY="});
    out.push_back(journald_priority(level));
    append(out, std::string_view{"\nMESSAGE"});
    NativeValue{out}(text);
    out.push_back('\n');
    for (const log::Field& field : fields)
        append_field(out, field);
    const auto size = static_cast<EntrySize>(out.size() - begin - sizeof(EntrySize));
    std::memcpy(out.data() + begin, &size, sizeof size);
}

error_code JournaldSocket::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path)
        return {ENAMETOOLONG, boost::system::system_category()};
    path_.copy(address.sun_path, path_.size());
    Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket.is_open() ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_error();
    socket_ = std::move(socket);
    return {};
}

std::size_t JournaldSocket::send(std::string_view entries, const std::atomic<bool>& stop) {
    std::size_t lost = 0;
    while (!entries.empty()) {
        const Sent sent = send_one(take_entry(entries), stop);
        lost += sent == Sent::yes ? 0 : 1;
        if (sent == Sent::given_up)
            return lost + count_entries(entries);
    }
    return lost;
}

JournaldSocket::Sent JournaldSocket::send_one(std::string_view entry, const std::atomic<bool>& stop) {
    bool reconnected = false;
    while (true) {
        if (!socket_.is_open()) {
            if (std::exchange(reconnected, true) || connect())
                return Sent::no;
        }
        if (::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0)
            return Sent::yes;
        const int code = errno;
        if (means_reconnect(code))
            socket_ = {};
        else if (code == EAGAIN && !wait_until_writable(stop))
            return Sent::given_up;
        else if (code != EAGAIN && code != EINTR)
            return Sent::no;
    }
}

/// Returns false if it is time to end, and the journal has accepted nothing for a second.
bool JournaldSocket::wait_until_writable(const std::atomic<bool>& stop) const {
    for (int patience = polls_after_stop; patience > 0; patience -= stop ? 1 : 0) {
        pollfd entry{socket_.get(), POLLOUT, 0};
        if (::poll(&entry, 1, poll_timeout_ms) != 0)
            return true;
    }
    return false;
}

} // namespace bearerd::app
