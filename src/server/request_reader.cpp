#include "request_reader.hpp"

#include <bearerd/net/readiness.hpp>

#include "request_rules.hpp"

#include <algorithm>

namespace bearerd::server {
namespace {

using http::FieldId;
using outcome::ErrorCode;

constexpr std::size_t small_body = 64 * 1024;        // up to it, a body is not counted
constexpr std::uint64_t large_bodies = 64ULL << 20U; // bytes of all that are counted, or four whole ones

} // namespace

RequestReader::RequestReader(net::StreamSocket<ClientSocket>& socket, net::Deadline& deadline,
                             const AcceptedConnection& accepted, std::size_t header_limit,
                             MemoryBudget& bodies)
    : socket_{socket},
      deadline_{deadline},
      accepted_{accepted},
      received_{header_limit},
      body_reservation_{bodies} {}

bool RequestReader::is_idle() const noexcept {
    return received_.empty() || received_.data() == "\r";
}

void RequestReader::release() noexcept {
    received_.release_if_empty();
    parser_.release();
    body_reservation_.clear();
}

error_code RequestReader::receive_first() {
    const error_code code = receive_now();
    if (code == net::asio::error::would_block)
        received_.release_if_empty();
    return code;
}

void RequestReader::begin(const ServiceSettings& service) {
    service_ = &service;
    cors_.clear();
    parser_.reset(service.request_body);
    parse_state_ = http::ParseState::need_more;
    stage_ = Stage::head;
}

std::optional<RequestReader::Read> RequestReader::read_now() {
    const auto head = take_head();
    if (head != Read::request)
        return head;
    if (take_body())
        return Read::request;
    deadline_.set_after(service_->body_timeout);
    return check_body();
}

net::Task<RequestReader::Read> RequestReader::read() {
    while (true) {
        if (const error_code code = co_await receive())
            co_return interrupted(code);
        std::optional<Read> read;
        if (stage_ == Stage::head) {
            read = read_now();
        } else {
            static_cast<void>(take_body());
            read = check_body();
        }
        if (read)
            co_return *read;
    }
}

void RequestReader::end() noexcept {
    received_.unpin();
    received_.consume(http::leading_empty_lines(received_.data()));
}

/// Parses and judges the head. Returns nullopt if it is not whole yet.
std::optional<RequestReader::Read> RequestReader::take_head() {
    if (const std::size_t empty_lines = http::leading_empty_lines(received_.data()); empty_lines != 0) {
        received_.consume(empty_lines);
        parser_.reset(service_->request_body); // the first byte of such a line may have arrived alone
    }
    if (is_idle())
        return Read::nothing;
    const auto parsed = parser_.parse_head(received_.data());
    if (!parsed)
        return std::nullopt;
    parse_state_ = parsed->state;
    received_.consume(parsed->size);
    received_.pin();
    if (parse_state_ == http::ParseState::malformed)
        return refuse(ErrorCode::bad_request);
    stage_ = Stage::body;
    target_ = http::split_target(head().target);
    const bool too_large = parse_state_ == http::ParseState::body_too_large;
    const auto refusal = judge_request(head(), target_, too_large, accepted_, *service_, cors_);
    return refusal ? refuse(*refusal) : Read::request;
}

/// Takes what has arrived of the body. Returns whether it is whole.
bool RequestReader::take_body() {
    while (parse_state_ == http::ParseState::need_more && !received_.empty()) {
        std::size_t consumed = 0;
        parse_state_ = parser_.feed_body(received_.data(), consumed);
        received_.consume(consumed);
        if (consumed == 0)
            break;
    }
    if (!is_whole())
        return false;
    deadline_.clear();
    return true;
}

/// Checks a body that did not arrive with its head. Returns nullopt if more of it is needed.
std::optional<RequestReader::Read> RequestReader::check_body() {
    if (parse_state_ == http::ParseState::body_too_large || body().size() > service_->request_body)
        return refuse(ErrorCode::payload_too_large);
    if (parse_state_ == http::ParseState::malformed)
        return refuse(ErrorCode::bad_request);
    if (!may_hold_body())
        return refuse(ErrorCode::overloaded);
    if (is_whole())
        return Read::request;
    const bool expects = head().minor != 0 && head().fields.has_token(FieldId::expect, "100-continue");
    if (!expects || stage_ == Stage::continued || !received_.empty())
        return std::nullopt;
    stage_ = Stage::continued;
    return Read::expects_continue;
}

/// Returns false if the body would be too much together with what the other connections hold; then it is
/// freed.
bool RequestReader::may_hold_body() noexcept {
    std::string& body = parser_.body();
    const std::uint64_t most = std::max(large_bodies, 4 * service_->request_body);
    if (body.capacity() <= small_body || body_reservation_.grow_to(body.capacity(), most))
        return true;
    std::string{}.swap(body); // to assign an empty one would keep the memory
    body_reservation_.clear();
    return false;
}

/// Called after a receive that failed with `code`.
RequestReader::Read RequestReader::interrupted(error_code code) noexcept {
    if (stage_ == Stage::head && code == errc::too_large)
        return refuse(ErrorCode::headers_too_large);
    if (stage_ == Stage::head && is_idle())
        return Read::gone; // no byte of a request had arrived
    if (code == errc::timed_out)
        return refuse(ErrorCode::request_timeout);
    if (code == errc::closed || code == errc::too_large)
        return refuse(ErrorCode::bad_request);
    return Read::gone;
}

RequestReader::Read RequestReader::refuse(ErrorCode code) noexcept {
    fault_ = code;
    return Read::faulty;
}

/// Receives at least one more byte; otherwise returns asio's would_block, or errc::closed at the end of the
/// stream.
error_code RequestReader::receive_now() {
    const auto room = received_.prepare();
    if (room.empty())
        return errc::too_large;
    const auto size = socket_.receive_now(room);
    if (size > 0) {
        received_.commit(static_cast<std::size_t>(size));
        return {};
    }
    if (size == 0)
        return errc::closed;
    if (net::would_block())
        return net::asio::error::would_block;
    return system_error();
}

/// Like receive_now(), but waits.
net::Task<error_code> RequestReader::receive() {
    while (true) {
        const error_code received = receive_now();
        if (received != net::asio::error::would_block)
            co_return received;
        if (const error_code code = co_await net::wait_ready(socket_, ClientSocket::wait_read, deadline_))
            co_return code;
    }
}

} // namespace bearerd::server
