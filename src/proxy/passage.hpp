#pragma once

#include <bearerd/graphql/operation.hpp>
#include <bearerd/proxy/forwarder.hpp>

#include <optional>
#include <string>

namespace bearerd::proxy {

/// One request's way through the forwarder, step by step; lives in the coroutine frame of Forwarder::handle,
/// which says in which order. What nearly always is done at once is no coroutine: its Task, where there is
/// one, is what is left to be awaited.
class Forwarder::Passage final : private upstream::Requester {
public:
    Passage(Forwarder& forwarder, const AppRequest& request, Responder& responder, Report& report);
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    ~Passage();

    /// From here on an app that leaves counts, where money may move. A query is cheap to look up, and its app
    /// is looked at only where it has to wait. Returns false if the app is gone already.
    [[nodiscard]] bool begin_watching() noexcept;
    /// Looks for the app if the request has waited since the last look. Returns false if it is gone.
    [[nodiscard]] bool look_for_app() noexcept;
    [[nodiscard]] net::Task<void> reply_gone();

    /// With as many requests in hand, this one included. Nothing: it may go on.
    [[nodiscard]] std::optional<net::Task<void>> refuse_at_once(std::uint32_t in_hand);
    /// Whether there is one that is good.
    [[nodiscard]] bool take_token(TimePoint now);
    /// False: the app has its answer.
    [[nodiscard]] net::Task<bool> wait_for_token();
    [[nodiscard]] bool has_to_be_put_down() const noexcept;
    /// False: it must not be sent without, and the app has its answer.
    [[nodiscard]] net::Task<bool> put_down();
    /// What the report says now is what the journal is told, where it has not been told yet.
    void conclude(journal::Source source = journal::Source::answer);
    /// The request as it leaves; its head is wiped by sent().
    [[nodiscard]] upstream::OutgoingRequest outgoing(TimePoint now);
    void sent(Duration took) noexcept;
    /// Takes from the answer what it says of token and throttling, and judges it.
    [[nodiscard]] graphql::Verdict look_at(upstream::Exchange& exchange);
    /// True: send again. False: the app has its answer.
    [[nodiscard]] net::Task<bool> after_failure(const upstream::Failure& failure);
    [[nodiscard]] net::Task<bool> after_rejection(upstream::ExchangePtr exchange);
    /// Nothing: the app has its answer.
    [[nodiscard]] std::optional<net::Task<void>> relay(upstream::ExchangePtr exchange,
                                                       graphql::Verdict verdict);
    [[nodiscard]] net::Task<void> reply_error(ErrorReply error);

private:
    /// An answer that was read whole and let go of its connection, so that a login can use it.
    struct HeldAnswer {
        std::string head;
        std::string body;
        std::uint16_t status = 0;
        graphql::Verdict verdict = graphql::Verdict::rejected;
        graphql::Executed executed = graphql::Executed::no;
        bool whole = false;  ///< all of it is here, and may be held
        bool proven = false; ///< its body leaves no doubt of the verdict
    };

    /// What is known of the app's connection.
    enum class AppWatch : std::uint8_t {
        not_begun,
        present, ///< nothing has been waited for since it was last looked at
        waited,  ///< it may have left meanwhile
        gone,    ///< nothing is sent for it any more
    };

    void watch_app() noexcept;
    void about_to_wait() noexcept override;
    [[nodiscard]] bool gone() noexcept override;

    void adopt_token(const http::ResponseHead& head);
    [[nodiscard]] bool is_judged_by_its_start(const http::ResponseHead& head) const noexcept;
    [[nodiscard]] graphql::Verdict judge_stream_start(const http::ResponseHead& head, std::string_view body);
    [[nodiscard]] static bool is_one_unit(const http::ResponseHead& head, std::string_view decoded);
    [[nodiscard]] bool is_proven(const HeldAnswer& held, const http::ResponseHead& head,
                                 std::string_view decoded) const;
    [[nodiscard]] bool told_by_status(std::uint16_t status) const noexcept;
    [[nodiscard]] bool moves_money() const noexcept;
    [[nodiscard]] graphql::Judgement judge(std::uint16_t status, std::string_view decoded) const;
    /// The verdict on an answer to its last byte, the same however its bytes came.
    void judge_whole(HeldAnswer& held, const http::ResponseHead& head);
    /// What an answer says of whether the request was executed. `decoded` is all of its body, or nothing if
    /// it can't be decoded or is not needed (see needs_body).
    [[nodiscard]] graphql::Executed outcome_of(std::uint16_t status, std::optional<std::string_view> decoded,
                                               graphql::Verdict verdict) const;
    [[nodiscard]] bool needs_body(graphql::Verdict verdict) const noexcept;
    /// Whether the answer is a stream that would take a connection which others need (contract 2).
    [[nodiscard]] bool is_stream_too_many(upstream::Exchange& exchange) const noexcept;
    [[nodiscard]] net::Task<void> refuse_stream(upstream::ExchangePtr exchange);
    [[nodiscard]] bool speaks_for_all(const graphql::Judgement& rejection) const;
    [[nodiscard]] std::optional<net::Task<void>> write(upstream::ExchangePtr exchange, std::string_view body);
    [[nodiscard]] net::Task<void> write_rest(std::string left);
    [[nodiscard]] net::Task<void> stream(upstream::ExchangePtr exchange, http::BodyFraming framing);
    [[nodiscard]] net::Task<bool> write_piece(std::string_view piece, bool chunked, bool last);
    [[nodiscard]] net::Task<void> reply_decision(const Decision& decision, const upstream::Failure* failure);
    /// What the upstream knows of a mutation whose outcome is unknown; nothing where it was not asked.
    [[nodiscard]] net::Task<std::optional<reconcile::Answer>> reconcile();
    [[nodiscard]] net::Task<void> reply_no_token(auth::NoToken reason);
    void note_answer(std::uint16_t status, graphql::Verdict verdict, graphql::Executed executed) noexcept;
    [[nodiscard]] net::Task<void> pass_on(HeldAnswer held);
    [[nodiscard]] net::Task<HeldAnswer> hold(upstream::ExchangePtr exchange, Duration patience);
    [[nodiscard]] net::Task<bool> after_refused_stream(upstream::ExchangePtr exchange);
    [[nodiscard]] net::Task<auth::Advice> take_advice();
    [[nodiscard]] net::Task<bool> follow(const auth::Advice& advice);
    void report_accepted();
    void report_doubt();
    void report_denied();
    [[nodiscard]] net::Task<void> reply_broken_rejection();

    Forwarder& owner_;
    const AppRequest& request_;
    Responder& responder_;
    Report& report_;
    graphql::RequestView view_;
    graphql::Operation operation_;
    std::string accept_encoding_;
    auth::TokenPtr token_;
    journal::EntryPtr entry_; ///< in the journal, as long as its outcome is open
    std::string out_;
    std::string scratch_;
    /// The decoded body of the answer that look_at() was given, until the next one: a view of that or of
    /// scratch_. Nothing if look_at() did not decode it, or could not.
    std::optional<std::string_view> looked_at_;
    AppWatch app_ = AppWatch::not_begun;
    bool new_connection_ = false;
    bool resent_stale_ = false;
    bool resent_rejected_ = false;
    bool report_denied_ = false; ///< a rejection of the resend denies the document
};

} // namespace bearerd::proxy
