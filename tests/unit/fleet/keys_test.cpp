#include <bearerd/fleet/keys.hpp>

#include <bearerd/base/hex.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string_view>

namespace bearerd::fleet {
namespace {

const Secret& right_password() {
    static const Secret password{std::string_view{"open sesame"}};
    return password;
}

KeyInput usual_input() {
    return {"bearerd", "https://api.example.com/graphql", "shop", nullptr, right_password()};
}

TEST(FleetKeys, AreTheSameForReplicasWithTheSameSettings) {
    const auto one = derive_keys(usual_input());
    const auto other = derive_keys(usual_input());
    ASSERT_TRUE(one && other);
    EXPECT_EQ(one->prefix, other->prefix);
    EXPECT_EQ(one->salt, other->salt);
    EXPECT_TRUE(one->seal_key.equals(other->seal_key));
    EXPECT_TRUE(one->mac_key.equals(other->mac_key));
    EXPECT_EQ(one->password, other->password);
}

TEST(FleetKeys, StayTheSameFromVersionToVersion) {
    const auto keys = derive_keys(usual_input());
    ASSERT_TRUE(keys);
    const auto digits = [](const Secret& key) {
        return hex({reinterpret_cast<const unsigned char*>(key.reveal().data()), key.size()});
    };
    EXPECT_EQ(keys->prefix, "bearerd:{379a31eb209b8de130cff3c3caf59927}:");
    EXPECT_EQ(keys->password, "33c3eb7100b72c8b7115f1d208f171e3");
    EXPECT_EQ(digits(keys->seal_key), "fa964d85330b432f86f030b42d5dcab3bb437ee6c5f2aa02d23bb60337fff557");
    EXPECT_EQ(digits(keys->mac_key), "5033d6d0deeee362463aa31dbdd4999275aa043717c19d4323589ca50ba69fcf");
}

TEST(FleetKeys, DifferWithUpstreamAndAccountInEveryName) {
    auto upstream = usual_input();
    upstream.upstream = "https://test.example.com/graphql";
    auto account = usual_input();
    account.account = "office";
    auto prefix = usual_input();
    prefix.prefix = "test";
    std::set<std::string> prefixes;
    std::set<std::string, std::less<>> keys;
    for (const KeyInput* const input : {&upstream, &account, &prefix}) {
        const auto derived = derive_keys(*input);
        ASSERT_TRUE(derived);
        prefixes.insert(derived->prefix);
        keys.emplace(derived->mac_key.reveal());
    }
    EXPECT_EQ(prefixes.size(), 3U);
    EXPECT_EQ(keys.size(), 3U) << "the prefix alone changes no key, and it is the usual one's";
}

TEST(FleetKeys, NameNeitherUpstreamNorUserAndKeepToOneSlotOfACluster) {
    const auto keys = derive_keys(usual_input());
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->prefix.find("example"), std::string::npos);
    EXPECT_EQ(keys->prefix.find("shop"), std::string::npos);
    EXPECT_TRUE(keys->prefix.starts_with("bearerd:{"));
    EXPECT_TRUE(keys->prefix.ends_with("}:"));
    EXPECT_EQ(keys->prefix.size(), std::string_view{"bearerd:{}:"}.size() + 32);
    EXPECT_EQ(keys->password.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(FleetKeys, ChangeWithThePasswordUnlessThereIsAKeyFile) {
    const Secret other_password{std::string_view{"open barley"}};
    const Secret key_file{std::string_view{"0123456789abcdef0123456789abcdef"}};
    const KeyInput usual = usual_input();
    const KeyInput corrected{usual.prefix, usual.upstream, usual.account, nullptr, other_password};
    const auto before = derive_keys(usual);
    const auto after = derive_keys(corrected);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(before->prefix, after->prefix);
    EXPECT_NE(before->password, after->password);
    EXPECT_FALSE(before->mac_key.equals(after->mac_key));
    const KeyInput with_file{usual.prefix, usual.upstream, usual.account, &key_file, right_password()};
    const KeyInput corrected_with_file{usual.prefix, usual.upstream, usual.account, &key_file,
                                       other_password};
    const auto filed = derive_keys(with_file);
    const auto filed_after = derive_keys(corrected_with_file);
    ASSERT_TRUE(filed && filed_after);
    EXPECT_TRUE(filed->mac_key.equals(filed_after->mac_key));
    EXPECT_TRUE(filed->seal_key.equals(filed_after->seal_key));
    EXPECT_NE(filed->password, filed_after->password);
    EXPECT_FALSE(filed->mac_key.equals(before->mac_key));
}

TEST(FleetKeys, AreNotMadeFromNothing) {
    const Secret nothing;
    const KeyInput usual = usual_input();
    EXPECT_FALSE(derive_keys({usual.prefix, usual.upstream, usual.account, nullptr, nothing}));
    EXPECT_FALSE(derive_keys({usual.prefix, usual.upstream, usual.account, &nothing, right_password()}));
}

config::Settings settings_of_fleet() {
    config::Settings settings;
    settings.upstream.url.text = "https://api.example.com/graphql";
    settings.credentials.user = "till@example.com";
    settings.credentials.password = Secret{std::string_view{"open sesame"}};
    return settings;
}

TEST(FleetKeyRing, MakesTheKeysOfTheSameSettingsOnce) {
    KeyRing ring;
    const auto settings = settings_of_fleet();
    const KeysPtr made = ring.keys_of(settings, settings.credentials);
    ASSERT_TRUE(made);
    const auto reloaded = settings_of_fleet();
    EXPECT_EQ(ring.keys_of(reloaded, reloaded.credentials), made);
    const std::function<void(config::Settings&)> changes[] = {
        [](auto& changed) { changed.fleet.prefix = "other"; },
        [](auto& changed) { changed.upstream.url.text = "https://test.example.com/graphql"; },
        [](auto& changed) { changed.credentials.user = "office"; },
        [](auto& changed) { changed.credentials.by_email = true; },
        [](auto& changed) { changed.credentials.password = Secret{std::string_view{"corrected"}}; },
        [](auto& changed) {
            changed.fleet.key_file = "/key";
            changed.fleet.key = Secret{std::string_view{"open sesame"}};
        },
    };
    for (const auto& change : changes) {
        auto changed = settings_of_fleet();
        change(changed);
        EXPECT_NE(ring.keys_of(changed, changed.credentials), ring.keys_of(settings, settings.credentials));
    }
}

TEST(FleetKeyRing, TellsALoginByNameFromOneByAddress) {
    KeyRing ring;
    auto settings = settings_of_fleet();
    const KeysPtr by_name = ring.keys_of(settings, settings.credentials);
    settings.credentials.by_email = true;
    const KeysPtr by_email = ring.keys_of(settings, settings.credentials);
    ASSERT_TRUE(by_name && by_email);
    EXPECT_NE(by_name->account, by_email->account);
    EXPECT_NE(by_name->password, by_email->password);
    EXPECT_EQ(by_name->prefix, by_email->prefix) << "a transaction is the user's, in whichever form";
    EXPECT_TRUE(by_name->mac_key.equals(by_email->mac_key));
}

TEST(FleetKeyRing, MakesNoneWithoutAPassword) {
    KeyRing ring;
    const config::Settings settings;
    EXPECT_FALSE(ring.keys_of(settings, settings.credentials));
}

} // namespace
} // namespace bearerd::fleet
