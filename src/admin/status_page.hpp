#pragma once

#include <string_view>

/// The status page's files, which the build embeds as they are.
namespace bearerd::admin {

[[nodiscard]] std::string_view status_page_html() noexcept;
[[nodiscard]] std::string_view status_page_css() noexcept;
[[nodiscard]] std::string_view status_page_js() noexcept;

} // namespace bearerd::admin
