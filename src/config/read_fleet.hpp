#pragma once

#include "section.hpp"

namespace bearerd::config {

/// `fleet` (contract 12). `settings` holds the transactions already.
void read_fleet(Section in, const Environment& environment, const Settings& settings, Fleet& out);

} // namespace bearerd::config
