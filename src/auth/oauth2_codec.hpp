#pragma once

#include <bearerd/auth/login_codec.hpp>

namespace bearerd::auth {

/// The client credentials grant (RFC 6749 section 4.4).
class OAuth2Codec final : public LoginCodec {
public:
    [[nodiscard]] LoginRequest request(const Attempt& attempt) const override;
    [[nodiscard]] LoginOutcome read(const Attempt& attempt, const http::ResponseHead& head,
                                    std::string& body) const override;
};

} // namespace bearerd::auth
