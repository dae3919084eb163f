#include "unit/allocation.hpp"

#include "forwarder_fixture.hpp"

namespace bearerd::proxy::test {
namespace {

/// glibc keeps freed blocks of up to 1,032 bytes by size for each thread; a larger one costs each request a
/// search. What the frame needs is known to an optimising compiler only, and gcc is the one that packages are
/// built by.
TEST_F(ForwarderTest, TheFrameOfARequestIsNoLargerThanWhatTheAllocatorKeepsAtHand) {
    constexpr std::size_t largest_kept = 1032;
    const ForwardPlan plan{settings};
    Forwarder forwarder{plan, transport, tokens, pending, stats};
    const http::RequestHead head;
    const http::Target target;
    server::test::FakeWatcher watcher;
    const server::Request incoming{head, target, query, context, watcher};
    bearerd::test::largest_block = 0;
    const auto task = forwarder.handle(incoming); // makes the frame without running it
    const std::size_t frame = bearerd::test::largest_block;
#ifdef BEARERD_SANITIZED
    GTEST_SKIP() << "the sanitizer has its own allocator";
#elif !defined(__OPTIMIZE__) || defined(__clang__)
    EXPECT_GT(frame, 0U);
#else
    EXPECT_LE(frame, largest_kept);
#endif
    static_cast<void>(frame);
    static_cast<void>(largest_kept);
}

} // namespace
} // namespace bearerd::proxy::test
