#include "fixture.hpp"
#include "unit/allocation.hpp"

#ifndef BEARERD_SANITIZED // it has replaced the functions that would have to fail

namespace bearerd::upstream::test {
namespace {

using bearerd::test::NoMemory;

TEST_F(PoolTest, AConnectionIsGivenBackWithoutMemory) {
    serve_plain(echo);
    const auto exchange = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return exchange->has_value(); }));
    {
        const NoMemory no_memory;
        exchange->reset();
    }
    EXPECT_TRUE(pool->quiet());
    EXPECT_EQ(stats.upstream_busy.get(), 0);
    EXPECT_EQ(body_of(outgoing("two")), "two");
}

TEST_F(PoolTest, WithoutMemoryTheNextRequestStillGetsTheRoom) {
    share = 1;
    serve_plain(echo);
    const auto first = start(outgoing("one"));
    ASSERT_TRUE(turn_until([&] { return first->has_value(); }));
    const auto second = start(outgoing("two"));
    settle();
    {
        const NoMemory no_memory;
        first->reset();
    }
    ASSERT_TRUE(turn_until([&] { return second->has_value(); }));
    ASSERT_TRUE(std::holds_alternative<ExchangePtr>(**second));
    EXPECT_EQ(std::get<ExchangePtr>(**second)->body(), "two");
}

TEST_F(PoolTest, StopNeedsNoMemory) {
    share = 1;
    serve_plain([](Peer& peer) {
        static_cast<void>(peer.read());
        peer.wait_for_end();
    });
    const auto busy = start(outgoing("one"));
    const auto waiting = start(outgoing("two"));
    ASSERT_TRUE(turn_until([&] { return server->requests().size() == 1; }));
    {
        const NoMemory no_memory;
        pool->stop();
    }
    ASSERT_TRUE(turn_until([&] { return busy->has_value() && waiting->has_value(); }));
    EXPECT_EQ(std::get<Failure>(**busy).code, errc::shutting_down);
    EXPECT_EQ(std::get<Failure>(**waiting).code, errc::shutting_down);
}

} // namespace
} // namespace bearerd::upstream::test

#endif
