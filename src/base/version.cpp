#include <bearerd/base/version.hpp>

namespace bearerd {

std::string_view user_agent() noexcept {
    return "bearerd/" BEARERD_VERSION;
}

} // namespace bearerd
