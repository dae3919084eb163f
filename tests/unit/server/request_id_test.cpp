#include "request_id.hpp"

#include <bearerd/base/mask.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace bearerd::server {
namespace {

/// Log and journal would mask part of it (contract 2).
TEST(RequestId, HasNoRunOfDigitsThatCouldBeACardNumber) {
    std::string id;
    std::string scratch;
    for (int i = 0; i < 10'000; ++i) {
        make_request_id(id);
        ASSERT_EQ(masked(id, scratch), id);
    }
}

TEST(RequestId, IsThirtyTwoHexDigits) {
    std::string id = "what was there before";
    make_request_id(id);
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(RequestId, IsUniqueOverThreads) {
    constexpr std::size_t count = 2'000;
    std::vector<std::vector<std::string>> made(3, std::vector<std::string>(count));
    std::vector<std::thread> threads;
    for (auto& ids : made)
        threads.emplace_back([&ids] {
            for (std::string& id : ids)
                make_request_id(id);
        });
    for (std::thread& thread : threads)
        thread.join();
    std::set<std::string> all;
    for (const auto& ids : made)
        all.insert(ids.begin(), ids.end());
    EXPECT_EQ(all.size(), 3 * count);
}

} // namespace
} // namespace bearerd::server
