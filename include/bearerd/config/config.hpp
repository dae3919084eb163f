#pragma once

#include <bearerd/base/clock.hpp>
#include <bearerd/base/secret.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The settings of contract 7 as plain values. The initialisers here are the only place that defines
/// defaults; config/bearerd.example.yaml repeats them, and a test compares the two.
namespace bearerd::config {

using namespace std::chrono_literals;

/// An address to listen on, for apps or the admin listener.
struct Address {
    enum class Kind : std::uint8_t { tcp, unix_socket, systemd };
    Kind kind = Kind::tcp;
    std::string host; ///< tcp: an IPv4 or IPv6 literal without brackets, or "localhost"
    std::uint16_t port = 0;
    std::string path; ///< unix_socket: the socket's path

    /// Returns the host as a literal: "localhost" is 127.0.0.1.
    [[nodiscard]] std::string ip() const { return host == "localhost" ? "127.0.0.1" : host; }

    /// As the user wrote it, for messages.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool operator==(const Address&) const = default;
};

struct Listen {
    std::vector<Address> addresses{{Address::Kind::tcp, "127.0.0.1", 8080, {}}};
    std::vector<std::string> paths{"/", "/graphql"};
    std::uint32_t unix_mode = 0660;
};

struct Access {
    bool allow_remote = false;
    std::vector<std::string> allowed_hosts;   ///< lower case, without port
    std::vector<std::string> allowed_origins; ///< lower case, scheme://host[:port]
    std::vector<std::uint32_t> allowed_users; ///< uids; names are resolved when the file is read
};

struct Limits {
    std::uint64_t request_body = 1ULL << 20;    ///< bytes
    std::uint64_t request_header = 16ULL << 10; ///< bytes
    std::uint32_t client_connections = 1024;
    std::uint32_t pending_requests = 1024;
    Duration header_timeout = 10s;
    Duration body_timeout = 30s;
    Duration idle_timeout = 75s;
};

/// A URL, taken apart and checked.
struct Url {
    bool tls = true;
    std::string host; ///< lower case, IPv6 without brackets
    std::uint16_t port = 443;
    std::string target = "/"; ///< path and query as sent on the request line, never empty
    std::string text;         ///< the whole URL, normalised, without user information; also the identity
    /// Returns host[:port] in the form of the Host header: brackets for IPv6, no default port.
    [[nodiscard]] std::string authority() const;
};

struct UpstreamProxy {
    std::string host;
    std::uint16_t port = 0;
    std::string user; ///< empty: no Proxy-Authorization
    Secret password;
};

struct UpstreamTls {
    std::string ca_file; ///< empty: the system's store
    std::string client_certificate_file;
    std::string client_key_file;
    std::string server_name; ///< empty: the URL's host
    enum class Version : std::uint8_t { tls12, tls13 } min_version = Version::tls12;
    [[nodiscard]] bool operator==(const UpstreamTls&) const = default;
};

/// A connection that is made before a request needs it.
struct KeepWarm {
    std::uint32_t connections = 1; ///< 0: none; 1: one for the whole process
    Duration period = 15min;       ///< after the last request; `for` in the file
};

struct Upstream {
    Url url;
    Duration connect_timeout = 5s; ///< name look-up, TCP and TLS together
    Duration response_timeout = 30s;
    std::uint32_t max_connections = 64;
    Duration idle_timeout = 30s;
    Duration reuse_for_mutations = 2s;
    KeepWarm keep_warm;
    std::optional<UpstreamProxy> proxy;
    std::vector<std::pair<std::string, std::string>> headers; ///< added to every request, in file order
    UpstreamTls tls;
};

/// For other kinds of login than `graphql`, `user` is the client_id or empty, and `password` the client
/// secret or the static token.
struct Credentials {
    bool by_email = false; ///< `email:` was given, not `username:`
    std::string user;
    Secret password;
    std::string password_file; ///< from which `password` was read; empty: from elsewhere
};

struct Unauthorized {
    std::vector<std::string> messages{"Unauthorized"};
    std::vector<std::string> codes{"UNAUTHENTICATED"};
    std::vector<std::uint16_t> statuses{401};
    std::uint64_t inspect_limit = 64ULL << 10; ///< bytes as received
    bool resend_mutations = true; ///< false: a status in `statuses` proves nothing about a mutation
};

struct Backoff {
    Duration rejected = 30s;
    Duration unavailable = 1s;
    Duration max = 15min; ///< of `rejected`; `unavailable` stops doubling at 30 s, or here if less
};

/// How bearerd gets its token (contract 11).
enum class LoginKind : std::uint8_t { graphql, oauth2_client_credentials, static_token };

/// Returns the name in `auth.kind`.
[[nodiscard]] std::string_view to_string(LoginKind kind) noexcept;

/// Returns the setting that names the file with the secret of such a login.
[[nodiscard]] constexpr std::string_view secret_key(LoginKind kind) noexcept {
    switch (kind) {
    case LoginKind::oauth2_client_credentials:
        return "auth.client_secret_file";
    case LoginKind::static_token:
        return "auth.secret_file";
    case LoginKind::graphql:
        break;
    }
    return "credentials.password_file";
}

/// Renewal by a refresh token; each is used only once.
struct Refresh {
    std::string query;         ///< its answer has the shape of the login's
    std::string token_pointer; ///< the refresh token, in the answer to the login and to `query`
};

/// A login by RFC 6749 section 4.4. `client_id` and the secret are the Credentials.
struct OAuth2 {
    Url token_url;
    std::string scope;    ///< empty: none is asked for
    std::string audience; ///< likewise
    enum class ClientAuth : std::uint8_t { basic, post } client_auth = ClientAuth::basic;
};

/// The header that carries the token to the upstream.
struct Send {
    std::string header = "Authorization";
    std::string scheme = "Bearer"; ///< empty: the bare token
};

struct Auth {
    LoginKind kind = LoginKind::graphql;
    std::optional<Url> login_url; ///< none: `upstream.url`
    std::string login_query =
        "query($email:String,$username:String,$password:String!){loginUser(email:$email,"
        "username:$username,password:$password){id}}";
    std::string login_field = "loginUser";
    /// Preferred one first. Empty if the token does not come in a header; then no answer replaces it.
    std::vector<std::string> token_headers{"X-Authorization", "Authorization"};
    std::string token_pointer;      ///< JSON pointer into the login's answer; empty: `token_headers`
    std::string expires_pointer;    ///< to the token's life, or to the Unix time of its end; empty: none
    Duration expires_unit = 1s;     ///< of the value there
    std::string identity_pointer;   ///< to the user's name; empty: none
    std::optional<Refresh> refresh; ///< none: each renewal is a login
    OAuth2 oauth2;                  ///< used only with that kind
    Send send;
    std::vector<std::string> rejected_at; ///< JSON pointers below /data: a value there is a rejection
    Unauthorized unauthorized;
    Duration refresh_before = 2min;
    Duration fresh_for = 10s;
    Duration denied_for = 1min; ///< how long an unproven denial holds
    Duration login_timeout = 10s;
    Backoff backoff;
};

struct TokenStore {
    std::string directory; ///< empty: memory only
    std::string key_file;  ///< empty: the key comes from the password
};

struct Admin {
    std::optional<Address> address{Address{Address::Kind::tcp, "127.0.0.1", 9180, {}}}; ///< none: off
};

/// What happens to a repeated mutation.
enum class Repeats : std::uint8_t {
    pass,   ///< it is forwarded like any other request
    replay, ///< it is never executed again: the guard answers it (contract 10)
};

/// How the transactions of one mutation are recognised, and how they are looked up.
struct TransactionRule {
    std::string mutation;   ///< the root field
    std::string key;        ///< the argument that names the transaction; empty: key_header does
    std::string key_header; ///< the header that names the transaction; empty: key does
    std::string query;      ///< a GraphQL query whose only variable is $key; empty: no look-up
    std::string found;      ///< a JSON pointer to what its answer holds if the transaction was executed
    Repeats repeats = Repeats::pass;
    [[nodiscard]] bool operator==(const TransactionRule&) const = default;
};

/// Contract 10.
struct Transactions {
    Duration look_up_for = 5s;                 ///< how long an app waits for the look-up
    Duration settle_for = 24h;                 ///< how long an unknown outcome is looked up in the background
    Duration remember = 24h;                   ///< how long a key is remembered
    std::uint64_t replay_memory = 16ULL << 20; ///< bytes of answers kept for replay
    std::vector<TransactionRule> rules;        ///< none: off; at most one for each mutation

