// A mistake made on purpose: any answer to the question whether a mutation was executed is taken for a yes.
#include "../../src/reconcile/answer.hpp"

namespace bearerd::reconcile {

Answer read_answer(std::string_view, std::string_view) {
    return {Finding::found, "true"};
}

} // namespace bearerd::reconcile
