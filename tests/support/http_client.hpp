#pragma once

#include "socket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bearerd::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Returns the first value of a header, by name, ignoring case.
[[nodiscard]] std::optional<std::string> find_header(const Headers& headers, std::string_view name);

struct HttpResponse {
    int status = 0;
    int minor = 1; ///< of HTTP/1.minor
    std::string reason;
    Headers headers; ///< as received, in order
    std::string body;
    bool complete = false;    ///< the body reached the end that its framing announced
    std::vector<int> interim; ///< statuses of the 1xx answers before it

    [[nodiscard]] std::optional<std::string> header(std::string_view name) const {
        return find_header(headers, name);
    }
};

/// The peer sent invalid HTTP.
struct BadHttp : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A small HTTP/1.1 client over one connection, made to see every byte. It shares no code with bearerd, sends
/// what it is given, and is strict about what it receives. Blocking, with deadlines; one thread at a time.
class HttpClient {
public:
    explicit HttpClient(std::uint16_t port) : socket_{Socket::connect(port)}, host_{authority(port)} {}

    explicit HttpClient(Socket socket, std::string host = "localhost")
        : socket_{std::move(socket)}, host_{std::move(host)} {}

    /// Sends one request, with Host and Content-Length if `headers` lacks them. Returns its whole answer.
    HttpResponse request(std::string_view method, std::string_view target, std::string_view body = {},
                         const Headers& headers = {});
    /// Sends a GraphQL document as application/json to /graphql.
    HttpResponse post(std::string_view body, const Headers& headers = {});
    HttpResponse get(std::string_view target, const Headers& headers = {});

    /// Returns the bytes that request() would send.
    [[nodiscard]] std::string format(std::string_view method, std::string_view target,
                                     std::string_view body = {}, const Headers& headers = {}) const;

    void send(std::string_view bytes) { socket_.send(bytes); }

    /// Returns the next whole answer. If the connection ends before its first byte, throws BadHttp; if it
    /// ends in the body, the answer is not `complete`.
    HttpResponse read_response(Deadline deadline = Deadline{});
    /// Reads only the head; read_piece() then returns the body.
    HttpResponse read_head(Deadline deadline = Deadline{});
    /// Returns the next bytes of the body, without transfer coding; nullopt after the last.
    std::optional<std::string> read_piece(Deadline deadline = Deadline{});

    /// Whether the peer now ends the connection without another byte.
    [[nodiscard]] bool ended(Deadline deadline = Deadline{});

    [[nodiscard]] Socket& socket() { return socket_; }

private:
    enum class Framing { none, length, chunked, until_end };

    static std::string authority(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

    bool fill(const Deadline& deadline);
    std::string read_line(const Deadline& deadline);
    HttpResponse read_one_head(const Deadline& deadline);
    void choose_framing(const HttpResponse& response);
    std::optional<std::string> take(const Deadline& deadline);

    Socket socket_;
    std::string host_;
    std::string buffer_;
    Framing framing_ = Framing::none;
    std::uint64_t remaining_ = 0; ///< bytes left of the body, or of the chunk
    bool complete_ = true;
    bool head_request_ = false;
};

} // namespace bearerd::test
