#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cerrno>
#include <type_traits>

namespace bearerd {

using boost::system::error_code;

/// Errors that bearerd itself detects at run time, next to the codes of the system, OpenSSL and Beast.
enum class errc {
    timed_out = 1,       ///< a deadline passed
    shutting_down,       ///< the grace period of a shutdown ended
    overloaded,          ///< a bounded queue is full
    connection_limit,    ///< no upstream connection became free in time
    name_not_found,      ///< the upstream's name has no address
    connect_failed,      ///< no address of the upstream accepted a connection
    certificate_invalid, ///< the upstream's certificate or host name did not verify
    tls_failed,          ///< the TLS handshake failed for another reason
    proxy_refused,       ///< the outbound proxy refused CONNECT
    closed,              ///< the peer closed before a byte of the response
    truncated,           ///< the peer closed in the middle of a message
    garbled,             ///< the peer's bytes are not HTTP that we accept
    too_large,           ///< a message exceeds its limit
};

[[nodiscard]] const boost::system::error_category& bearerd_category() noexcept;
[[nodiscard]] error_code make_error_code(errc value) noexcept;

/// Returns the error that errno names.
[[nodiscard]] inline error_code system_error() noexcept {
    return {errno, boost::system::system_category()};
}

/// Returns no error if a system call returned `result`, 0.
[[nodiscard]] inline error_code error_of(int result) noexcept {
    return result == 0 ? error_code{} : system_error();
}

/// A value or an error_code, returned by functions on hot paths and for expected failures.
template<class T>
using Result = boost::system::result<T>;

} // namespace bearerd

template<>
struct boost::system::is_error_code_enum<bearerd::errc> : std::true_type {};
