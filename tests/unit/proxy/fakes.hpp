#pragma once

#include <bearerd/auth/token_source.hpp>
#include <bearerd/upstream/transport.hpp>

#include <boost/beast/http/field.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace bearerd::proxy::test {

using NamedFields = std::vector<std::pair<std::string, std::string>>;

inline void fill(http::Fields& fields, const NamedFields& from) {
    for (const auto& [name, value] : from)
        fields.list.push_back({boost::beast::http::string_to_field(name), name, value});
}

/// What the upstream answers to one request.
struct Answer {
    std::uint16_t status = 200;
    NamedFields fields;
    std::vector<std::string> pieces{""}; ///< of the body, as they come; the first one is there with the head
    std::optional<std::uint64_t> content_length;
    error_code breaks_with; ///< instead of the end of the body
};

inline Answer json(std::string body) {
    return {200, {{"Content-Type", "application/json"}}, {std::move(body)}, std::nullopt, {}};
}

inline Answer unauthorized() {
    return json(R"({"errors":[{"message":"Unauthorized","locations":[{"line":2,"column":3}]}]})");
}

using Step = std::variant<Answer, upstream::Failure>;

class FakeExchange final : public upstream::Exchange {
public:
    FakeExchange(Answer answer, std::size_t& open, std::size_t& read_whole, std::vector<TimePoint>& give_ups,
                 std::vector<bool>& asked, bool room_for_streams)
        : answer_{std::move(answer)},
          open_{open},
          read_whole_{read_whole},
          give_ups_{give_ups},
          asked_{asked},
          room_for_streams_{room_for_streams} {
        ++open_;
        head_.status = answer_.status;
        head_.reason = "Reason";
        head_.content_length = answer_.content_length;
        head_.chunked = !answer_.content_length;
        fill(head_.fields, answer_.fields);
        next();
    }

    const http::ResponseHead& head() const noexcept override { return head_; }

    std::string_view body() const noexcept override { return body_; }

    bool complete() const noexcept override { return answer_.pieces.empty() && !answer_.breaks_with; }

    net::Task<error_code> read(TimePoint give_up) override {
        give_ups_.push_back(give_up);
        body_.clear();
        if (answer_.pieces.empty() && answer_.breaks_with)
            co_return answer_.breaks_with;
        next();
        co_return error_code{};
    }

    Duration response_time() const noexcept override { return std::chrono::milliseconds{7}; }

    TimePoint answered_at() const noexcept override { return BootClock::now(); }

    bool become_stream(bool must) noexcept override {
        asked_.push_back(must);
        return must || room_for_streams_;
    }

    void release() noexcept override {
        --open_;
        read_whole_ += complete() ? 1 : 0;
        delete this;
    }

private:
    void next() {
        if (answer_.pieces.empty())
            return;
        body_ = answer_.pieces.front();
        answer_.pieces.erase(answer_.pieces.begin());
    }

    Answer answer_;
    http::ResponseHead head_;
    std::string body_;
    std::size_t& open_;
    std::size_t& read_whole_;
    std::vector<TimePoint>& give_ups_;
    std::vector<bool>& asked_;
    bool room_for_streams_;
};

/// Plays the steps one after the other; a request too many throws.
class FakeTransport final : public upstream::Transport {
public:
    struct Sent {
        std::string head;
        std::string body;
        bool may_mutate;
        bool new_connection;
        std::size_t hold_limit;
        TimePoint give_up;
    };

    std::deque<Step> steps;
    std::vector<Sent> sent;
    std::size_t open = 0;            ///< exchanges that were not released
    std::size_t read_whole = 0;      ///< exchanges that were read to their end
    std::vector<TimePoint> give_ups; ///< of each read
    std::vector<bool> streams;       ///< of each exchange that became a stream: whether it had to go on
    bool room_for_streams = true;
    bool connects = false;      ///< each request waits for a connection
    std::optional<Answer> half; ///< its head arrives before each failure

    net::Task<upstream::SendResult> send(upstream::OutgoingRequest request) override {
        if (connects) {
            request.requester->about_to_wait();
            if (request.requester->gone())
                co_return upstream::Failure{
                    make_error_code(errc::closed), upstream::Stage::connecting, false, {}};
        }
        sent.push_back({std::string{request.head}, std::string{request.body}, request.may_mutate,
                        request.new_connection, request.hold_limit, request.give_up});
        if (steps.empty())
            throw std::logic_error{"sent once too often"};
        Step step = std::move(steps.front());
        steps.pop_front();
        if (auto* failure = std::get_if<upstream::Failure>(&step)) {
            if (half) {
                const upstream::ExchangePtr broken{
                    new FakeExchange{*half, open, read_whole, give_ups, streams, room_for_streams}};
                request.requester->broke_off(broken->head());
            }
            co_return std::move(*failure);
        }
        co_return upstream::ExchangePtr{new FakeExchange{std::get<Answer>(std::move(step)), open, read_whole,
                                                         give_ups, streams, room_for_streams}};
    }
};

inline auth::TokenPtr make_token(const std::string& value, std::uint64_t generation = 1) {
    auto token = std::make_shared<auth::Token>();
    token->value = Secret{std::string_view{value}};
    token->generation = generation;
    return token;
}

class FakeTokens final : public auth::TokenSource {
public:
    auth::TokenPtr now = make_token("token-1");
    auth::TokenResult later = auth::NoToken{}; ///< what acquire() brings
    std::deque<auth::Advice> advice;           ///< for each rejection
    std::vector<std::string> calls;            ///< in order, but for current()
    std::size_t* open_exchanges = nullptr;     ///< must be 0 while a login may run
    std::function<void()> on_rejected;         ///< while it is decided; or empty

    auth::TokenPtr current(TimePoint) override { return now; }

    net::Task<auth::TokenResult> acquire() override {
        calls.emplace_back("acquire");
        co_return later;
    }

    net::Task<auth::Advice> rejected(auth::TokenPtr used, std::uint64_t document) override {
        calls.push_back("rejected " + std::string{used->value.reveal()});
        documents.push_back(document);
        if (open_exchanges != nullptr && *open_exchanges != 0)
            calls.emplace_back("while a connection was held");
        if (on_rejected)
            on_rejected();
        auth::Advice next = advice.front();
        advice.pop_front();
        co_return next;
    }

    void denied(const auth::TokenPtr& used, std::uint64_t document) override {
        calls.push_back("denied " + std::string{used->value.reveal()});
        documents.push_back(document);
    }

    void rejected_in_doubt(const auth::TokenPtr& used, std::uint64_t document) override {
        calls.push_back("in doubt " + std::string{used->value.reveal()});
        documents.push_back(document);
    }

    bool awaits_proof(const auth::TokenPtr&) const noexcept override { return true; }

    void accepted(const auth::TokenPtr& used, std::uint64_t document) override {
        proofs.emplace_back(used->value.reveal());
        proof_documents.push_back(document);
    }

    void observed(const auth::TokenPtr& used, std::string_view value, bool login_operation) override {
        calls.push_back("observed " + std::string{value} + " of " + std::string{used->value.reveal()} +
                        (login_operation ? " by a login" : ""));
    }

    std::vector<std::uint64_t> documents;
    std::vector<std::string> proofs;            ///< the token of each accepted()
    std::vector<std::uint64_t> proof_documents; ///< likewise, the document
};

inline auth::Advice resend_with(const std::string& token, bool after_login) {
    auth::Advice advice;
    advice.kind = auth::Advice::Kind::resend;
    advice.token = make_token(token, 2);
    advice.after_login = after_login;
    return advice;
}

} // namespace bearerd::proxy::test
