#include <bearerd/json/pointer.hpp>

#include <gtest/gtest.h>

#include <string>

namespace bearerd::json {
namespace {

/// The text of the value at the pointer.
std::string value_at(std::string_view text, std::string_view pointer) {
    Scan scan{text};
    std::string_view raw;
    return go_to(scan, pointer) && scan.skip(raw) ? std::string{raw} : "(none)";
}

TEST(JsonPointer, LeadsToMembersAndElements) {
    constexpr std::string_view text = R"({"a":[{"b":1},[2,"x"]],"":{"~1":3,"/":4},"a\u0062":5,"a":6})";
    EXPECT_EQ(value_at(text, ""), text);
    EXPECT_EQ(value_at(text, "/a/0/b"), "1");
    EXPECT_EQ(value_at(text, "/a/1/1"), R"("x")");
    EXPECT_EQ(value_at(text, "//~01"), "3");
    EXPECT_EQ(value_at(text, "//~1"), "4");
    EXPECT_EQ(value_at(text, "/ab"), "5");
    EXPECT_EQ(value_at(text, "/a"), R"([{"b":1},[2,"x"]])") << "the first of two";
    for (const auto* pointer : {"/c", "/a/2", "/a/-", "/a/b", "/a/0/b/c", "/a/", "/a/99999999999999999999"})
        EXPECT_EQ(value_at(text, pointer), "(none)") << pointer;
    EXPECT_EQ(value_at(R"({"b":tru,"a":1})", "/a"), "(none)") << "after what is not JSON";
}

TEST(JsonPointer, ReadsTheSegmentThatItWrites) {
    for (const auto* key : {"", "a", "~", "/", "~1", "a~0/b~"}) {
        std::string pointer = "/data";
        append_segment(pointer, key);
        EXPECT_EQ(pointer.rfind('/'), 5U) << key;
        EXPECT_EQ(key_of(pointer.substr(6)), key);
    }
}

} // namespace
} // namespace bearerd::json
