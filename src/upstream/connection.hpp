#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/http/body_buffer.hpp>
#include <bearerd/http/byte_buffer.hpp>
#include <bearerd/http/parser.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/event.hpp>
#include <bearerd/net/stream_socket.hpp>
#include <bearerd/upstream/dialer.hpp>
#include <bearerd/upstream/idle_limit.hpp>
#include <bearerd/upstream/transport.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bearerd::upstream {

class Pool;

/// The state of the upstream's end of an idle connection.
enum class Peer : std::uint8_t {
    there, ///< it has neither closed the connection nor sent anything
    ended, ///< it has closed the connection, or sent something that nobody had asked for
    lost,  ///< the network has lost it, such as ETIMEDOUT after unanswered probes
};

/// One connection to the upstream. Sends one request at a time, reads its response, and watches the socket
/// during that and while idle. It knows nothing about other connections.
class Connection final : public Exchange, public std::enable_shared_from_this<Connection> {
public:
    Connection(net::asio::io_context& context, net::DeadlineClock& clock, Pool& pool, Dialed dialed);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Sends the request, and reads the response's head and, up to the hold limit, its body. Returns nullopt
    /// on success.
    [[nodiscard]] net::Task<std::optional<Failure>> exchange(OutgoingRequest request);

    [[nodiscard]] const http::ResponseHead& head() const noexcept override { return parser_.head(); }

    [[nodiscard]] std::string_view body() const noexcept override { return body_.view(); }

    /// Whether the head of the present answer has arrived.
    [[nodiscard]] bool has_head() const noexcept { return head_at_ != TimePoint{}; }

    [[nodiscard]] bool complete() const noexcept override { return state_ == http::ParseState::complete; }

    [[nodiscard]] net::Task<error_code> read(TimePoint give_up) override;

    [[nodiscard]] Duration response_time() const noexcept override { return head_at_ - sent_at_; }

    [[nodiscard]] TimePoint answered_at() const noexcept override { return heard_at_; }

    [[nodiscard]] bool become_stream(bool must) noexcept override;

    void release() noexcept override;

    /// Ends the counting as a stream. Returns whether it counted as one.
    [[nodiscard]] bool stop_counting_as_stream() noexcept { return std::exchange(streaming_, false); }

    /// Makes the connection busy: owned by the exchange until release().
    void check_out(TimePoint now) noexcept;
    /// Makes the connection idle: watched, soon without a buffer, closed after `limit`.
    void check_in(Duration limit);

    /// Whether an idle connection can carry a request. Asks the kernel, and TLS if bytes arrived (a session
    /// ticket does not count).
    [[nodiscard]] Peer look_for_peer() noexcept;

    /// Whether it has been idle for long enough to have released its buffers.
    [[nodiscard]] bool is_long_idle() const noexcept { return socket_.is_long_idle(); }

    [[nodiscard]] TimePoint opened_at() const noexcept { return opened_at_; }

    [[nodiscard]] TimePoint last_used() const noexcept { return last_used_; }

    /// The upstream's limit for idle connections depends on these two.
    [[nodiscard]] const TcpEndpoint& endpoint() const noexcept { return endpoint_; }

    [[nodiscard]] IdleKind idle_kind() const noexcept { return kind_; }

    /// While idle: how long ago the peer was heard from, as far as the kernel knows.
    [[nodiscard]] std::optional<Duration> heard_ago(TimePoint now) noexcept;

    /// While idle: the greatest idle age at which the peer was heard from and that was already noted.
    [[nodiscard]] Duration noted_age() const noexcept { return noted_age_; }

    void note_age(Duration age) noexcept { noted_age_ = age; }

    /// While busy: how long it had been idle, and as what. A connection that was just dialed was not idle.
    [[nodiscard]] Duration idle_before() const noexcept { return idle_before_; }

    [[nodiscard]] IdleKind kind_before() const noexcept { return kind_before_.value_or(IdleKind::unused); }

    /// Stops the kernel's probes of an idle connection.
    void stop_probes() noexcept;

