#include <bearerd/base/descriptor.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>

#include <utility>

namespace bearerd {
namespace {

bool is_open(int descriptor) {
    return ::fcntl(descriptor, F_GETFD) != -1;
}

Descriptor open_null() {
    return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

TEST(Descriptor, ClosesWhatItOwns) {
    int value = -1;
    {
        const Descriptor one = open_null();
        value = one.get();
        EXPECT_TRUE(is_open(value));
    }
    EXPECT_FALSE(is_open(value));
}

TEST(Descriptor, ClosesWhatItHeldWhenItIsGivenAnother) {
    Descriptor one = open_null();
    Descriptor other = open_null();
    const int first = one.get();
    const int second = other.get();
    one = std::move(other);
    EXPECT_FALSE(is_open(first));
    EXPECT_EQ(one.get(), second);
    EXPECT_TRUE(is_open(second));
    Descriptor& same = one;
    one = std::move(same);
    EXPECT_TRUE(is_open(second));
}

TEST(Descriptor, LeavesOpenWhatWasReleased) {
    int value = -1;
    {
        Descriptor one = open_null();
        value = one.release();
        EXPECT_FALSE(one.is_open());
    }
    EXPECT_TRUE(is_open(value));
    const Descriptor again{value};
}

} // namespace
} // namespace bearerd
