#pragma once

#include "section.hpp"

namespace bearerd::config {

/// Reads the `transactions:` section (contract 10).
void read_transactions(Section in, Transactions& out);

/// Reports `reconcile:`, which `transactions:` has replaced, and names the new place of each of its keys.
void report_reconcile(Section in);

} // namespace bearerd::config
