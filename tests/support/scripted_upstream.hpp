#pragma once

#include "certificates.hpp"
#include "deadline.hpp"
#include "http_client.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace bearerd::test {

/// A request as received by the upstream.
struct UpstreamRequest {
    std::string method;
    std::string target;
    Headers headers;
    std::string body;
    int connection = 0; ///< the connection on which it arrived, from 1

    [[nodiscard]] std::optional<std::string> header(std::string_view name) const {
        return find_header(headers, name);
    }

    /// Without "Bearer "; empty if there is none.
    [[nodiscard]] std::string token() const;

    [[nodiscard]] bool is_login() const { return body.find("loginUser") != std::string::npos; }
};

class ScriptedUpstream;

/// One accepted connection, controlled by a script that plays exact bytes on it. The calls block. They throw
/// UpstreamConnection::Ended if the peer (or the test) has gone, which ends the script.
class UpstreamConnection {
public:
    struct Ended {};

    UpstreamConnection(ScriptedUpstream& owner, int descriptor, int number);
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;
    ~UpstreamConnection();

    [[nodiscard]] int number() const { return number_; }

    /// Returns the next whole request; throws Ended if there is none.
    UpstreamRequest read();
    void write(std::string_view bytes);

    /// TLS only: seals `bytes` as one record, and sends only the first `size` bytes of it.
    void write_torn_record(std::string_view bytes, std::size_t size);

    /// Waits until the peer ends the connection; drops what it sends.
    void wait_for_end();

    void finish();      ///< close_notify, then FIN
    void cut();         ///< FIN without close_notify
    void end_sending(); ///< close_notify, then FIN, but still receives
    void reset();       ///< RST

private:
    friend class ScriptedUpstream;
    bool handshake(ssl_ctx_st* context);
    std::string receive();
    std::string read_line();

    ScriptedUpstream& owner_;
    int descriptor_;
    int number_;
    std::shared_ptr<ssl_st> ssl_; ///< nullptr: plain TCP
    std::string buffer_;
};

/// Plays one connection. When it returns, the connection is closed cleanly.
using Script = std::function<void(UpstreamConnection&)>;

/// A server in the test's process. The test decides every byte of it, for what a well-behaved server would
/// not send: over TLS with a given certificate, otherwise over plain TCP. One thread per connection.
class ScriptedUpstream {
public:
    /// On 127.0.0.1, and a free port.
    ScriptedUpstream(const std::optional<Certificate>& certificate, Script script);
    ScriptedUpstream(const std::optional<Certificate>& certificate, Script script, const char* address,
                     std::uint16_t port);
    ScriptedUpstream(const ScriptedUpstream&) = delete;
    ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;
    ~ScriptedUpstream();

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] std::string url(const std::string& host = "localhost") const;

    [[nodiscard]] std::vector<UpstreamRequest> requests() const;
    /// Requests that are not logins.
    [[nodiscard]] std::vector<UpstreamRequest> app_requests() const;
    [[nodiscard]] int logins() const;
    [[nodiscard]] int connections() const; ///< accepted, whether their handshake succeeded or not
    /// Every byte received, without TLS if the handshake succeeded: a secret must not be in it.
    [[nodiscard]] std::string received() const;

    /// Waits until this many connections were accepted; returns false if they are not.
    bool wait_for_connections(int count, Deadline deadline = Deadline{});
    bool wait_for_requests(std::size_t count, Deadline deadline = Deadline{});

private:
    friend class UpstreamConnection;
    void accept_loop();
    void serve(int descriptor, int number);
    void record(const UpstreamRequest& request);
    void record(std::string_view bytes);
    void forget(int descriptor);

    Script script_;
    std::shared_ptr<ssl_ctx_st> context_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    int connections_ = 0;
    std::set<int> open_;
    std::vector<UpstreamRequest> requests_;
    std::string received_;
    std::vector<std::thread> workers_;
    std::thread acceptor_;
};

/// Returns a response with Content-Length.
[[nodiscard]] std::string http_answer(std::string_view body, const Headers& headers = {},
                                      std::string_view status = "200 OK");
/// Returns a login's answer with this token.
[[nodiscard]] std::string login_answer(std::string_view token);
/// Returns the answer to a missing, wrong or expired token (contract 1).
[[nodiscard]] std::string unauthorized_answer();

/// Answers logins with `token`, and everything else with `answer`, until the connection ends.
[[nodiscard]] Script serve_with(std::string token, std::function<std::string(const UpstreamRequest&)> answer);

} // namespace bearerd::test
