#include "answer_judge.hpp"

#include <bearerd/base/ascii.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/http/headers.hpp>
#include <bearerd/http/stream_start.hpp>
#include <bearerd/outcome/proven_outcome.hpp>

#include <algorithm>

namespace bearerd::proxy {
namespace {

using graphql::SpeaksFor;
using graphql::Verdict;
using http::FieldId;
using outcome::Executed;

/// Whether no JSON object follows the first unit of a whole stream, so that a refusal in it applies to all.
/// Anything else that may follow (an end event, a closing delimiter) has no brace.
bool is_one_unit(const http::ResponseHead& head, std::string_view decoded) {
    const http::StreamStart start = http::stream_start(head.fields.value(FieldId::content_type), decoded);
    return start.rest.find('{') == std::string_view::npos;
}

} // namespace

AnswerJudge::AnswerJudge(const graphql::RejectionRules& rules, graphql::RequestView view,
                         std::string_view login_field, graphql::DocumentCache& cache)
    : rules_{&rules}, view_{view}, operation_{graphql::classify(view_, login_field, &cache)} {}

bool AnswerJudge::may_be_mutation() const noexcept {
    return operation_.kind == OperationKind::mutation || operation_.kind == OperationKind::unknown;
}

bool AnswerJudge::told_by_status(std::uint16_t status) const noexcept {
    return std::ranges::find(rules_->statuses, status) != rules_->statuses.end();
}

bool AnswerJudge::is_judged_by_its_start(const http::ResponseHead& head) const noexcept {
    return http::is_streaming_type(head.fields.value(FieldId::content_type)) && !told_by_status(head.status);
}

Verdict AnswerJudge::judge_stream_start(const http::ResponseHead& head, std::string_view body,
                                        std::string& scratch) const {
    const auto start = http::stream_start(head.fields, body, scratch);
    return start ? judge(head.status, start->text).verdict : Verdict::ok;
}

graphql::Judgement AnswerJudge::judge(std::uint16_t status, std::string_view decoded) const {
    auto judgement = graphql::judge(status, decoded, operation_.kind, *rules_, operation_.has_login);
    if (judgement.verdict == Verdict::rejected && !speaks_for_all(judgement, status, decoded))
        judgement.verdict = Verdict::graphql_error;
    return judgement;
}

AnswerJudge::Whole AnswerJudge::judge_whole(const http::ResponseHead& head, std::string_view body,
                                            std::string& scratch) const {
    Whole whole;
    const std::string coding = head.fields.combined(FieldId::content_encoding);
    if (is_judged_by_its_start(head)) {
        whole.verdict = judge_stream_start(head, body, scratch);
        const auto decoded = http::decoded_for_inspection(coding, body, scratch);
        whole.proven = decoded && is_one_unit(head, *decoded);
        whole.doubt = "a rejection in a stream that holds more, or can't be decoded";
        whole.executed = executed(head.status, std::nullopt, whole.verdict);
        return whole;
    }
    const auto decoded = http::decoded_for_inspection(coding, body, scratch);
    if (!decoded) {
        whole.doubt = "a rejection whose body can't be decoded";
        return whole;
    }
    whole.verdict = judge(head.status, *decoded).verdict;
    whole.doubt = doubt_of(whole, head, *decoded);
    whole.proven = whole.doubt.empty();
    whole.executed = executed(head.status, decoded, whole.verdict);
    whole.nothing_ran = ran_nothing(head.status, decoded, whole.executed);
    return whole;
}

bool AnswerJudge::ran_nothing(std::uint16_t status, std::optional<std::string_view> decoded,
                              Executed executed) const {
    return executed == Executed::answered && decoded &&
           outcome::ran_nothing(status, *decoded, view_, operation_);
}

bool AnswerJudge::needs_body(Verdict verdict) const noexcept {
    return verdict != Verdict::rejected && may_be_mutation();
}

Executed AnswerJudge::executed(std::uint16_t status, std::optional<std::string_view> decoded,
                               Verdict verdict) const {
    if (verdict == Verdict::rejected)
        return Executed::no;
    if (!may_be_mutation()) // a gateway's words say nothing about a subscription, either
        return operation_.may_mutate() && !outcome::tells_of_execution(status) ? Executed::unknown
                                                                               : Executed::yes;
    return decoded ? outcome::proven_outcome(status, *decoded, view_, operation_) : Executed::unknown;
}

/// Whether a rejection says of all that would have run that it was not executed (contract 3.5). A status says
/// so of a query; of a mutation, what the body says counts.
bool AnswerJudge::speaks_for_all(const graphql::Judgement& rejection, std::uint16_t status,
                                 std::string_view decoded) const {
    if (!may_be_mutation() && told_by_status(status))
        return true;
    const bool readable = operation_.count != 0;
    if (readable && rejection.answers != 0 && rejection.answers != operation_.count)
        return false;
    if (!may_be_mutation() || rejection.speaks_for == SpeaksFor::all)
        return true;
    // Root fields run one after the other: if one was refused, those before it may have moved money.
    const auto fields = graphql::mutation_fields(view_, {});
    if (!fields) // such as a stored document: the answer alone says what it runs
        return rejection.speaks_for == SpeaksFor::only_field;
    return rejection.speaks_for == SpeaksFor::one_field ? fields->size() == 1
                                                        : outcome::refuses_each(decoded, *fields);
}

/// Returns why an answer that was read to its end leaves its verdict in doubt; empty if it does not. A status
/// can be wrong about a body that can't be read.
std::string_view AnswerJudge::doubt_of(const Whole& whole, const http::ResponseHead& head,
                                       std::string_view decoded) const {
    if (!told_by_status(head.status))
        return {};
    if (!rules_->resend_mutations)
        return "a rejection by a status that proves nothing about a mutation "
               "(auth.unauthorized.resend_mutations)";
    const bool clear = whole.verdict != Verdict::rejected ||
                       graphql::hides_nothing(head.fields.combined(FieldId::content_type), decoded);
    return clear ? std::string_view{}
                 : "a rejection by its status, whose body can't be read or may hide data";
}

} // namespace bearerd::proxy
