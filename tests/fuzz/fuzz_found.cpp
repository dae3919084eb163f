// Judges an upstream's answer to a look-up, with any pointer: never throws, never crashes, and what is found
// is JSON of a bounded size. The input is "pointer\nanswer".
#include "../../src/reconcile/answer.hpp"
#include "../../src/reconcile/lookup_request.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <string_view>

using namespace bearerd::reconcile;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto end = input.find('\n');
    if (end == std::string_view::npos)
        return 0;
    const Answer answer = read_answer(input.substr(end + 1), input.substr(0, end));
    require((answer.result == bearerd::Finding::found) == !answer.found.empty());
    require(answer.found.size() <= 1024);
    require(answer.found.empty() || nlohmann::json::accept(answer.found));
    require(nlohmann::json::accept(json_string(input)));
    return 0;
}
