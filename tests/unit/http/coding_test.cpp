#include <bearerd/http/coding.hpp>

#include "unit/gzip.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using bearerd::http::accepts_coding;
using bearerd::http::decoded_for_inspection;
using bearerd::http::narrowed_accept_encoding;
using bearerd::test::gzip;
using bearerd::test::gzip_window;
using bearerd::test::packed;
using bearerd::test::raw_window;
using bearerd::test::zlib_window;

namespace {

/// The decoded text, or "(nothing)".
std::string decoded(std::string_view coding, std::string_view body, std::size_t limit = 1024 * 1024) {
    std::string scratch = "left over";
    const auto result = decoded_for_inspection(coding, body, scratch, limit);
    return result ? std::string{*result} : "(nothing)";
}

const std::string text = R"({"errors":[{"message":"Unauthorized"}]})";

TEST(Coding, UndoesWhatItKnows) {
    struct Case {
        std::string_view coding;
        std::string body;
    };

    const std::vector<Case> cases = {
        {"", text},
        {"identity", text},
        {"Identity", text},
        {" , ", text},
        {"gzip", gzip(text)},
        {"GZip", gzip(text)},
        {"x-gzip", gzip(text)},
        {" gzip\t", gzip(text)},
        {"gzip, identity", gzip(text)},
        {"identity, gzip,", gzip(text)},
        {"deflate", packed(text, zlib_window)},
        {"deflate", packed(text, raw_window)},
        {"gzip, gzip", gzip(gzip(text))},
        {"deflate, gzip", gzip(packed(text, zlib_window))},
        {"gzip, deflate", packed(gzip(text), zlib_window)},
        {"gzip", gzip(text.substr(0, 9)) + gzip("") + gzip(text.substr(9))},
    };
    for (const auto& [coding, body] : cases)
        EXPECT_EQ(decoded(coding, body), text) << coding;
}

TEST(Coding, OfIdentityIsTheBodyInPlace) {
    std::string scratch;
    EXPECT_EQ(decoded_for_inspection("", text, scratch)->data(), text.data());
}

TEST(Coding, GivesNothingForWhatItDoesNotKnow) {
    for (const std::string_view coding : {"br", "zstd", "compress", "gzip, br", "br, gzip", "gzip;q=1",
                                          "gzip gzip", "gzip, gzip, gzip", "*", "\"gzip\""})
        EXPECT_EQ(decoded(coding, gzip(gzip(gzip(text)))), "(nothing)") << coding;
}

TEST(Coding, GivesNothingForDamagedBodies) {
    for (const auto& [coding, body] :
         {std::pair{"gzip", gzip(text)}, std::pair{"deflate", packed(text, zlib_window)},
          std::pair{"deflate", packed(text, raw_window)}}) {
        for (std::size_t length = 0; length < body.size(); ++length)
            EXPECT_EQ(decoded(coding, body.substr(0, length)), "(nothing)") << coding << " cut at " << length;
        EXPECT_EQ(decoded(coding, body + "x"), "(nothing)") << coding;
        EXPECT_EQ(decoded(coding, text), "(nothing)") << coding;
    }
    std::string wrong_sum = gzip(text);
    wrong_sum[wrong_sum.size() - 8] = static_cast<char>(wrong_sum[wrong_sum.size() - 8] ^ 1);
    EXPECT_EQ(decoded("gzip", wrong_sum), "(nothing)");
}

TEST(Coding, StopsAtTheLimit) {
    const std::string long_text(100'000, 'x');
    for (const std::string_view coding : {"gzip", "deflate"}) {
        const std::string body = packed(long_text, coding == "gzip" ? gzip_window : zlib_window);
        EXPECT_EQ(decoded(coding, body, 100'000), long_text) << coding;
        EXPECT_EQ(decoded(coding, body, 99'999), "(nothing)") << coding;
    }
    EXPECT_EQ(decoded("", long_text, 100'000), long_text);
    EXPECT_EQ(decoded("", long_text, 99'999), "(nothing)");
    EXPECT_EQ(decoded("gzip", gzip("ab") + gzip("cd"), 4), "abcd");
    EXPECT_EQ(decoded("gzip", gzip("ab") + gzip("cd"), 3), "(nothing)");
    EXPECT_EQ(decoded("gzip, gzip", gzip(gzip(long_text)), 99'999), "(nothing)");
}

/// A 1 MiB answer can hold 52,000 of them.
TEST(Coding, OfABeginningIsWhatHasBeenFlushed) {
    using bearerd::http::decoded_beginning;

    const struct {
        std::string_view coding;
        std::string body;
        std::string expected;
    } cases[] = {
        {"", text, text},
        {"gzip", "", ""},
        {"gzip", gzip(text), text},
        {"gzip", gzip(text).substr(0, 10), ""},
        {"gzip", bearerd::test::gzip_beginning(text), text},
        {"gzip", gzip("a") + bearerd::test::gzip_beginning(text), "a" + text},
        {"deflate", packed(text, zlib_window, Z_SYNC_FLUSH), text},
        {"deflate", packed(text, raw_window, Z_SYNC_FLUSH), text},
        {"gzip, gzip", bearerd::test::gzip_beginning(bearerd::test::gzip_beginning(text)), text},
        {"gzip", bearerd::test::gzip_beginning(std::string(2000, 'x')), std::string(1000, 'x')},
        {"", std::string(2000, 'x'), std::string(1000, 'x')},
        {"br", text, "(nothing)"},
        {"gzip", text, "(nothing)"},
    };

    for (const auto& each : cases) {
        std::string scratch;
        const auto begun = decoded_beginning(each.coding, each.body, scratch, 1000);
        EXPECT_EQ(begun ? std::string{*begun} : "(nothing)", each.expected) << each.coding << each.expected;
    }
}

TEST(Coding, ReadsAnyNumberOfEmptyMembers) {
    std::string body;
    while (body.size() < 1024UL * 1024)
        body += gzip("");
    EXPECT_EQ(decoded("gzip", body), "");
    EXPECT_EQ(decoded("gzip", gzip(text) + body), text);
    EXPECT_EQ(decoded("gzip", body + gzip(text)), text);
    EXPECT_EQ(decoded("gzip", body + gzip(text), text.size()), text);
    EXPECT_EQ(decoded("gzip", body + gzip(text), text.size() - 1), "(nothing)");
}

TEST(Coding, NeverUnpacksMoreThanTheLimitIntoWhatIsLeftOver) {
    std::string scratch(100, 'x');
    EXPECT_EQ(decoded_for_inspection("gzip", gzip(text), scratch, text.size() - 1), std::nullopt);
    EXPECT_LE(scratch.size(), text.size());
    EXPECT_EQ(decoded_for_inspection("gzip", gzip(text), scratch, text.size()), text);
}

TEST(Coding, OfABombTakesNoMoreMemoryThanTheLimit) {
    const std::string bomb = gzip(std::string(50'000'000, '\0'));
    for (const auto& [coding, body] : {std::pair{"gzip", bomb}, std::pair{"gzip, gzip", gzip(bomb)}}) {
        std::string scratch;
        EXPECT_EQ(decoded_for_inspection(coding, body, scratch), std::nullopt) << coding;
        EXPECT_LE(scratch.capacity(), 4 * bearerd::http::max_unpacked_size) << coding;
    }
}

TEST(AcceptEncoding, KeepsOnlyWhatCanBeLookedInto) {
    struct Case {
        std::string_view sent;
        std::string_view forwarded;
    };

    constexpr Case cases[] = {
        {"", "identity"},
        {"gzip", "gzip"},
        {"gzip, deflate, br", "gzip, deflate"},
        {"gzip,deflate,br,zstd", "gzip, deflate"},
        {"br;q=1, gzip;q=0.5", "gzip;q=0.5"},
        {"GZIP; q=0.5 , x-gzip", "GZIP;q=0.5, x-gzip"},
        {"gzip;Q=1.000", "gzip;q=1.000"},
        {"identity", "identity"},
        {"identity;q=0.1, gzip", "identity;q=0.1, gzip"},
        {"gzip, identity;q=0", "gzip, identity;q=0"},
        {"br", "identity"},
        {"br, zstd;q=0.5", "identity"},
        {"*", "identity"},
        {"*;q=0.5", "identity"},
        {"gzip, *", "gzip"},
        {"gzip, *;q=0", "gzip"},
        {"br, identity;q=0", "identity"},
        {"gzip;q=0", "identity"},
        {"gzip;q=0.000, br", "identity"},
        {", ,gzip,,", "gzip"},
        {"gzip;q", "identity"},
        {"gzip;q=2", "identity"},
        {"gzip;q=1.5", "identity"},
        {"gzip;q=0.1234", "identity"},
        {"gzip;q=x", "identity"},
        {"gzip;q=1;br", "identity"},
        {"gzip;level=9", "identity"},
        {"gzip br", "identity"},
        {"xgzip", "identity"},
    };
    for (const auto& [sent, forwarded] : cases)
        EXPECT_EQ(narrowed_accept_encoding(sent), forwarded) << sent;
}

TEST(AcceptEncoding, AcceptsACodingThatItNamesWithAWeight) {
    EXPECT_TRUE(accepts_coding("identity, GZIP;q=0.5", "gzip"));
    EXPECT_FALSE(accepts_coding("identity, gzip;q=0", "gzip"));
    EXPECT_FALSE(accepts_coding("identity, gzip; q=0.000", "gzip"));
    EXPECT_FALSE(accepts_coding("x-gzip", "gzip"));
    EXPECT_FALSE(accepts_coding("", "gzip"));
    EXPECT_FALSE(accepts_coding("br, *", "gzip"));
}

} // namespace
