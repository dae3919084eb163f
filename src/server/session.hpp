#pragma once

#include <bearerd/net/deadline.hpp>
#include <bearerd/net/stream_socket.hpp>
#include <bearerd/net/task.hpp>
#include <bearerd/net/task_group.hpp>
#include <bearerd/server/client_limit.hpp>
#include <bearerd/server/handler.hpp>
#include <bearerd/server/service_settings.hpp>

#include "accepted_connection.hpp"
#include "request_reader.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bearerd::server {

/// One app's connection: passes the requests that its reader reads to the handler one after the other, writes
/// the replies, and decides when the connection ends. Owned by its own coroutine; holds no buffer while it
/// waits for the next request.
class Session final : public net::GroupMember, private AppWatcher {
public:
    /// `socket` is non-blocking. `session_context`, `clock` and `group` must outlive the session. `slot` is
    /// held as long as the session lives.
    Session(ClientSocket socket, AcceptedConnection accepted, std::size_t header_limit,
            SessionContext& session_context, net::DeadlineClock& clock, net::TaskGroup& group,
            ConnectionSlot slot = {});
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// The life of a session, to be spawned.
    [[nodiscard]] static net::Task<void> run(std::unique_ptr<Session> self);

    void finish_soon() noexcept override;
    void finish_now() noexcept override;

private:
    using Read = RequestReader::Read;

    /// Whether a part of the next request has arrived.
    enum class Next : std::uint8_t {
        here,
        wait, ///< it may still come
        none, ///< there will be none
        gone, ///< the app has left
    };

    enum class Phase : std::uint8_t {
        waiting, ///< for the next request, of which nothing has arrived
        serving, ///< nothing of the answer has been sent, so another one can take its place
        writing, ///< some of the answer has been sent
    };

    enum class Shutdown : std::uint8_t { none, begun, grace_over };

    /// What an end of the app's stream means to the request in flight (contract 4).
    enum class StreamEnd : std::uint8_t {
        farewell,     ///< such an end means that the app has left
        in_window,    ///< an end that is seen now belongs to the request
        with_request, ///< the end has been seen, and the app waits for the answer
    };

    struct Sent {
        std::size_t bytes = 0;
        bool whole = false;
    };

    [[nodiscard]] net::Task<void> serve(std::unique_ptr<Session> self);
    [[nodiscard]] Next look_for_request();
    [[nodiscard]] Next prepare_wait(error_code received);
    [[nodiscard]] Next look_again(error_code code);
    [[nodiscard]] bool is_newcomer() const noexcept;

    void begin_request();
    [[nodiscard]] net::Task<Read> read_after_continue();

    [[nodiscard]] net::Task<void> answer(Read read);
    void understand_head();
    void begin_answer() noexcept;
    [[nodiscard]] bool wants_preflight() const;
    [[nodiscard]] Request request() noexcept;
    [[nodiscard]] Reply refusal(outcome::ErrorCode code, Report report = {});
    [[nodiscard]] Sent write_at_once(Reply& reply);
    [[nodiscard]] net::Task<void> write_rest(Reply& reply, std::size_t sent);
    void give_up(Reply& reply) noexcept;
    [[nodiscard]] net::Task<bool> write_held(Reply& reply, std::size_t sent);
    [[nodiscard]] net::Task<bool> write_stream(Reply& reply);
    [[nodiscard]] net::Task<bool> write_piece(Reply& reply, const BodySource::Piece& piece);
    [[nodiscard]] net::Task<bool> write(std::string_view first, std::string_view second,
                                        std::string_view third);
    [[nodiscard]] net::Task<error_code> wait_for_room();
    [[nodiscard]] ssize_t send_now(std::span<const std::string_view> pieces) noexcept;
    void finish_write(Reply& reply, bool whole) noexcept;
    void close_after_reply(AfterReply how) noexcept;
    void finish_report(const Report& report);
    [[nodiscard]] net::Task<void> linger();
    void reset_on_close() noexcept;

    [[nodiscard]] bool note_end() noexcept override;
    [[nodiscard]] bool is_gone() noexcept override;
    void end_half_close_window() noexcept;
    static void on_deadline(void* self) noexcept;

    ConnectionSlot slot_;
    net::StreamSocket<ClientSocket> socket_;
    AcceptedConnection accepted_;
    SessionContext& session_context_;
    std::shared_ptr<const ServiceSettings> service_; ///< of the request in flight
    net::Deadline deadline_;
    RequestReader reader_;
    http::ReplyContext context_;
    std::string request_id_;
    TimePoint arrived_ = BootClock::now();
    TimePoint began_{};          ///< when the request in flight began
    TimePoint ended_ = arrived_; ///< when the last one ended, at first when the connection began
    TimePoint idle_until_{};     ///< when the wait for a request ends; {} while one is in flight
    std::uint64_t requests_ = 0;
    Phase phase_ = Phase::serving;
    Shutdown shutdown_ = Shutdown::none;
    StreamEnd stream_end_ = StreamEnd::farewell;
    AfterReply after_ = AfterReply::keep; ///< the strictest mode so far
};

} // namespace bearerd::server
