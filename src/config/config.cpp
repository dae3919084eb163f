#include <bearerd/config/config.hpp>

#include "text.hpp"

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

} // namespace bearerd::config
