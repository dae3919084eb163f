#include <bearerd/upstream/tls.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <sys/stat.h>

#include <array>
#include <climits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bearerd::upstream {
namespace {

constexpr std::size_t kept_sessions = 8;

/// Empties OpenSSL's list of errors and returns the reason. If the system refused something, the reason is
/// the system's: OpenSSL's own text says "system lib".
std::string last_error() {
    std::string reason = "unknown TLS fault";
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        if (ERR_SYSTEM_ERROR(code)) {
            reason = std::generic_category().message(ERR_GET_REASON(code));
            break;
        }
        if (const char* words = ERR_reason_error_string(code))
            reason = words;
    }
    ERR_clear_error();
    return reason;
}

/// OpenSSL's own function checks each of the list's sixteen places, full or not.
void clear_errors() noexcept {
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

void require(bool fine, const std::string& what) {
    if (!fine)
        throw std::runtime_error{what + ": " + last_error()};
}

bool is_address(const std::string& name) noexcept {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

int clamp_size(std::size_t size) noexcept {
    return size > INT_MAX ? INT_MAX : static_cast<int>(size);
}

IoState state_of(const SSL* ssl, int result) noexcept {
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return IoState::want_read;
    case SSL_ERROR_WANT_WRITE:
        return IoState::want_write;
    case SSL_ERROR_ZERO_RETURN:
        return IoState::end;
    case SSL_ERROR_SSL:
        return ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? IoState::truncated
                   : IoState::failed;
    default:
        return IoState::failed;
    }
}

std::string joined(const std::vector<std::string>& sentences) {
    std::string all;
    for (const std::string& sentence : sentences)
        all.append(all.empty() ? "" : "; ").append(sentence);
    return all;
}

/// OpenSSL would wait for a pipe's writer for ever.
bool is_pipe(const std::string& file) noexcept {
    struct stat status{};

    return ::stat(file.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

/// Each file that can't be used is reported, not only the first.
class FileFaults {
public:
    explicit FileFaults(const std::string& section) : section_{section} {}

    /// Has `load` give a file to OpenSSL. Returns whether it could be used.
    template<typename Load>
    bool use(const char* key, const std::string& file, const Load& load) {
        if (is_pipe(file))
            return add(key, file, "it is a pipe; write a file instead");
        return load() || add(key, file, last_error());
    }

    void raise() {
        if (!sentences_.empty())
            throw TlsFileError{std::move(sentences_)};
    }

private:
    /// Returns false.
    bool add(const char* key, const std::string& file, const std::string& reason) {
        sentences_.push_back(section_ + "." + key + ": " + file + " can't be used: " + reason);
        return false;
    }

    const std::string& section_;
    std::vector<std::string> sentences_;
};

/// Trusts every certificate in the file, also an intermediate or the server's own. The chain ends there. The
/// server's name is still verified.
void trust_only(SSL_CTX* context, const std::string& file, FileFaults& faults) {
    faults.use("ca_file", file, [&] {
        return SSL_CTX_load_verify_file(context, file.c_str()) == 1 &&
               X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN) == 1;
    });
}

/// Checks whether the key fits only if the certificate can be used.
void present(SSL_CTX* context, const config::UpstreamTls& settings, FileFaults& faults) {
    const std::string& certificate = settings.client_certificate_file;
    const std::string& key = settings.client_key_file;
    const bool certified = faults.use("client_certificate_file", certificate, [&] {
        return SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1;
    });
    faults.use("client_key_file", key, [&] {
        return SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1 &&
               (!certified || SSL_CTX_check_private_key(context) == 1);
    });
}

/// Answers carry tokens, which must not stay behind in a buffer that is given back. Before that OpenSSL would
/// overwrite each record's text as it is read: 1 % of a small answer's cost, and more of a large one's.
void cleanse_when_freed(SSL* ssl) noexcept {
    SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

} // namespace

void FreeSsl::operator()(SSL* ssl) const noexcept {
    if (ssl != nullptr)
        cleanse_when_freed(ssl);
    SSL_free(ssl);
}

void FreeSsl::operator()(SSL_CTX* context) const noexcept {
    SSL_CTX_free(context);
}

void FreeSsl::operator()(SSL_SESSION* session) const noexcept {
    SSL_SESSION_free(session);
}

/// The newest sessions. A TLS 1.3 ticket is used once if there is another (RFC 8446 appendix C.4).
struct TlsContext::Sessions {
    Sessions() { list.reserve(kept_sessions); } // a callback of OpenSSL's adds them, which must not throw

    std::mutex mutex;
    std::vector<std::unique_ptr<SSL_SESSION, FreeSsl>> list;

    void offer_to(SSL* ssl) {
        const std::lock_guard lock{mutex};
        if (list.empty())
            return;
        SSL_set_session(ssl, list.back().get()); // takes a reference of its own
        if (list.size() > 1)
            list.pop_back();
    }
};

TlsFileError::TlsFileError(std::vector<std::string> sentences)
    : std::runtime_error{joined(sentences)}, sentences_{std::move(sentences)} {}

TlsContext::TlsContext(const config::UpstreamTls& settings, const std::string& host,
                       const std::string& section)
    : context_{SSL_CTX_new(TLS_client_method())},
      sessions_{std::make_unique<Sessions>()},
      server_name_{settings.server_name.empty() ? host : settings.server_name},
      name_is_address_{is_address(server_name_)} {
    require(context_ != nullptr, "TLS can't be set up");
    ERR_clear_error(); // what is in the list from here on is about these settings
    SSL_CTX* context = context_.get();
    const bool tls13 = settings.min_version == config::UpstreamTls::Version::tls13;
    require(SSL_CTX_set_min_proto_version(context, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1,
            section + ".min_version can't be used");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // Without RELEASE_BUFFERS, which would fetch and free them with every message: see tls_free_buffers().
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context,
                           1); // one receive for a record, not one for its header and one for the rest
    FileFaults faults{section};
    if (settings.ca_file.empty())
        require(SSL_CTX_set_default_verify_paths(context) == 1,
                "the system's certificate store can't be used");
    else
        trust_only(context, settings.ca_file, faults);
    // An encrypted key is a fault. OpenSSL would ask the terminal for the passphrase, and wait.
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
    if (!settings.client_certificate_file.empty())
        present(context, settings, faults);
    faults.raise();
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &TlsContext::on_new_session);
    SSL_CTX_set_app_data(context, sessions_.get());
}

TlsContext::~TlsContext() = default;

int TlsContext::on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
    auto* sessions = static_cast<Sessions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const std::lock_guard lock{sessions->mutex};
    if (sessions->list.size() >= kept_sessions)
        sessions->list.erase(sessions->list.begin());
    sessions->list.emplace_back(session);
    return 1; // the reference is ours now
}

