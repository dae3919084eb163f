#include "certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace bearerd::sim {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class KeptAuthority : public testing::Test {
protected:
    ~KeptAuthority() override { std::filesystem::remove_all(base_); }

    [[nodiscard]] std::string folder() const { return base_ + "/authority"; }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder() + "/" + name) << text;
    }

    [[nodiscard]] mode_t mode_of(const std::string& name) const {
        struct stat found{};
        EXPECT_EQ(::stat((folder() + "/" + name).c_str(), &found), 0) << name;
        return found.st_mode & 0777U;
    }

private:
    static std::string make_base() {
        std::string name = std::filesystem::temp_directory_path() / "bearerd-sim-XXXXXX";
        return ::mkdtemp(name.data()) != nullptr ? name : std::string();
    }

    std::string base_ = make_base();
};

TEST_F(KeptAuthority, IsTheSameAtTheNextStart) {
    const Authority first = keep_authority(folder());
    const Authority second = keep_authority(folder());
    EXPECT_EQ(first.certificate, second.certificate);
    EXPECT_EQ(first.key, second.key);
    EXPECT_EQ(make_identity({}, second).ca, first.certificate);
}

TEST_F(KeptAuthority, HasAKeyThatOnlyItsOwnerReads) {
    static_cast<void>(keep_authority(folder()));
    EXPECT_EQ(mode_of("ca.key"), 0600U);
    EXPECT_EQ(mode_of("ca.pem"), 0644U);
}

TEST_F(KeptAuthority, IsNotReplacedIfHalfOfItIsMissing) {
    static_cast<void>(keep_authority(folder()));
    std::filesystem::remove(folder() + "/ca.key");
    EXPECT_THAT([&] { static_cast<void>(keep_authority(folder())); },
                ThrowsMessage<std::runtime_error>(HasSubstr(folder() + "/ca.key")));
}

TEST_F(KeptAuthority, SignsNothingWithAnothersKey) {
    static_cast<void>(keep_authority(folder()));
    write("ca.key", make_authority().key);
    EXPECT_THAT([&] { static_cast<void>(make_identity({}, keep_authority(folder()))); },
                ThrowsMessage<std::runtime_error>(HasSubstr("ca.key")));
}

TEST(MadeAuthority, IsAnotherOneEachTime) {
    EXPECT_NE(make_authority().certificate, make_authority().certificate);
}

} // namespace
} // namespace bearerd::sim
