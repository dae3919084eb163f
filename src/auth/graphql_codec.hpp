#pragma once

#include <bearerd/auth/login_codec.hpp>

namespace bearerd::auth {

/// A login by a GraphQL operation, whose token arrives in a header or in the body, and its renewal by another
/// operation with a refresh token (contract 1 and 11).
class GraphqlCodec final : public LoginCodec {
public:
    [[nodiscard]] LoginRequest request(const Attempt& attempt) const override;
    [[nodiscard]] LoginOutcome read(const Attempt& attempt, const http::ResponseHead& head,
                                    std::string& body) const override;
};

} // namespace bearerd::auth