    /// Whether any rule asks for the guard.
    [[nodiscard]] bool guard() const noexcept;
};

/// The record of each mutation on disk, written before it is sent, for use after a crash.
struct Journal {
    std::string directory;                ///< empty: off
    bool required = false;                ///< no mutation is sent unless its record is on the disk
    std::uint64_t max_size = 16ULL << 20; ///< bytes of all its files together
};

/// The store that the replicas of a fleet share (contract 12).
struct Fleet {
    Url url; ///< of redis:// (`tls`: of rediss://); `text` is empty: off; `target` has no meaning
    std::uint32_t database = 0; ///< in the URL's path
    std::string user;           ///< empty: the store's default user
    Secret password;            ///< empty: the store asks for none
    std::string password_file;  ///< that `password` was read from
    UpstreamTls tls;
    std::string prefix = "bearerd"; ///< of the names of all keys
    Duration lease = 10s;           ///< how long a replica that died during a login keeps the others waiting
    std::string key_file;           ///< empty: what is stored is sealed by the credentials' password
    Secret key;                     ///< that was read from key_file
    bool required = false;          ///< no guarded mutation is sent while the store is away

    [[nodiscard]] bool on() const noexcept { return !url.text.empty(); }
};

struct Errors {
    bool always_200 = false; ///< `errors.status: 200`
};

struct Log {
    enum class Level : std::uint8_t { debug, info, warning, error } level = Level::info;
    enum class Format : std::uint8_t { text, json, journald } format = Format::text;
    bool requests = true;
};

/// Move-only, because it holds secrets; shared as std::shared_ptr<const Settings> once it is complete.
struct Settings {
    Listen listen;
    Access access;
    Limits limits;
    Upstream upstream;
    Credentials credentials;
    Auth auth;
    TokenStore token_store;
    Transactions transactions;
    Journal journal;
    Fleet fleet;
    Admin admin;
    Errors errors;
    Log log;
    Duration shutdown_grace = 25s;
    std::uint32_t threads = 1;
};

/// Returns where a login is sent; meaningless for a static token.
[[nodiscard]] const Url& login_url(const Settings& settings) noexcept;

/// Whose token it is, and by which login: what the token store is bound to beside the upstream. The user
/// alone if the login is contract 1's, since older stores know no other.
[[nodiscard]] std::string login_account(const Settings& settings);

/// The upstream as a login sees it: `url` is login_url(), and what concerns the GraphQL API alone is left
/// out if that is on another server (`headers`, which may hold keys, `tls.server_name` and the client
/// certificate).
[[nodiscard]] Upstream login_upstream(const Settings& settings);

/// Whether a login goes to another server than the requests.
[[nodiscard]] bool logs_in_elsewhere(const Settings& settings) noexcept;

} // namespace bearerd::config
