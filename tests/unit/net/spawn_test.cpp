#include <bearerd/net/spawn.hpp>

#include <bearerd/base/log.hpp>
#include <bearerd/net/task_group.hpp>

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bearerd::net {
namespace {

struct Lines final : log::Sink {
    Lines() { log::install(this, log::Level::debug); }

    ~Lines() override { log::install(nullptr, log::Level::error); }

    void write(log::Level, std::string_view message, std::span<const log::Field> fields) noexcept override {
        std::string line{message};
        for (const log::Field& field : fields)
            if (const auto* text = std::get_if<std::string_view>(&field.value))
                line.append(" ").append(*text);
        all.push_back(std::move(line));
    }

    std::vector<std::string> all;
};

Task<void> throw_in_a_task() {
    throw std::runtime_error{"the reason"};
    co_return;
}

TEST(Spawn, AnExceptionOutOfACoroutineIsLogged) {
    Lines lines;
    asio::io_context context;
    spawn(context.get_executor(), throw_in_a_task(), "the task");
    context.run();
    EXPECT_EQ(lines.all, std::vector<std::string>{"internal error, carrying on the task the reason"});
}

TEST(Spawn, AnExceptionOutOfAHandlerIsLoggedAndTheLoopGoesOn) {
    Lines lines;
    asio::io_context context;
    int after = 0;
    asio::post(context, [] { throw std::runtime_error{"the reason"}; });
    asio::post(context, [] { throw 7; });
    asio::post(context, [&] { ++after; });
    run(context);
    EXPECT_EQ(after, 1);
    EXPECT_EQ(lines.all, (std::vector<std::string>{"internal error, carrying on event loop the reason",
                                                   "internal error, carrying on event loop"}));
}

struct Member final : GroupMember {
    explicit Member(std::string& to) : log{to} {}

    void finish_soon() noexcept override { log += 's'; }

    void finish_now() noexcept override { log += 'n'; }

    std::string& log;
};

TEST(TaskGroup, AsksItsMembersAndForgetsThoseThatAreGone) {
    std::string log;
    TaskGroup group;
    EXPECT_TRUE(group.empty());
    {
        Member a{log};
        Member b{log};
        group.add(a);
        group.add(b);
        group.finish_soon();
        EXPECT_EQ(log, "ss");
    }
    EXPECT_TRUE(group.empty());
    group.finish_now();
    EXPECT_EQ(log, "ss");
}

} // namespace
} // namespace bearerd::net
