#pragma once

#include <bearerd/http/access.hpp>
#include <bearerd/net/task.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cstdint>
#include <optional>

namespace bearerd::server {

/// One type for TCP and unix sockets, so that a session is no template and a test can use a socket pair.
using ClientSocket = net::asio::basic_stream_socket<net::asio::generic::stream_protocol, net::Executor>;

/// What the listener knows about a connection.
struct AcceptedConnection {
    http::ListenerIdentity listener;
    std::optional<std::uint32_t> peer_uid; ///< of a unix socket
    bool over_limit = false;               ///< it only gets OVERLOADED and is closed
};

} // namespace bearerd::server
