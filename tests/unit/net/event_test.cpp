#include <bearerd/net/event.hpp>

#include "unit/allocation.hpp"
#include "unit/run_task.hpp"

#include <bearerd/net/spawn.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bearerd::net {
namespace {

struct EventTest : testing::Test {
    Task<void> wait_and_note(char name) {
        co_await event->wait();
        log.push_back(name);
    }

    Task<void> wait_twice() {
        co_await event->wait();
        log.push_back('1');
        co_await event->wait();
        log.push_back('2');
    }

    /// Notes when its frame is destroyed.
    struct Guard {
        ~Guard() { log.push_back('~'); }

        std::string& log;
    };

    Task<void> wait_guarded() {
        const Guard guard{log};
        co_await event->wait();
        log.push_back('!');
    }

    void settle() {
        context.restart();
        context.poll();
    }

    std::string log;
    asio::io_context context;
    std::unique_ptr<Event> event = std::make_unique<Event>(context.get_executor());
};

TEST_F(EventTest, SetBeforeTheWaitIsRememberedOnce) {
    event->set();
    event->set();
    spawn(context.get_executor(), wait_twice(), "test");
    settle();
    EXPECT_EQ(log, "1");
    event->set();
    settle();
    EXPECT_EQ(log, "12");
}

TEST_F(EventTest, SetResumesInALaterTurn) {
    spawn(context.get_executor(), wait_and_note('a'), "test");
    settle();
    event->set();
    EXPECT_EQ(log, "");
    settle();
    EXPECT_EQ(log, "a");
}

TEST_F(EventTest, SetInlineResumesWithinTheCall) {
    spawn(context.get_executor(), wait_twice(), "test");
    settle();
    event->set_inline();
    EXPECT_EQ(log, "1");
    event->set_inline();
    EXPECT_EQ(log, "12");
    settle();
}

TEST_F(EventTest, SetInlineBeforeTheWaitIsRemembered) {
    event->set_inline();
    spawn(context.get_executor(), wait_and_note('a'), "test");
    settle();
    EXPECT_EQ(log, "a");
}

TEST_F(EventTest, AWaiterOfADestroyedEventIsDestroyedUnresumed) {
    spawn(context.get_executor(), wait_guarded(), "test");
    settle();
    event.reset();
    settle();
    EXPECT_EQ(log, "~");
}

TEST_F(EventTest, AWaiterThatWasSetRunsThoughTheEventIsGone) {
    spawn(context.get_executor(), wait_guarded(), "test");
    settle();
    event->set();
    event.reset();
    settle();
    EXPECT_EQ(log, "!~");
}

#ifndef BEARERD_SANITIZED

TEST_F(EventTest, SetNeedsNoMemory) {
    spawn(context.get_executor(), wait_twice(), "test");
    settle();
    for (const std::string_view noted : {"1", "12"}) {
        {
            const test::NoMemory no_memory;
            event->set();
        }
        settle();
        EXPECT_EQ(log, noted);
    }
}

#endif

} // namespace
} // namespace bearerd::net
