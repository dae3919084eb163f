#include "scenario.hpp"

#include "support/secrets.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// The log at its most talkative.
class Secrets : public testing::TestWithParam<std::string> {};

TEST_P(Secrets, StandInNoLog) {
    Simulator simulator{{"--rotate-every", "3"}};
    Daemon daemon{{.upstream_url = simulator.url(),
                   .ca_pem = simulator.ca_pem(),
                   .config = "auth: {fresh_for: 0s}\nlog: {level: debug, format: " + GetParam() + "}"}};
    const std::string variable = R"({"query":"query($c:String){Cards(card_reference:$c){data{balance}}}",)"
                                 R"("variables":{"c":"6301190019990640662"}})";
    for (int i = 0; i < 5; ++i) {
        daemon.post(redemption("secret-reference-" + std::to_string(i)),
                    {{"Cookie", "session=cookie-of-the-app"}});
        daemon.post(variable);
    }
    simulator.revoke_tokens();
    daemon.post(balance_query());
    simulator.set_faults(R"([{"kind":"garbage","next":2},{"kind":"half_answer","next":2,"after":2}])");
    for (int i = 0; i < 4; ++i)
        daemon.post(redemption("secret-broken-" + std::to_string(i)));
    daemon.client().get(
        "/graphql?query=%7BCards(card_reference:%226301190019990640662%22)%7Bdata%7Bbalance%7D%7D%7D");

    const auto exit = daemon.stop(); // which writes what is still on its way
    EXPECT_TRUE(exit && exit->code == 0);
    const std::string shown = daemon.output();
    EXPECT_NE(shown.find("mutation"), std::string::npos) << "no request was logged at all";
    expect_no_secrets(shown, {std::string{password}, std::string{card_number}, "eyJhbGciOi",
                              "secret-reference", "cookie-of-the-app"});
}

INSTANTIATE_TEST_SUITE_P(Formats, Secrets, testing::Values("text", "json"));

} // namespace
} // namespace bearerd::test
