#include <bearerd/auth/token_seal.hpp>

#include <gtest/gtest.h>

namespace bearerd::auth {
namespace {

using namespace std::string_view_literals;

constexpr SealContext here{"token", "https://a/graphql", "till"};

Secret secret(std::string_view text) {
    return Secret{text};
}

struct Sealed {
    Salt salt = *make_salt();
    Secret key = *derive_key(KeySource::key_file, secret("key"), salt);
    std::string text = *seal(here, KeySource::key_file, salt, key, secret("the token"));
};

TEST(TokenSeal, OpensWithTheSameKeyAndContext) {
    const Sealed sealed;
    const auto plain = unseal(here, KeySource::key_file, sealed.key, sealed.text);
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->reveal(), "the token");
    EXPECT_EQ(salt_of(sealed.text, KeySource::key_file), sealed.salt);
    EXPECT_EQ(sealed.text.find("token"), std::string::npos);
}

TEST(TokenSeal, EveryFlippedBitAndEveryTruncationIsFound) {
    const Sealed sealed;
    for (std::size_t bit = 0; bit < sealed.text.size() * 8; ++bit) {
        auto text = sealed.text;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(unseal(here, KeySource::key_file, sealed.key, text)) << bit;
    }
    for (std::size_t size = 0; size < sealed.text.size(); ++size)
        EXPECT_FALSE(unseal(here, KeySource::key_file, sealed.key, sealed.text.substr(0, size))) << size;
    EXPECT_FALSE(unseal(here, KeySource::key_file, sealed.key, sealed.text + "x"));
}

TEST(TokenSeal, OpensForNoOtherUserUpstreamPurposeOrKey) {
    const Sealed sealed;
    for (const auto& other :
         {SealContext{"login", here.url, here.user}, SealContext{here.purpose, "https://b", here.user},
          SealContext{here.purpose, here.url, "other"},
          SealContext{here.purpose, "https://a/graphqlt", "ill"}})
        EXPECT_FALSE(unseal(other, KeySource::key_file, sealed.key, sealed.text));
    const auto other = derive_key(KeySource::key_file, secret("other"), sealed.salt);
    EXPECT_FALSE(unseal(here, KeySource::key_file, *other, sealed.text));
    EXPECT_FALSE(unseal(here, KeySource::password, sealed.key, sealed.text));
    EXPECT_FALSE(salt_of(sealed.text, KeySource::password));
}

TEST(TokenSeal, SealingTwiceGivesDifferentTexts) {
    const Sealed sealed;
    EXPECT_NE(*seal(here, KeySource::key_file, sealed.salt, sealed.key, secret("the token")), sealed.text);
}

TEST(TokenSeal, EmptyPlainTextSurvives) {
    const Sealed sealed;
    const auto text = seal(here, KeySource::key_file, sealed.salt, sealed.key, Secret{});
    const auto plain = unseal(here, KeySource::key_file, sealed.key, *text);
    ASSERT_TRUE(plain);
    EXPECT_TRUE(plain->empty());
}

TEST(TokenSeal, KeysDependOnPasswordSaltAndSource) {
    const Salt salt{};
    const Salt other{1};
    const auto key = derive_key(KeySource::password, secret("pw"), salt);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->size(), 32U);
    EXPECT_TRUE(key->equals(*derive_key(KeySource::password, secret("pw"), salt)));
    EXPECT_FALSE(key->equals(*derive_key(KeySource::password, secret("pv"), salt)));
    EXPECT_FALSE(key->equals(*derive_key(KeySource::password, secret("pw"), other)));
    EXPECT_FALSE(key->equals(*derive_key(KeySource::key_file, secret("pw"), salt)));
}

TEST(StoreName, TellsUpstreamAndUserApartAndNamesNeither) {
    const auto name = store_name("https://a", "till");
    EXPECT_EQ(name.size(), 32U);
    EXPECT_EQ(name, store_name("https://a", "till"));
    EXPECT_NE(name, store_name("https://a", "till2"));
    EXPECT_NE(store_name("ab", "c"), store_name("a", "bc"));
    EXPECT_EQ(name.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(StoreName, StaysTheSameFromVersionToVersion) {
    EXPECT_EQ(store_name("https://api.example.com/graphql", "shop"), "92ac8fe6f93b6f9a30bbcc98db6dc8c3");
}

} // namespace
} // namespace bearerd::auth
