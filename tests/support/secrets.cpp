#include "secrets.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace bearerd::test {
namespace {

std::string base64(std::string_view bytes) {
    std::string result(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    result.resize(static_cast<std::size_t>(size));
    while (result.ends_with('=')) // text after it changes the last character, so that is omitted too
        result.pop_back();
    result.pop_back();
    return result;
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        result += {digits[byte >> 4U], digits[byte & 15U]};
    }
    return result;
}

std::string percent(std::string_view bytes) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string result;
    for (const char c : bytes)
        result += plain.find(c) != std::string_view::npos ? std::string{c} : "%" + hex({&c, 1});
    return result;
}

} // namespace

void expect_no_secrets(std::string_view text, const std::vector<std::string>& secrets,
                       std::string_view where) {
    for (std::size_t i = 0; i < secrets.size(); ++i) {
        const std::string& secret = secrets[i];
        ASSERT_GE(secret.size(), 6U) << "too short to be searched for: number " << i;
        for (const std::string& form : {secret, base64(secret), hex(secret), percent(secret)})
            EXPECT_TRUE(text.find(form) == std::string_view::npos)
                << "secret number " << i << " is in " << where;
    }
}

} // namespace bearerd::test
