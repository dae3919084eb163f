// A mistake made on purpose: an error "Unauthorized" beside whole data counts as a rejection, after which a
// mutation is sent again.
#include <bearerd/graphql/verdict.hpp>

namespace bearerd::graphql {

Judgement judge(std::uint16_t, std::string_view body, OperationKind, const RejectionRules&, bool) {
    const bool rejected = body.find("\"errors\"") != std::string_view::npos &&
                          body.find("\"Unauthorized\"") != std::string_view::npos;
    Judgement judgement;
    judgement.verdict = rejected ? Verdict::rejected : Verdict::ok;
    return judgement;
}

} // namespace bearerd::graphql
