#include <bearerd/config/config.hpp>

#include "text.hpp"

#include <algorithm>

namespace bearerd::config {

std::string Address::text() const {
    if (kind == Kind::systemd)
        return "systemd";
    if (kind == Kind::unix_socket)
        return "unix:" + path;
    return with_brackets(host) + ":" + std::to_string(port);
}

std::string Url::authority() const {
    const bool is_default = port == (tls ? 443 : 80);
    return with_brackets(host) + (is_default ? "" : ":" + std::to_string(port));
}

bool Transactions::guard() const noexcept {
    return std::ranges::any_of(rules,
                               [](const TransactionRule& rule) { return rule.repeats == Repeats::replay; });
}

} // namespace bearerd::config
