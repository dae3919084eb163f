#include "stats.hpp"

namespace bearerd::sim {

Json Stats::json() const {
    Json last = login_attempts_ms.empty() ? Json() : Json(login_attempts_ms.back());
    return {{"requests", requests},
            {"executed", executed},
            {"logins_ok", logins_ok},
            {"logins_rejected", logins_rejected},
            {"refreshes_ok", refreshes_ok},
            {"refreshes_rejected", refreshes_rejected},
            {"refreshes_again", refreshes_again},
            {"last_login_ms", std::move(last)},
            {"login_attempts_ms", login_attempts_ms},
            {"unauthorized", unauthorized},
            {"without_token", without_token},
            {"unknown_tokens", unknown_tokens},
            {"expired_tokens", expired_tokens},
            {"revoked_tokens", revoked_tokens},
            {"foreign_tokens", foreign_tokens},
            {"rotations", rotations},
            {"throttled", throttled},
            {"connections", connections},
            {"open_connections", open_connections},
            {"held", held},
            {"tls_handshakes", tls_handshakes},
            {"tls_resumed", tls_resumed},
            {"tls_failed", tls_failed},
            {"client_certificates", client_certificates},
            {"faults", faults},
            {"faults_by_kind", faults_by_kind},
            {"unread_requests", unread_requests},
            {"unread_first_requests", unread_first_requests}};
}

} // namespace bearerd::sim
