#pragma once

#include <bearerd/config/config.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// Forward declarations, so that other modules do not see OpenSSL's headers.
using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;
using SSL_SESSION = struct ssl_session_st;

/// TLS towards the upstream. The only place that makes a TLS stream: certificate and host name are always
/// verified, TLS 1.2 at least, and there is no path around it (contract 5).
namespace bearerd::upstream {

struct FreeSsl {
    void operator()(SSL* ssl) const noexcept;
    void operator()(SSL_CTX* context) const noexcept;
    void operator()(SSL_SESSION* session) const noexcept;
};

using SslPtr = std::unique_ptr<SSL, FreeSsl>;

/// Thrown if files that the settings name can't be used.
class TlsFileError : public std::runtime_error {
public:
    /// `sentences`: one for each file, such as "upstream.tls.ca_file: PATH can't be used: why". what() has
    /// them all.
    explicit TlsFileError(std::vector<std::string> sentences);

    [[nodiscard]] const std::vector<std::string>& sentences() const noexcept { return sentences_; }

private:
    std::vector<std::string> sentences_;
};

/// One for all threads; keeps sessions so that later handshakes are short. Any thread.
class TlsContext {
public:
    /// `host`: the server's name or address literal, verified unless `settings.server_name` says another
    /// one. `section`: the part of the configuration that the settings are from, for sentences about them.
    /// Throws TlsFileError if a file can't be used, and std::runtime_error for another reason.
    TlsContext(const config::UpstreamTls& settings, const std::string& host,
               const std::string& section = "upstream.tls");
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// Returns a client stream on the connected, non-blocking descriptor, which the caller still owns. It
    /// must not outlive the context. Throws only std::bad_alloc.
    [[nodiscard]] SslPtr make_stream(int descriptor);

private:
    struct Sessions;
    static int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept;

    std::unique_ptr<SSL_CTX, FreeSsl> context_;
    std::unique_ptr<Sessions> sessions_;
    std::string server_name_;
    bool name_is_address_ = false;
};

/// The result of a non-blocking step on a stream.
enum class IoState : std::uint8_t {
    done,
    want_read,
    want_write,
    end,       ///< the peer sent close_notify
    truncated, ///< the peer closed without it
    failed,    ///< reset, or a TLS error
};

struct IoStep {
    IoState state = IoState::failed;
    std::size_t size = 0; ///< done: bytes moved
};

/// The steps of a TLS client stream, none of which blocks.
[[nodiscard]] IoState tls_handshake(SSL* ssl) noexcept;
[[nodiscard]] IoStep tls_read(SSL* ssl, char* data, std::size_t size) noexcept;
[[nodiscard]] IoStep tls_write(SSL* ssl, const char* data, std::size_t size) noexcept;
/// Sends close_notify without waiting for the answer.
void tls_close(SSL* ssl) noexcept;

/// Wipes and frees the stream's buffers (up to 34 KiB) unless they hold bytes; the next step allocates new
/// ones.
void tls_free_buffers(SSL* ssl) noexcept;

/// Whether bytes that were received wait inside the stream, decrypted or not.
[[nodiscard]] bool tls_has_pending(const SSL* ssl) noexcept;
/// Returns the bytes passed to the kernel so far, including the handshake: it distinguishes a write that
/// began from one that did not.
[[nodiscard]] std::uint64_t tls_bytes_written(const SSL* ssl) noexcept;
[[nodiscard]] bool tls_resumed(const SSL* ssl) noexcept;

/// After a failed handshake: whether the certificate or its name was the reason, and the reason in words.
struct TlsFault {
    bool certificate = false;
    std::string reason;
};

[[nodiscard]] TlsFault tls_fault(const SSL* ssl);

/// Returns version and cipher for people: "TLSv1.3 TLS_AES_128_GCM_SHA256".
[[nodiscard]] std::string tls_description(const SSL* ssl);

} // namespace bearerd::upstream
