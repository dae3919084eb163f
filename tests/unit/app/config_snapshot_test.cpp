#include "config_snapshot.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

Secret secret_of(std::string_view text) {
    return Secret{text};
}

std::shared_ptr<config::Settings> shared_settings(bool by_email) {
    auto settings = std::make_shared<config::Settings>();
    settings->upstream.url.text = "http://127.0.0.1/graphql";
    settings->upstream.url.host = "127.0.0.1";
    settings->credentials.user = "till@example.com";
    settings->credentials.by_email = by_email;
    settings->credentials.password = secret_of("pass-word");
    settings->fleet.url.text = "redis://127.0.0.1";
    settings->transactions.rules = {{"pay", "ref", "", "", "", config::Repeats::replay}};
    return settings;
}

TEST(ConfigSnapshot, NamesSharedTransactionsAsTheLoginsOfItsAccountAreNamed) {
    for (const bool by_email : {false, true}) {
        fleet::KeyRing ring;
        const auto settings = shared_settings(by_email);
        const auto of_login = ring.keys_of(*settings, settings->credentials);
        const ConfigSnapshot snapshot{settings, secret_of("local"), ring};
        ASSERT_TRUE(of_login && snapshot.shared_identifier);
        EXPECT_EQ(snapshot.claim_prefix, of_login->prefix + "transaction:");
        EXPECT_EQ(ring.keys_of(*settings, settings->credentials), of_login) << "made once";
    }
}

config::Fleet fleet_of(const std::string& name, bool required) {
    config::Fleet fleet;
    fleet.url.text = "redis://" + name;
    fleet.url.host = name;
    fleet.database = required ? 1 : 2;
    fleet.user = name;
    fleet.password = secret_of(name + "-password");
    fleet.password_file = "/password/" + name;
    fleet.tls.ca_file = "/ca/" + name;
    fleet.prefix = name;
    fleet.lease = required ? 10s : 20s;
    fleet.key_file = "/key/" + name;
    fleet.key = secret_of(name + "-key");
    fleet.required = required;
    return fleet;
}

TEST(KeepFleet, LeavesNothingOfAnotherFleet) {
    const config::Fleet before = fleet_of("before", true);
    config::Fleet after = fleet_of("after", false);
    keep_fleet(before, after);
    EXPECT_EQ(after.url.text, before.url.text);
    EXPECT_EQ(after.url.host, before.url.host);
    EXPECT_EQ(after.database, before.database);
    EXPECT_EQ(after.user, before.user);
    EXPECT_TRUE(after.password.equals(before.password));
    EXPECT_EQ(after.password_file, before.password_file);
    EXPECT_EQ(after.tls, before.tls);
    EXPECT_EQ(after.prefix, before.prefix);
    EXPECT_EQ(after.lease, before.lease);
    EXPECT_EQ(after.key_file, before.key_file);
    EXPECT_TRUE(after.key.equals(before.key));
    EXPECT_EQ(after.required, before.required);
}

TEST(KeepFleet, TakesTheNamesOfFilesThatHoldTheSame) {
    const config::Fleet before = fleet_of("before", true);
    config::Fleet after = fleet_of("before", true);
    after.key_file = "/another/key";
    keep_fleet(before, after);
    EXPECT_EQ(after.key_file, "/another/key");
}

} // namespace
} // namespace bearerd::app
