#pragma once

#include "http_types.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bearerd::sim {

/// How another API than Toggle's logs in and takes its token. The shop stays the same.
struct Profile {
    enum class Form { header, body, oauth2, fixed };

    std::string_view name;
    Form form = Form::header;
    std::string_view login;                    ///< Root field of the login.
    std::string_view refresh = {};             ///< Root field of the renewal; empty: there is none.
    std::string_view path = {};                ///< Of the login, if it is not the API's.
    std::string_view header = "Authorization"; ///< Carries the token.
    std::string_view scheme = "Bearer";        ///< Empty: the bare token.
    std::string_view answers = {};             ///< Header that carries a token; empty: the body does.
    std::string_view token = "token";          ///< Names in the answer's body.
    std::string_view life = {};
    bool life_in_ms = false;
    bool life_is_moment = false;
    bool refusal_in_data = false; ///< Wrong credentials are answered without an error.
    bool basic_only = false;      ///< OAuth2: the client's secret comes by Basic, not in the body.
    std::string_view message = "Unauthorized"; ///< How a bad token is answered.
    std::string_view code = {};
    unsigned status = 200;
};

/// nullptr: there is none of that name.
const Profile* find_profile(std::string_view name);
std::vector<std::string_view> profile_names();

/// What a login of a profile's form asks for.
struct LoginAttempt {
    std::string user;
    std::string secret;
    std::string refresh_token; ///< In place of both.
    bool well_formed = true;
};

/// Whether a request is a login, or a renewal, in the profile's form.
bool is_login(const Profile& profile, const HttpRequest& request);
LoginAttempt read_login(const Profile& profile, const HttpRequest& request);

/// The answer to a login that brought `token`. `next`: a refresh token, or empty.
HttpReply login_reply(const Profile& profile, const std::string& token, const std::string& next,
                      std::chrono::milliseconds life, std::chrono::seconds wall, const std::string& user);
HttpReply refusal_reply(const Profile& profile);

/// The body with which a bad token is answered.
std::string rejection_body(const Profile& profile);

/// Refresh tokens, of which each may be used once.
class RefreshTokens {
public:
    enum class Use { good, unknown, again };

    std::string issue();
    Use use(const std::string& token);

private:
    std::unordered_map<std::string, bool> used_;
};

} // namespace bearerd::sim
