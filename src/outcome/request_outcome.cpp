#include <bearerd/outcome/request_outcome.hpp>

namespace bearerd::outcome {

std::string_view RequestOutcome::label() const noexcept {
    constexpr std::array<std::string_view, verdicts> verdict_labels{"ok", "graphql_error", "rejected"};
    if (is_answer())
        return verdict_labels[index_];
    return *this == client_closed() ? "client_closed" : code_label(static_cast<ErrorCode>(index_ - verdicts));
}

} // namespace bearerd::outcome
