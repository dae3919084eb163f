#include "local_http.hpp"

#include <bearerd/base/units.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace bearerd::app {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol; // TCP or unix

constexpr std::size_t longest_answer = 1 << 20;

/// Throws for an address that can't be used.
Protocol::endpoint endpoint_of(const config::Address& address) {
    if (address.kind == config::Address::Kind::unix_socket)
        return asio::local::stream_protocol::endpoint{address.path};
    return asio::ip::tcp::endpoint{asio::ip::make_address(address.ip()), address.port};
}

LocalFailure failure_of(const Protocol::iostream& stream, const char* missing, Duration patience) {
    if (stream.error() == asio::error::timed_out)
        return {std::string{"no "} + missing + " within " + format_duration(patience)};
    return {stream.error().message()};
}

/// The request was HTTP/1.0, so the body is everything after the head.
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

LocalAnswer get_local(const config::Address& address, std::string_view target, Duration patience) try {
    Protocol::iostream stream;
    stream.expires_after(patience);
    stream.connect(endpoint_of(address));
    if (!stream)
        return failure_of(stream, "connection", patience);
    stream << "GET " << target << " HTTP/1.0\r\nHost: localhost\r\n\r\n" << std::flush;
    std::string answer(longest_answer + 1, '\0');
    stream.read(answer.data(), static_cast<std::streamsize>(answer.size()));
    if (stream)
        return LocalFailure{"the answer is larger than 1 MiB"};
    if (stream.error() != asio::error::eof)
        return failure_of(stream, "answer", patience);
    answer.resize(static_cast<std::size_t>(stream.gcount()));
    return body_of(answer);

} catch (const boost::system::system_error& failure) {

    return LocalFailure{"the address can't be used: " + failure.code().message()};
}

} // namespace bearerd::app
