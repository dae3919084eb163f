#pragma once

#include "cases.hpp"
#include "encoding.hpp"
#include "executor.hpp"
#include "http_types.hpp"
#include "profiles.hpp"
#include "shop.hpp"
#include "stats.hpp"
#include "throttle.hpp"
#include "tokens.hpp"

#include <deque>
#include <functional>
#include <memory>

namespace bearerd::sim {

struct ApiOptions {
    TokenOptions token;
    ShopOptions shop;
    std::string email = "till-042@example.com";
    std::string password = "demo-password";
    bool x_authorization = true; ///< Which headers carry a token.
    bool authorization = true;
    bool bearer_prefix = false;  ///< "Bearer " before it.
    std::vector<Coding> codings; ///< Used if the request accepts one of them.
    std::uint64_t seed = 1;
    const Profile* profile = find_profile("toggle"); ///< How one logs in; never null.
};

/// A request as understood before anything is executed: its operations and the faults that strike it.
struct Plan {
    std::vector<Prepared> operations;
    bool batch = false;
    std::string unreadable; ///< Why it is answered 400; empty if it was read.
    unsigned status = 400;  ///< With `unreadable`.
    Traffic traffic = Traffic::query;
    std::vector<Fault> faults;
    bool profile_login = false; ///< In the form of the profile, which is not in the shop's schema.
};

/// The API behind HTTP: tokens, login, GraphQL, faults that concern the answer, and the record of it all. No
/// sockets; one thread.
class Api {
public:
    Api(ApiOptions options, std::function<Now()> clock, std::function<void(const std::string&)> log);

    Plan plan(const HttpRequest& request);
    HttpReply answer(const HttpRequest& request, const Plan& plan);

    void reset();

    /// Ends all faults, and what a scenario set besides them.
    void calm();

    /// Whether the profile has another path for logins.
    [[nodiscard]] bool is_login_path(std::string_view path) const { return path == options_.profile->path; }

    void set_password(std::string password) { options_.password = std::move(password); }

    Tokens& tokens() noexcept { return tokens_; }

    Faults& faults() noexcept { return faults_; }

    Throttle& throttle() noexcept { return throttle_; }

    [[nodiscard]] const CaseTally& cases() const noexcept { return cases_; }

    Stats& stats() noexcept { return stats_; }

    [[nodiscard]] const Shop& shop() const noexcept { return *shop_; }

    [[nodiscard]] Json ledger_json() const;
    [[nodiscard]] Json requests_json(std::size_t last) const;

    [[nodiscard]] Now now() const { return clock_(); }

private:
    struct Recorded {
        std::chrono::milliseconds time{0};
        std::uint64_t connection = 0;
        std::string method;
        std::string target;
        Headers headers;
        std::string body;
        bool body_withheld = false;
        std::string client_certificate;
        std::uint64_t token_generation = 0;
        std::string operations;
        unsigned status = 0; ///< 0: not answered yet.
    };

    Tokens::Judged judge(const HttpRequest& request);
    HttpReply log_in_by_profile(const HttpRequest& request, const Plan& plan);
    Json run(const Prepared& prepared, const HttpRequest& request, const Plan& plan, Tokens::Judged judged,
             HttpReply& reply);
    Outcome resolve(const PlannedField& field, const Plan& plan, const Caller& caller, HttpReply& reply);
    Outcome login(const Json& arguments, const Plan& plan, HttpReply& reply);
    Outcome mutate(const PlannedField& field, const Caller& caller);
    void tell_token(HttpReply& reply, const std::string& token) const;
    void swap_token(const Plan& plan, HttpReply& reply);
    void dress(const HttpRequest& request, const Plan& plan, HttpReply& reply) const;
    Json throttled(const Prepared& prepared);
    void record(const HttpRequest& request, const Plan& plan, Tokens::Judged judged);

    ApiOptions options_;
    std::function<Now()> clock_;
    std::function<void(const std::string&)> log_;
    Tokens tokens_;
    RefreshTokens refresh_tokens_;
    std::unique_ptr<Shop> shop_;
    Faults faults_;
    Stats stats_;
    std::deque<Recorded> requests_;
    Throttle throttle_;
    CaseTally cases_;
};

/// The body with which a missing, wrong or expired token is answered.
inline constexpr std::string_view unauthorized_body =
    R"({"errors":[{"message":"Unauthorized","locations":[{"line":2,"column":3}],"customer_facing":false}]})";

/// "mutation Redeem{createBalanceAdjustment}", for logs.
std::string summary(const Prepared& prepared);

} // namespace bearerd::sim
