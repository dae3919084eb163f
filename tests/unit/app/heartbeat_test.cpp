#include "heartbeat.hpp"

#include <gtest/gtest.h>

namespace bearerd::app {
namespace {

TEST(StatusLine, TellsTheLoginTheOpenTransactionsAndARejectedFile) {
    auth::AuthStatus in;
    in.expires_in = std::chrono::minutes{5};
    in.identity = "till-042";
    auth::AuthStatus out;
    out.last_login_reason = "Wrong password";

    const struct {
        auth::AuthStatus status;
        std::optional<std::string> rejected;
        OpenTransactions open;
        const char* line;
    } cases[] = {
        {in, {}, {}, "Logged in as till-042"},
        {out, {}, {}, "Not logged in: Wrong password"},
        {{}, {}, {}, "Logging in"},
        {in, {}, {1, 0}, "Logged in as till-042; 1 transaction has an unknown outcome"},
        {in, {}, {0, 1}, "Logged in as till-042; 1 transaction was executed, but its till does not know it"},
        {in,
         "f:1:1: thread",
         {9, 2},
         "Logged in as till-042; 9 transactions have an unknown outcome; 2 transactions were executed, but "
         "their "
         "tills do not know it; the changed configuration was rejected, the former one stays in use: f:1:1: "
         "thread"},
    };

    for (const auto& [status, rejected, open, line] : cases)
        EXPECT_EQ(status_line(status, rejected, open), line);
}

} // namespace
} // namespace bearerd::app
