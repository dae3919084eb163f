#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bearerd::test {

/// Fails the test where one of the secrets stands in the text, as it is, in base64, URL-encoded or as hex.
/// The failure tells which one by its position only, and prints neither.
void expect_no_secrets(std::string_view text, const std::vector<std::string>& secrets,
                       std::string_view where = "the output");

} // namespace bearerd::test
