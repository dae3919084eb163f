#include <bearerd/base/secret.hpp>

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <memory>
#include <sstream>
#include <type_traits>

namespace bearerd {
namespace {

template<class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!Printable<Secret>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> &&
              !std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret> && !std::is_convertible_v<const char*, Secret>);

constexpr std::string_view short_one = "short";
const std::string long_one(100, 'x');

TEST(Secret, TakingAStringLeavesItEmpty) {
    for (std::string text : {std::string{short_one}, long_one}) {
        const std::string before = text;
        const Secret secret{std::move(text)};
        EXPECT_EQ(secret.reveal(), before);
        EXPECT_TRUE(text.empty()); // NOLINT(bugprone-use-after-move): that is the promise
    }
}

TEST(Secret, MovingLeavesTheSourceEmpty) {
    Secret from{short_one};
    Secret to{std::move(from)};
    EXPECT_EQ(to.reveal(), short_one);
    EXPECT_TRUE(from.empty()); // NOLINT(bugprone-use-after-move)
    Secret other{std::string_view{long_one}};
    other = std::move(to);
    EXPECT_EQ(other.reveal(), short_one);
    EXPECT_TRUE(to.empty()); // NOLINT(bugprone-use-after-move)
    Secret& same = other;
    other = std::move(same);
    EXPECT_EQ(other.reveal(), short_one);
}

/// A place for one object, that can be looked at when the object has ended.
class Place {
public:
    Secret& make(std::string_view text) {
        return *std::construct_at(reinterpret_cast<Secret*>(bytes_.data()), text);
    }

    /// The end of `longest_within`: its beginning is overwritten by whatever the string does next.
    [[nodiscard]] bool holds_text() const {
        return std::string_view{bytes_.data(), bytes_.size()}.find("67890") != std::string_view::npos;
    }

    static constexpr std::string_view longest_within = "abcdefghi567890"; ///< that a string has no block for

private:
    alignas(Secret) std::array<char, sizeof(Secret)> bytes_{};
};

TEST(Secret, NothingStaysBehindWithinTheObject) {
    Place moved_from;
    Secret& source = moved_from.make(Place::longest_within);
    ASSERT_TRUE(moved_from.holds_text());
    Secret target{std::move(source)};
    EXPECT_FALSE(moved_from.holds_text());

    Place assigned_from;
    Secret& other = assigned_from.make(Place::longest_within);
    ASSERT_TRUE(assigned_from.holds_text());
    target = std::move(other);
    EXPECT_FALSE(assigned_from.holds_text());
    EXPECT_EQ(target.reveal(), Place::longest_within);

    Place assigned_over;
    Secret& old = assigned_over.make(Place::longest_within);
    ASSERT_TRUE(assigned_over.holds_text());
    old = Secret{};
    EXPECT_FALSE(assigned_over.holds_text());

    Place ended;
    Secret& last = ended.make(Place::longest_within);
    ASSERT_TRUE(ended.holds_text());
    std::destroy_at(&last);
    EXPECT_FALSE(ended.holds_text());
}

TEST(Secret, ACloneIsIndependent) {
    Secret secret{short_one};
    const Secret clone = secret.clone();
    secret = Secret{};
    EXPECT_EQ(clone.reveal(), short_one);
    EXPECT_EQ(clone.size(), short_one.size());
}

TEST(Secret, ComparesByBytes) {
    EXPECT_TRUE(Secret{short_one}.equals(Secret{short_one}));
    EXPECT_FALSE(Secret{short_one}.equals(Secret{std::string_view{"shorT"}}));
    EXPECT_FALSE(Secret{short_one}.equals(Secret{std::string_view{"shor"}}));
    EXPECT_FALSE(Secret{short_one}.equals(Secret{}));
    EXPECT_TRUE(Secret{}.equals(Secret{}));
}

TEST(Secret, EqualsLooksAtEveryByte) {
    for (std::size_t size = 1; size < 40; ++size) {
        const std::string text(size, 's');
        EXPECT_TRUE(Secret{std::string_view{text}}.equals(Secret{std::string_view{text}}));
        for (std::size_t at = 0; at < size; ++at) {
            std::string other = text;
            other[at] = static_cast<char>(other[at] ^ 0x80);
            EXPECT_FALSE(Secret{std::string_view{text}}.equals(Secret{std::string_view{other}}))
                << size << ' ' << at;
        }
    }
}

TEST(Wipe, OverwritesMemory) {
    char memory[] = "secret";
    wipe(memory, 3);
    EXPECT_EQ((std::string_view{memory, 6}), (std::string_view{"\0\0\0ret", 6}));
}

} // namespace
} // namespace bearerd
