#include <bearerd/base/file.hpp>

#include "unit/auth/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <string>

namespace bearerd {
namespace {

TEST(File, ReadsBackWhatWasWrittenUpToTheBuffersSize) {
    const auth::test::TemporaryDirectory parent;
    const std::string path = parent.path() + "/folder";
    EXPECT_EQ(open_folder(path).error().value(), ENOENT);
    const auto folder = make_folder(path);
    ASSERT_TRUE(folder);
    EXPECT_TRUE(make_folder(path)) << "it is there already";
    const auto file = make_file(*folder, "name");
    ASSERT_TRUE(file);
    EXPECT_FALSE(write_all(*file, "content"));
    EXPECT_EQ(make_file(*folder, "name").error().value(), EEXIST);
    for (const std::size_t room : {3U, 7U, 100U}) {
        const Descriptor read{::open((path + "/name").c_str(), O_RDONLY | O_CLOEXEC)};
        std::string bytes(room, '\0');
        const auto size = read_all(read, bytes);
        ASSERT_TRUE(size);
        EXPECT_EQ(bytes.substr(0, *size), std::string{"content"}.substr(0, room));
    }
}

TEST(File, IsReplacedAsAWholeOrLeftAsItIs) {
    const auth::test::TemporaryDirectory parent;
    const auto folder = open_folder(parent.path());
    ASSERT_TRUE(folder);
    const auto content = [&parent] {
        const Descriptor read{::open((parent.path() + "/name").c_str(), O_RDONLY | O_CLOEXEC)};
        std::string bytes(100, '\0');
        const auto size = read_all(read, bytes);
        return bytes.substr(0, size ? *size : 0);
    };
    EXPECT_FALSE(write_file(*folder, "name", "temporary", "first", false));
    EXPECT_EQ(content(), "first");
    EXPECT_FALSE(write_file(*folder, "name", "temporary", "second", false));
    EXPECT_EQ(content(), "first");
    EXPECT_FALSE(write_file(*folder, "name", "temporary", "third"));
    EXPECT_EQ(content(), "third");
    ASSERT_TRUE(make_file(*folder, "temporary")) << "the name is free";
    EXPECT_EQ(write_file(*folder, "name", "temporary", "fourth").value(), EEXIST);
    EXPECT_EQ(content(), "third");
}

TEST(File, ReturnsTheErrorThatTheSystemReports) {
    const Descriptor closed;
    std::string bytes(1, '\0');
    EXPECT_EQ(write_all(closed, "x").value(), EBADF);
    EXPECT_EQ(read_all(closed, bytes).error().value(), EBADF);
}

} // namespace
} // namespace bearerd
