#pragma once

#include <bearerd/base/clock.hpp>

namespace bearerd::auth {

/// The two inputs that pure code can't have by itself.
struct Moment {
    TimePoint now{};
    double jitter = 0; ///< in [0, 1)
};

} // namespace bearerd::auth
