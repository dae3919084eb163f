#include <bearerd/crypto/crypto.hpp>

#include <bearerd/base/hex.hpp>

#include <gtest/gtest.h>

namespace bearerd::crypto {
namespace {

TEST(Crypto, GivesTheValuesOfTheStandards) {
    EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // RFC 4231, test case 2
    const char* const mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    EXPECT_EQ(hex(hmac("Jefe", "what do ya want for nothing?")), mac);
    const Secret key = hmac_key("Jefe", "what do ya want for nothing?");
    EXPECT_EQ(hex({reinterpret_cast<const unsigned char*>(key.reveal().data()), key.size()}), mac);
    for (const auto& [text, encoded] : {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}})
        EXPECT_EQ(base64(text).reveal(), encoded); // RFC 4648 section 10
}

TEST(Crypto, MakesAKeyOf32BytesFromPasswordAndSalt) {
    const auto key = scrypt(Secret{std::string_view{"pw"}}, "salt");
    ASSERT_TRUE(key);
    // Also hashlib.scrypt(b"pw", salt=b"salt", n=16384, r=8, p=1, dklen=32): what older files are sealed
    // with.
    EXPECT_EQ(hex({reinterpret_cast<const unsigned char*>(key->reveal().data()), key->size()}),
              "c0b515908e61334cae6d6003c00be60e2e675878c9ac8ba282e1d70c335d3012");
    EXPECT_FALSE(key->equals(*scrypt(Secret{std::string_view{"pw"}}, "salz")));
}

TEST(Crypto, FillsWithOtherNumbersEachTime) {
    Digest one{};
    Digest other{};
    ASSERT_TRUE(fill_randomly(one) && fill_randomly(other));
    EXPECT_NE(one, other);
}

TEST(Crypto, JoinsNoTwoListsToTheSameText) {
    EXPECT_EQ(join({"ab", ""}), "2:ab0:");
    EXPECT_NE(join({"a", "b"}), join({"ab"}));
    EXPECT_NE(join({"1:a"}), join({"1", "a"}));
}

} // namespace
} // namespace bearerd::crypto
