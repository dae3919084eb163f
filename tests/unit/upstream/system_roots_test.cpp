#include "system_roots.hpp"

#include "fixture.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace bearerd::upstream::test {
namespace {

using bearerd::test::TemporaryDirectory;

/// 9d04f354.0: what a directory of authorities calls this one.
std::string hashed_name(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> text{
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free};
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "%08lx.0", X509_subject_name_hash(certificate.get()));
    return name.data();
}

TEST(SystemRoots, KnowsTheNamesThatRehashGives) {
    for (const std::string_view name : {"9d04f354.0", "00000000.1", "ffffffff.12"})
        EXPECT_TRUE(is_hashed_name(name)) << name;
    for (const std::string_view name :
         {"", "9d04f354", "9d04f354.", "9d04f354.r0", "9D04F354.0", "9d04f35.0", "9d04f3540.0", "9d04f354-0",
          "ca-certificates.crt", "GTS_Root_R1.pem"})
        EXPECT_FALSE(is_hashed_name(name)) << name;
}

TEST(SystemRoots, CountsWhatABundleHolds) {
    EXPECT_EQ(count_pem_blocks(""), 0U);
    EXPECT_EQ(count_pem_blocks("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 1U);
    EXPECT_EQ(count_pem_blocks("# x\n-----BEGIN CERTIFICATE-----\n-----BEGIN TRUSTED CERTIFICATE-----"), 2U);
}

/// A system of our own: its bundle, its directory.
class SystemRootsTest : public PoolTest {
protected:
    SystemRootsTest() {
        settings.tls.ca_file.clear();
        std::filesystem::create_directory(directory);
        ::setenv(X509_get_default_cert_file_env(), bundle.c_str(), 1);
        ::setenv(X509_get_default_cert_dir_env(), directory.c_str(), 1);
        serve_tls(echo);
    }

    ~SystemRootsTest() override {
        ::unsetenv(X509_get_default_cert_file_env());
        ::unsetenv(X509_get_default_cert_dir_env());
    }

    void add_to_directory(const CertificateAuthority& one) const {
        static_cast<void>(folder.write("roots/" + hashed_name(one.pem()), one.pem()));
    }

    const std::string directory = (folder.path() / "roots").string();
    const std::string bundle = (folder.path() / "bundle.pem").string();
    const CertificateAuthority other{"another"};
};

TEST_F(SystemRootsTest, TheDirectoryIsEnoughWhereItHasAsManyAsTheBundle) {
    folder.write("bundle.pem", other.pem());
    add_to_directory(authority);
    EXPECT_TRUE(covers(directory, bundle));
    EXPECT_EQ(body_of(outgoing("a")), "a") << "only the directory has it";
}

TEST_F(SystemRootsTest, ABundleThatHoldsMoreIsRead) {
    folder.write("bundle.pem", other.pem() + authority.pem());
    add_to_directory(other);
    EXPECT_FALSE(covers(directory, bundle));
    EXPECT_EQ(body_of(outgoing("a")), "a") << "only the bundle has it";
}

TEST_F(SystemRootsTest, SoIsADirectoryThatHoldsMore) {
    folder.write("bundle.pem", other.pem());
    add_to_directory(authority);
    add_to_directory(other);
    EXPECT_FALSE(covers(directory, bundle));
    EXPECT_EQ(body_of(outgoing("a")), "a");
}

TEST_F(SystemRootsTest, ALinkThatLeadsNowhereCountsForNothing) {
    folder.write("bundle.pem", authority.pem());
    std::filesystem::create_symlink("gone.pem", directory + "/" + hashed_name(authority.pem()));
    EXPECT_FALSE(covers(directory, bundle));
    EXPECT_EQ(body_of(outgoing("a")), "a") << "only the bundle has it";
}

TEST_F(SystemRootsTest, WithoutABundleThereIsTheDirectory) {
    add_to_directory(authority);
    EXPECT_FALSE(covers(directory, bundle));
    EXPECT_EQ(body_of(outgoing("a")), "a");
}

TEST_F(SystemRootsTest, WhatNeitherHasIsNotTrusted) {
    folder.write("bundle.pem", other.pem());
    add_to_directory(other);
    EXPECT_TRUE(covers(directory, bundle));
    EXPECT_EQ(failure_of(outgoing("a")).code, errc::certificate_invalid);
    std::filesystem::remove(bundle);
    std::filesystem::remove_all(directory);
    pool->stop();
    settle();
    pool.reset();
    EXPECT_EQ(failure_of(outgoing("a")).code, errc::certificate_invalid) << "without any";
}

} // namespace
} // namespace bearerd::upstream::test
