#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bearerd::test {

/// Fails the test if the text contains one of the secrets, as it is, in base64, URL-encoded or as hex. The
/// failure shows only the secret's position in the list, and prints neither.
void expect_no_secrets(std::string_view text, const std::vector<std::string>& secrets,
                       std::string_view where = "the output");

} // namespace bearerd::test
