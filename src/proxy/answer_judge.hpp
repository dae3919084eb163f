#pragma once

#include <bearerd/graphql/operation.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/message.hpp>
#include <bearerd/outcome/error_reply.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::proxy {

/// Says what an upstream's answer means for one request: whether the token was rejected (contract 3.5), and
/// whether a mutation was executed (contract 4). Pure. The rules and what the view refers to must outlive it.
class AnswerJudge {
public:
    /// `login_field` and `cache`: see graphql::classify.
    AnswerJudge(const graphql::RejectionRules& rules, graphql::RequestView view, std::string_view login_field,
                graphql::DocumentCache& cache);

    /// The verdict on an answer that was read to its end.
    struct Whole {
        graphql::Verdict verdict = graphql::Verdict::rejected;
        outcome::Executed executed = outcome::Executed::no;
        bool nothing_ran = false;                              ///< see server::Report
        bool proven = false;                                   ///< the body leaves no doubt about the verdict
        std::string_view doubt = "a rejection that broke off"; ///< if it is not proven: why not, for the log
    };

    [[nodiscard]] const graphql::RequestView& view() const noexcept { return view_; }

    [[nodiscard]] const graphql::Operation& operation() const noexcept { return operation_; }

    /// Whether it is a mutation or can't be classified. Unlike Operation::may_mutate(), false for a
    /// subscription.
    [[nodiscard]] bool may_be_mutation() const noexcept;

    /// Whether the status alone says that the token was rejected.
    [[nodiscard]] bool told_by_status(std::uint16_t status) const noexcept;
    /// Whether the answer is a stream whose status does not already say that the token was rejected.
    [[nodiscard]] bool is_judged_by_its_start(const http::ResponseHead& head) const noexcept;
    /// Judges what has arrived of a stream by its first event, part or line (contract 2).
    [[nodiscard]] graphql::Verdict judge_stream_start(const http::ResponseHead& head, std::string_view body,
                                                      std::string& scratch) const;
    [[nodiscard]] graphql::Judgement judge(std::uint16_t status, std::string_view decoded) const;
    /// The same for an answer that has arrived to its last byte, however its bytes were spread over time.
    /// `body` has the content coding that the head gives.
    [[nodiscard]] Whole judge_whole(const http::ResponseHead& head, std::string_view body,
                                    std::string& scratch) const;

    /// Whether executed() needs the body.
    [[nodiscard]] bool needs_body(graphql::Verdict verdict) const noexcept;
    /// Returns what an answer proves about whether the request was executed. `decoded` is its whole body, or
    /// nullopt if it can't be decoded or is not needed.
    [[nodiscard]] outcome::Executed executed(std::uint16_t status, std::optional<std::string_view> decoded,
                                             graphql::Verdict verdict) const;

    /// Whether an answer that is `answered` says that nothing was executed.
    [[nodiscard]] bool ran_nothing(std::uint16_t status, std::optional<std::string_view> decoded,
                                   outcome::Executed executed) const;

private:
    [[nodiscard]] bool speaks_for_all(const graphql::Judgement& rejection, std::uint16_t status,
                                      std::string_view decoded) const;
    [[nodiscard]] std::string_view doubt_of(const Whole& whole, const http::ResponseHead& head,
                                            std::string_view decoded) const;

    const graphql::RejectionRules* rules_;
    graphql::RequestView view_;
    graphql::Operation operation_;
};

} // namespace bearerd::proxy
