#pragma once

#include "section.hpp"

namespace bearerd::config {

/// The `reconcile:` section.
void read_reconcile(Section in, Reconcile& out);

} // namespace bearerd::config
