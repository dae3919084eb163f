#pragma once

#include <bearerd/auth/login_codec.hpp>

#include <array>
#include <utility>

namespace bearerd::auth::test {

/// Judges an answer that may quote the password only, without auth.rejected_at.
inline LoginOutcome judged_login(LoginHead head, std::string_view body, const Secret& password) {
    const std::array<const Secret*, 1> secrets{&password};
    return judge_login(std::move(head), body, secrets, {});
}

} // namespace bearerd::auth::test