    /// Closes with a short TLS close_notify, without waiting.
    void close() noexcept;
    /// Ends the exchange in flight with errc::shutting_down.
    void abort() noexcept;

private:
    enum class Phase : std::uint8_t {
        busy,    ///< owned by an exchange, or just dialed
        aborted, ///< the same, and the exchange is to end
        idle,    ///< in the pool
        closed,
    };

    /// The kernel's probes of an idle connection.
    enum class Probes : std::uint8_t { never, running, stopped };

    /// The most bytes of a streamed body that are passed on in one piece.
    static constexpr std::size_t piece_limit = 256UL * 1024;
    /// The first receive buffer: one whole TLS record after a head.
    static constexpr std::size_t first_buffer = 18UL * 1024;

    [[nodiscard]] bool is_busy() const noexcept { return phase_ == Phase::busy || phase_ == Phase::aborted; }

    [[nodiscard]] bool write_now(std::string_view head, std::string_view body);
    [[nodiscard]] net::Task<error_code> write_rest(std::string_view body);
    [[nodiscard]] net::Task<error_code> write_all(std::string_view bytes);
    [[nodiscard]] net::Task<error_code> read_head();
    net::Task<error_code> read_stream_start(TimePoint give_up);
    [[nodiscard]] net::Task<error_code> read_held(std::size_t hold_limit);
    [[nodiscard]] bool has_stream_start() const;
    [[nodiscard]] std::optional<error_code> take_head();
    [[nodiscard]] net::Task<error_code> fill();
    [[nodiscard]] bool try_fill();
    [[nodiscard]] error_code drain_available();
    [[nodiscard]] std::optional<IoState> receive();
    [[nodiscard]] IoStep receive_body(std::uint64_t left);
    [[nodiscard]] error_code parse_body();
    [[nodiscard]] IoStep read_step(char* data, std::size_t size) noexcept;
    [[nodiscard]] IoStep write_step(const char* data, std::size_t size) noexcept;
    [[nodiscard]] std::uint64_t bytes_written() const noexcept;
    [[nodiscard]] error_code end_of_stream(IoState state);
    [[nodiscard]] Failure failure(error_code code, Stage stage) const;
    [[nodiscard]] error_code interruption(error_code otherwise) const noexcept;
    void prepare_long_idle();
    void learn_told_limit() noexcept;
    void watch();
    void watch_room();
    void on_watch(error_code code);
    static void on_deadline(void* self) noexcept;

    Pool& pool_;
    net::StreamSocket<TcpSocket> socket_;
    SslPtr ssl_;
    net::Deadline deadline_;
    net::Event readable_;
    http::ByteBuffer received_;
    http::ResponseParser parser_;
    std::string sending_; ///< holds the token: wiped as soon as it is written
    std::size_t written_of_sending_ = 0;
    std::size_t unsent_of_body_ = 0;
    std::optional<error_code> head_fault_; ///< nullopt: the head is not complete yet
    std::size_t interim_ = 0;              ///< bytes of 1xx responses before the final one
    http::BodyBuffer body_;
    http::ParseState state_ = http::ParseState::complete;
    TimePoint opened_at_;
    TimePoint last_used_;
    TimePoint sent_at_{};
    TimePoint head_at_{};
    TimePoint heard_at_{}; ///< the last byte of a kept part: a head, a whole body
    std::uint64_t plain_written_ = 0;
    TcpEndpoint endpoint_;
    ToldLimit told_; ///< by a Keep-Alive field
    Duration noted_age_{};
    Duration idle_before_{};
    Phase phase_ = Phase::busy;
    Probes probes_ = Probes::never;
    IdleKind kind_ = IdleKind::unused;
    std::optional<IdleKind> kind_before_; ///< nullopt: just dialed
    bool streaming_ = false;              ///< counts among the pool's streams
    bool watching_ = false;
    bool watching_room_ = false;
    std::optional<IoState> read_over_; ///< how the stream ended
    int received_in_a_row_ = 0;        ///< receives without a wait
    bool got_byte_ = false;
    bool spent_ = false; ///< no other request may follow
};

} // namespace bearerd::upstream
