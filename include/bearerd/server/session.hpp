#pragma once

#include <bearerd/http/access.hpp>
#include <bearerd/http/byte_buffer.hpp>
#include <bearerd/http/parser.hpp>
#include <bearerd/net/deadline.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/net/task_group.hpp>
#include <bearerd/proxy/handler.hpp>
#include <bearerd/server/client_limit.hpp>
#include <bearerd/server/site.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace bearerd::server {

/// One type for TCP and unix sockets, so that a session is no template and a test can use a socket pair.
using ClientSocket = net::asio::basic_stream_socket<net::asio::generic::stream_protocol, net::Executor>;

/// What the listener knows of a connection.
struct Arrival {
    http::ListenerIdentity listener;
    std::optional<std::uint32_t> peer_uid; ///< of a unix socket
    bool over_limit = false;               ///< it is only told so (OVERLOADED) and closed
};

/// One app's connection: reads requests one after the other, guards, has them answered, writes. Owned by its
/// own coroutine; holds no buffer while it waits for the next request.
class Session final : public proxy::Responder, public net::GroupMember {
public:
    /// `socket` is non-blocking. `sites`, `clock` and `group` must outlive the session. `admission` is held
    /// for as long as it lives.
    Session(ClientSocket socket, Arrival arrival, std::size_t header_limit, SiteHolder& sites,
            net::DeadlineClock& clock, net::TaskGroup& group, Admission admission = {});
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// The life of a session, to be spawned.
    [[nodiscard]] static net::Task<void> run(std::unique_ptr<Session> self);

    [[nodiscard]] net::Task<bool> write(std::string_view first, std::string_view second,
                                        std::string_view third) override;
    [[nodiscard]] std::size_t write_now(std::string_view first, std::string_view second) override;

    void close_after() noexcept override { keep_open_ = false; }

    void reset_after() noexcept override;
    [[nodiscard]] bool note_end() noexcept override;
    [[nodiscard]] bool app_is_gone() noexcept override;

    void finish_soon() noexcept override;
    void finish_now() noexcept override;

private:
    /// How reading a request ended; `faulty`: it is to be refused with `fault_`; `nothing`: only empty lines
    /// came, as old clients send them behind a body.
    enum class Read : std::uint8_t { request, faulty, refused, gone, nothing };

    /// The next request: something has come of it, it is to be waited for, there will be none.
    enum class Next : std::uint8_t { here, wait, none };

    [[nodiscard]] net::Task<void> serve(std::unique_ptr<Session> self);
    [[nodiscard]] Next look_for_request();
    [[nodiscard]] Next prepare_wait();
    [[nodiscard]] Next look_again(error_code code);
    net::Task<void> tell_overloaded();
    [[nodiscard]] net::Task<Read> read_head();
    [[nodiscard]] std::optional<Read> take_head(error_code received);
    [[nodiscard]] Read faulty(graphql::ErrorCode code) noexcept;
    [[nodiscard]] bool take_body();
    [[nodiscard]] net::Task<Read> read_body();
    [[nodiscard]] bool may_hold_body() noexcept;
    [[nodiscard]] error_code receive_now();
    [[nodiscard]] net::Task<error_code> receive();
    void begin_answer() noexcept;
    [[nodiscard]] bool finish_answer(bool failed);
    [[nodiscard]] net::Task<Read> refuse(graphql::ErrorCode code);
    [[nodiscard]] net::Task<void> answer_preflight();
    [[nodiscard]] ssize_t send_now(std::span<const std::string_view> pieces) noexcept;
    [[nodiscard]] net::Task<void> linger();

    void begin_request() noexcept;
    void understand_head();
    [[nodiscard]] bool wants_preflight() const;
    [[nodiscard]] bool is_newcomer() const noexcept;
    [[nodiscard]] bool is_idle() const noexcept;
    void finish_report();
    void close_half_close_window() noexcept;
    static void on_deadline(void* self) noexcept;

    Admission admission_;
    ClientSocket socket_;
    Arrival arrival_;
    SiteHolder& sites_;
    std::shared_ptr<const Site> site_; ///< of the request in hand
    net::Deadline deadline_;
    http::ByteBuffer received_;
    http::RequestParser parser_;
    BodyShare body_share_; ///< for the parser's body
    http::ParseState parse_state_ = http::ParseState::need_more;
    std::size_t scanned_ = 0; ///< of received_, for the end of a head
    graphql::ErrorCode fault_ = graphql::ErrorCode::bad_request;
    http::Target target_;
    http::ReplyContext context_;
    proxy::Report report_;
    std::string request_id_;
    std::string cors_;
    std::string out_;
    TimePoint arrived_ = BootClock::now();
    TimePoint began_{};          ///< the request in hand
    TimePoint ended_ = arrived_; ///< the one before
    TimePoint idle_until_{};     ///< while no request comes; none while one does
    std::uint64_t requests_ = 0;
    bool keep_open_ = true;
    bool waiting_ = false; ///< between requests: nothing of one has come
    bool settled_ = false; ///< has been waiting for a while
    bool cut_ = false;     ///< the grace period of a shutdown is over
    bool reset_ = false;   ///< close by a reset
    bool closing_ = false; ///< a shutdown has begun
    bool wrote_ = false;   ///< some of the answer to the request in hand
    bool peer_ended_ = false;
    bool ended_with_request_ = false;   ///< the app's stream
    bool in_half_close_window_ = false; ///< an end that is seen now came with the request
    bool drained_ = true;               ///< the last receive found less than it had room for
    error_code first_received_;         ///< how the first receive of the request in hand went
};

} // namespace bearerd::server
