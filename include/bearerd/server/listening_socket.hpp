#pragma once

#include <bearerd/base/descriptor.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/http/access.hpp>

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bearerd::server {

/// A socket file that bearerd made. It is removed at the end if it is still the same file.
struct SocketFile {
    std::string path; ///< empty: none
    dev_t device = 0;
    ino_t inode = 0;

    void remove() const noexcept;
};

/// One listening, non-blocking socket.
struct ListeningSocket {
    Descriptor descriptor;
    http::ListenerIdentity identity;
    std::string text; ///< for display, with the real port: "127.0.0.1:8080"
    SocketFile file;
    std::uint16_t port = 0;
    bool remote = false; ///< whether other machines can reach it
};

/// Returns the IP literal of an address, as IPv4 if it is mapped into IPv6; empty for other families.
[[nodiscard]] std::string ip_text(const sockaddr_storage& address);

/// One socket for each thread, or the reason for the failure as text.
using OpenResult = std::variant<std::vector<ListeningSocket>, std::string>;

/// Opens an address for `threads` threads. Each thread gets a descriptor of its own, for TCP with a queue of
/// its own (SO_REUSEPORT). A stale unix socket file is replaced; a live one, and an address in use, is an
/// error.
[[nodiscard]] OpenResult open_listening(const config::Address& address, std::uint32_t unix_mode,
                                        std::size_t threads);

/// Changes the mode of the unix socket at this path; never follows a symbolic link, and changes no other kind
/// of file. Returns the reason as text if it fails.
[[nodiscard]] std::optional<std::string> change_socket_mode(const std::string& path, std::uint32_t mode);

/// Like open_listening(), for a descriptor that systemd passed; takes ownership of it. The caller checks
/// whether other machines may reach it.
[[nodiscard]] OpenResult adopt_listening(int descriptor, std::size_t threads);

} // namespace bearerd::server
