#pragma once

#include <bearerd/upstream/transport.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::auth::test {

/// How the fake upstream answers one login.
struct FakeAnswer {
    std::uint16_t status = 200;
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> pieces; ///< of the body; more than one: it is streamed
    std::optional<upstream::Failure> failure;

    static FakeAnswer token(std::string value) {
        FakeAnswer answer;
        answer.fields = {{"X-Authorization", "Bearer " + std::move(value)}};
        answer.pieces = {R"({"data":{"loginUser":{"id":"7"}}})"};
        return answer;
    }

    static FakeAnswer errors(const std::string& message) {
        FakeAnswer answer;
        answer.pieces = {R"({"data":{"loginUser":null},"errors":[{"message":")" + message + R"("}]})"};
        return answer;
    }

    static FakeAnswer unreachable(errc code = errc::connect_failed) {
        FakeAnswer answer;
        answer.failure = upstream::Failure{make_error_code(code), upstream::Stage::connecting, false, {}};
        return answer;
    }
};

class FakeExchange final : public upstream::Exchange {
public:
    explicit FakeExchange(FakeAnswer answer) : answer_{std::move(answer)} {
        head_.status = answer_.status;
        for (const auto& [name, value] : answer_.fields)
            head_.fields.list.push_back({boost::beast::http::string_to_field(name), name, value});
        next();
    }

    const http::ResponseHead& head() const noexcept override { return head_; }

    std::string_view body() const noexcept override { return body_; }

    bool complete() const noexcept override { return answer_.pieces.empty(); }

    net::Task<error_code> read(TimePoint) override {
        next();
        co_return error_code{};
    }

    Duration response_time() const noexcept override { return {}; }

    TimePoint answered_at() const noexcept override { return BootClock::now(); }

private:
    void next() {
        body_.clear();
        if (!answer_.pieces.empty()) {
            body_ = answer_.pieces.front();
            answer_.pieces.erase(answer_.pieces.begin());
        }
    }

    bool become_stream(bool) noexcept override { return true; }

    void release() noexcept override { delete this; }

    FakeAnswer answer_;
    http::ResponseHead head_;
    std::string body_;
};

/// Answers each login with the next of `answers`, once there is one.
class FakeTransport final : public upstream::Transport {
public:
    explicit FakeTransport(net::Executor executor) : timer_{executor} {}

    std::size_t sent = 0;
    std::size_t running = 0;
    std::size_t most_running = 0;
    std::vector<std::string> heads;
    std::vector<std::string> bodies;
    std::vector<bool> new_connections; ///< whether each was asked to go on one
    std::vector<TimePoint> give_ups;

    void answer(FakeAnswer answer) {
        answers_.push_back(std::move(answer));
        timer_.cancel();
    }

    /// As at a shutdown: all that wait for an answer fail.
    void close() {
        closed_ = true;
        timer_.cancel();
    }

    net::Task<upstream::SendResult> send(upstream::OutgoingRequest request) override {
        constexpr auto use = net::asio::as_tuple(net::asio::use_awaitable_t<net::Executor>{});
        ++sent;
        most_running = std::max(most_running, ++running);
        heads.emplace_back(request.head);
        bodies.emplace_back(request.body);
        new_connections.push_back(request.new_connection);
        give_ups.push_back(request.give_up);
        while (answers_.empty() && !closed_) {
            timer_.expires_after(std::chrono::hours{1});
            co_await timer_.async_wait(use);
        }
        --running;
        if (answers_.empty())
            co_return upstream::Failure{
                make_error_code(errc::shutting_down), upstream::Stage::waiting, false, {}};
        auto next = std::move(answers_.front());
        answers_.pop_front();
        if (next.failure)
            co_return std::move(*next.failure);
        co_return upstream::ExchangePtr{new FakeExchange{std::move(next)}};
    }

private:
    net::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    net::asio::wait_traits<std::chrono::steady_clock>, net::Executor>
        timer_;
    std::deque<FakeAnswer> answers_;
    bool closed_ = false;
};

} // namespace bearerd::auth::test
