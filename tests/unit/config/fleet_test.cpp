#include "fixture.hpp"

#include <bearerd/config/password_file.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::config {
namespace {

std::string with_fleet(const std::string& section) {
    return "fleet: " + section + "\n" + std::string{minimal};
}

TEST(FleetSection, IsOffByItself) {
    EXPECT_FALSE(settings_of(minimal).fleet.on());
    EXPECT_FALSE(settings_of(with_fleet("{url: \"\"}")).fleet.on());
}

TEST(FleetSection, TakesAUrlApart) {
    struct Row {
        const char* text;
        const char* normal;
        const char* host;
        std::uint16_t port;
        std::uint32_t database;
        bool tls;
    };

    const Row table[]{
        {"redis://valkey", "redis://valkey:6379/0", "valkey", 6379, 0, false},
        {"redis://Valkey:6380/", "redis://valkey:6380/0", "valkey", 6380, 0, false},
        {"rediss://cache.example.com/7", "rediss://cache.example.com:6379/7", "cache.example.com", 6379, 7,
         true},
        {"redis://[::1]:1/2", "redis://[::1]:1/2", "::1", 1, 2, false},
    };
    for (const Row& row : table) {
        const Settings settings = settings_of(with_fleet("{url: \"" + std::string{row.text} + "\"}"));
        EXPECT_TRUE(settings.fleet.on()) << row.text;
        EXPECT_EQ(settings.fleet.url.text, row.normal);
        EXPECT_EQ(settings.fleet.url.host, row.host);
        EXPECT_EQ(settings.fleet.url.port, row.port);
        EXPECT_EQ(settings.fleet.url.tls, row.tls);
        EXPECT_EQ(settings.fleet.database, row.database);
    }
}

TEST(FleetSection, HasItsFaults) {
    const std::pair<const char*, const char*> cases[] = {
        {"{url: http://h}", "1:14: fleet.url: must be redis://"},
        {"{url: redis-without-scheme}", "1:14: fleet.url: must be redis://"},
        {"{url: redis://h/one}", "1:14: fleet.url: must end with the number of a database"},
        {"{url: redis://h/1/2}", "1:14: fleet.url: must end with the number of a database"},
        {"{url: redis://h:0}", "1:14: fleet.url: must be redis://"},
        {"{url: redis://:secret@h}", "1:14: fleet.url: must not hold a user or password"},
        {"{url: \"redis://h?db=1\"}", "1:14: fleet.url: must be redis://"},
        {"{url: redis://h, prefix: \"{a}\"}", "fleet.prefix: must have 1 to 64"},
        {"{url: redis://h, lease: 999ms}", "fleet.lease: must be"},
        {"{url: redis://h, lease: 6m}", "fleet.lease: must be"},
        {"{url: redis://h, password_file: /none}", "fleet.password_file: /none can't be read"},
        {"{url: redis://h, key_file: /none}", "fleet.key_file: /none can't be read"},
        {"{url: redis://h, key_file: /empty}", "fleet.key_file: /empty is empty"},
        {"{url: redis://h, key_file: /short}", "fleet.key_file: /short has fewer than 16 bytes"},
        {"{url: redis://h, tls: {server_name: n}}",
         "1:44: fleet.tls.server_name: has no effect with redis://"},
        {"{url: redis://h, tls: {min_version: \"1.3\"}}", "fleet.tls.min_version: has no effect"},
        {"{url: redis://h, tls: {ca_file: ca}}", "fleet.tls.ca_file: has no effect"},
        {"{url: redis://h, user: u}", "fleet.password_file: is missing"},
        {"{url: rediss://h, tls: {client_key_file: k}}", "fleet.tls.client_certificate_file: is missing"},
        {"{required: true}", "1:19: fleet.required: takes a store"},
        {"{uri: redis://h}", "fleet.uri: is not a known key"},
    };
    FakeWorld world;
    world.files["/empty"] = "\n";
    world.files["/short"] = "fifteen bytes!!\n";
    for (const auto& [section, fault] : cases)
        EXPECT_THAT(faults_of(with_fleet(section), world), testing::ElementsAre(testing::HasSubstr(fault)))
            << section;
}

TEST(UnreadSecret, IsValidAsEachSecretThatAFileMayHold) {
    const std::string fleet = "fleet: {url: rediss://h, user: u, password_file: /p, key_file: /k}\n";
    const std::string upstream = "upstream: {url: \"https://api.example.com/graphql\"}\n";
    const std::string texts[] = {
        fleet + upstream + "credentials: {username: u, password_file: /p}\n",
        fleet + upstream + "auth: {kind: static, secret_file: /s}\n",
        fleet + upstream +
            "auth: {kind: oauth2_client_credentials, token_url: \"https://api.example.com/token\", "
            "client_id: i, client_secret_file: /s}\n",
    };
    FakeWorld world;
    for (const char* const file : {"/p", "/k", "/s"})
        world.files[file] = unread_secret().reveal();
    for (const std::string& text : texts)
        EXPECT_THAT(faults_of(text, world), testing::IsEmpty()) << text;
}

TEST(FleetSection, WarnsOfAPasswordInTheClearAndOfTransactionsWithoutAKeyFile) {
    const std::string rule = "transactions: {rules: [{mutation: m, key: k, repeats: replay}]}\n";
    FakeWorld world;
    world.files["/key"] = "sixteen bytes!!!";
    const auto warnings = [&world](const std::string& text) {
        return warnings_of(text, world.environment());
    };
    EXPECT_THAT(warnings(with_fleet("{url: redis://valkey, password_file: /etc/bearerd/password}")),
                testing::ElementsAre(testing::HasSubstr("in the clear")));
    for (const char* const fine :
         {"{url: redis://valkey}", "{url: redis://valkey, tls: {ca_file: \"\", min_version: \"1.2\"}}",
          "{url: \"\"}", "{url: rediss://valkey, password_file: /etc/bearerd/password}",
          "{url: redis://localhost, password_file: /etc/bearerd/password}"})
        EXPECT_THAT(warnings(with_fleet(fine)), testing::IsEmpty()) << fine;
    EXPECT_THAT(warnings(rule + with_fleet("{url: redis://valkey}")),
                testing::ElementsAre(testing::HasSubstr("fleet.key_file: is missing")));
    EXPECT_THAT(warnings(rule + with_fleet("{url: redis://valkey, key_file: /key}")), testing::IsEmpty());
}

TEST(FleetSection, WarnsOfALeaseThatTheOthersDoNotWaitFor) {
    const FakeWorld world;
    const auto warnings = [&world](const std::string& text) {
        return warnings_of(text, world.environment());
    };
    EXPECT_THAT(warnings(with_fleet("{url: redis://valkey, lease: 11s}")),
                testing::ElementsAre(testing::HasSubstr("fleet.lease: is longer than auth.login_timeout")));
    EXPECT_THAT(warnings("auth: {login_timeout: 11s}\n" + with_fleet("{url: redis://valkey, lease: 11s}")),
                testing::IsEmpty());
}

TEST(FleetSection, ReadsItsSecrets) {
    FakeWorld world;
    const std::string key = std::string{"\0\1", 2} + "a random key at\n";
    world.files["/key"] = key + "\n";
    const Settings settings = settings_of(
        with_fleet("{url: redis://valkey, password_file: /etc/bearerd/password, key_file: /key}"), world);
    EXPECT_EQ(settings.fleet.password.reveal(), "from-file");
    EXPECT_EQ(settings.fleet.key.reveal(), key) << "any bytes, but one newline";
}

} // namespace
} // namespace bearerd::config