SslPtr TlsContext::make_stream(int descriptor) {
    SslPtr stream{SSL_new(context_.get())};
    if (!stream)
        throw std::bad_alloc{};
    SSL* ssl = stream.get();
    bool fine = SSL_set_fd(ssl, descriptor) == 1;
    if (name_is_address_) {
        fine = fine && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name_.c_str()) == 1;
    } else {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        fine = fine && SSL_set1_host(ssl, server_name_.c_str()) == 1 &&
               SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                        server_name_.data()) == 1; // the macro for it is an old-style cast
    }
    // A stream whose name could not be set must never exist: it would verify nothing.
    if (!fine)
        throw std::bad_alloc{};
    SSL_set_connect_state(ssl);
    sessions_->offer_to(ssl);
    return stream;
}

IoState tls_handshake(SSL* ssl) noexcept {
    clear_errors();
    const int result = SSL_do_handshake(ssl);
    return result == 1 ? IoState::done : state_of(ssl, result);
}

IoStep tls_read(SSL* ssl, char* data, std::size_t size) noexcept {
    clear_errors();
    const int result = SSL_read(ssl, data, clamp_size(size));
    if (result > 0)
        return {IoState::done, static_cast<std::size_t>(result)};
    return {state_of(ssl, result), 0};
}

IoStep tls_write(SSL* ssl, const char* data, std::size_t size) noexcept {
    clear_errors();
    const int result = SSL_write(ssl, data, clamp_size(size));
    if (result > 0)
        return {IoState::done, static_cast<std::size_t>(result)};
    return {state_of(ssl, result), 0};
}

void tls_close(SSL* ssl) noexcept {
    clear_errors();
    SSL_shutdown(ssl);
    clear_errors();
}

void tls_free_buffers(SSL* ssl) noexcept {
    cleanse_when_freed(ssl);
    SSL_free_buffers(ssl);
    SSL_clear_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

bool tls_has_pending(const SSL* ssl) noexcept {
    return SSL_has_pending(ssl) == 1;
}

std::uint64_t tls_bytes_written(const SSL* ssl) noexcept {
    return BIO_number_written(SSL_get_wbio(ssl));
}

bool tls_resumed(const SSL* ssl) noexcept {
    return SSL_session_reused(ssl) == 1;
}

TlsFault tls_fault(const SSL* ssl) {
    const long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) {
        clear_errors();
        return {true, X509_verify_cert_error_string(verified)};
    }
    if (ERR_peek_last_error() == 0)
        return {false, "it closed the connection during the TLS handshake"};
    return {false, last_error()};
}

std::string tls_description(const SSL* ssl) {
    return std::string{SSL_get_version(ssl)} + " " + SSL_get_cipher_name(ssl);
}

} // namespace bearerd::upstream
