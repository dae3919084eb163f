#pragma once

#include <string>

/// Memory for message heads that goes from request to request: an allocator would be asked several times for
/// each of them, as it grows. Each thread keeps its own.
namespace bearerd::http {

/// Returns an empty string, with memory if this thread has some to spare.
[[nodiscard]] std::string take_spare_head() noexcept;

/// Keeps the memory for another head, unless it is large or there is enough. A head that held a secret must
/// have been wiped.
void keep_spare_head(std::string&& head) noexcept;

/// Frees all that this thread keeps.
void release_spare_heads() noexcept;

} // namespace bearerd::http
