#include "unit/auth/token_service_fixture.hpp"

#include "password_reader.hpp"
#include "unit/auth/temporary_directory.hpp"
#include "unit/run_task.hpp"

#include <bearerd/base/log.hpp>

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <mutex>
#include <new>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::HasSubstr;
using PasswordFixture = ServiceFixture;

/// The password's file, in the test's hand.
struct PasswordFile {
    std::mutex mutex;
    std::optional<std::string> content = "pass-word";
    std::atomic<int> readings = 0;

    void write(std::optional<std::string> next) {
        const std::lock_guard lock{mutex};
        content = std::move(next);
    }

    [[nodiscard]] Options options() {
        Options options;
        options.read_password = [this](const std::string& path) -> std::optional<Secret> {
            EXPECT_EQ(path, "/password");
            ++readings;
            const std::lock_guard lock{mutex};
            if (!content)
                return std::nullopt;
            return Secret{std::string_view{*content}};
        };
        return options;
    }
};

/// Started, and the first login was rejected.
void start_rejected(PasswordFixture& f) {
    f.start();
    f.transport->answer(FakeAnswer::errors("no"));
    f.run_until([&f] { return f.ready == 1; });
}

TEST(PasswordFile, ThatHasChangedIsReadBeforeTheNextAttempt) {
    PasswordFile file;
    PasswordFixture f{file.options()};
    start_rejected(f);
    EXPECT_EQ(file.readings, 0) << "nothing speaks against it before the first rejection";
    file.write("changed");
    f.now += 2min;
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_THAT(f.transport->bodies.back(), HasSubstr(R"("password":"changed")"));
    f.transport->answer(FakeAnswer::errors("still not"));
    f.run_until([&f] { return f.acquired.size() == 1; });
    EXPECT_LE(*f.service->status().next_try, 45s) << "another password begins with the shortest back-off";
}

TEST(PasswordFile, ThatHasChangedIsTriedAtOnceDuringTheBackOff) {
    PasswordFile file;
    PasswordFixture f{file.options()};
    start_rejected(f);
    f.service->tick();
    f.run_until([&file] { return file.readings == 1; });
    EXPECT_EQ(f.transport->sent, 1U) << "the same password waits for the end of the back-off";
    file.write("changed");
    f.run_until([&f] {
        f.service->tick();
        return f.transport->sent == 2;
    });
    EXPECT_THAT(f.transport->bodies.back(), HasSubstr(R"("password":"changed")"));
    f.transport->answer(FakeAnswer::token("good"));
    f.run_until([&f] { return f.source->current(f.now) != nullptr; });
    const int readings = file.readings;
    f.service->tick();
    EXPECT_EQ(file.readings, readings) << "a login that works gives no reason to read it";
}

TEST(PasswordFile, ThatCanNotBeReadLeavesThePasswordAsItIs) {
    PasswordFile file;
    PasswordFixture f{file.options()};
    start_rejected(f);
    file.write(std::nullopt);
    f.now += 2min;
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_THAT(f.transport->bodies.back(), HasSubstr(R"("password":"pass-word")"));
}

TEST(PasswordFile, OnADiskThatHangsHoldsNoLoginUpForLong) {
    std::promise<void> mended;
    Options options;
    options.read_password = [over = mended.get_future().share()](const std::string&) {
        over.wait();
        return std::optional<Secret>{};
    };
    options.login_timeout = 300ms;
    PasswordFixture f{options};
    start_rejected(f);
    f.now += 2min;
    f.acquire();
    f.run_until([&f] { return f.transport->sent == 2; });
    mended.set_value();
}

TEST(PasswordFile, OnADiskThatHangsDoesNotKeepAnotherOneFromBeingRead) {
    std::promise<void> mended;
    Options options;
    options.read_password = [over = mended.get_future().share()](const std::string& path) {
        if (path == "/password")
            over.wait();
        return std::optional{Secret{std::string_view{path == "/password" ? "late" : "changed"}}};
    };
    PasswordFixture f{options};
    start_rejected(f);
    f.service->tick(); // hangs from here on
    options.password = "from the reload";
    options.password_file = "/elsewhere";
    f.service->reload(settings(options), f.transport);
    f.transport->answer(FakeAnswer::errors("no"));
    f.run_until([&f] { return f.transport->sent == 2 && f.service->status().next_try; });
    f.service->tick();
    f.run_until([&f] { return f.transport->sent == 3; });
    EXPECT_THAT(f.transport->bodies.back(), HasSubstr(R"("password":"changed")"));
    mended.set_value();
}

TEST(PasswordFile, OfWhichReadingsHangIsReadByFourThreadsAtMost) {
    std::promise<void> mended;
    std::atomic<int> begun = 0;
    net::asio::io_context context;
    PasswordReader reader{context.get_executor(),
                          [&begun, over = mended.get_future().share()](const std::string&) {
                              ++begun;
                              over.wait();
                              return std::optional<Secret>{};
                          }};
    int reported = 0;
    const auto report = [&reported](const std::optional<Secret>&) { ++reported; };
    EXPECT_TRUE(reader.start("/1", report));
    EXPECT_FALSE(reader.start("/1", report)) << "it is being read";
    for (const char* path : {"/2", "/3", "/4"})
        EXPECT_TRUE(reader.start(path, report)) << path;
    EXPECT_FALSE(reader.start("/5", report));
    mended.set_value();
    ASSERT_TRUE(bearerd::test::turn_until(context, [&reported] { return reported == 4; }));
    EXPECT_EQ(begun, 4);
    EXPECT_TRUE(reader.start("/5", report));
    ASSERT_TRUE(bearerd::test::turn_until(context, [&reported] { return reported == 5; }));
}

/// A reading that can't be copied while there is no memory.
struct ScarceRead {
    explicit ScarceRead(const bool* is_out) : out_of_memory{is_out} {}

    ScarceRead(const ScarceRead& other) : out_of_memory{other.out_of_memory} {
        if (*out_of_memory)
            throw std::bad_alloc{};
    }

    ScarceRead& operator=(const ScarceRead&) = delete;
    ~ScarceRead() = default;

    std::optional<Secret> operator()(const std::string& /*path*/) const { return std::nullopt; }

    const bool* out_of_memory;
};

TEST(PasswordFile, IsReadLaterIfThereWasNoMemoryForIt) {
    bool out_of_memory = false;
    net::asio::io_context context;
    PasswordReader reader{context.get_executor(), ScarceRead{&out_of_memory}};
    bool reported = false;
    const auto report = [&reported](const std::optional<Secret>&) { reported = true; };
    out_of_memory = true;
    EXPECT_FALSE(reader.start("/1", report));
    out_of_memory = false;
    EXPECT_TRUE(reader.start("/1", report));
    ASSERT_TRUE(bearerd::test::turn_until(context, [&reported] { return reported; }));
}

TEST(PasswordFile, ThatHasChangedStartsANewStore) {
    const TemporaryDirectory folder;
    PasswordFile file;
    auto options = file.options();
    options.directory = folder.path();
    {
        PasswordFixture f{options};
        start_rejected(f);
        file.write("changed");
        f.now += 2min;
        f.acquire();
        f.transport->answer(FakeAnswer::token("stored"));
        f.run_until([&f] { return f.acquired.size() == 1; });
    }
    options.password = "changed";
    PasswordFixture f{options};
    f.start();
    f.run_until([&f] { return f.ready == 1; });
    EXPECT_EQ(value(f.source->current(f.now)), "stored");
}

TEST(PasswordFile, AReloadThatComesFirstCounts) {
    std::promise<void> mended;
    Options options;
    options.read_password = [over = mended.get_future().share()](const std::string&) {
        over.wait();
        return std::optional{Secret{std::string_view{"from a slow disk"}}};
    };
    PasswordFixture f{options};
    start_rejected(f);
    f.service->tick();
    options.password = "from the reload";
    f.service->reload(settings(options), f.transport);
    mended.set_value();
    f.run_until([&f] { return f.transport->sent == 2; });
    EXPECT_THAT(f.transport->bodies.back(), HasSubstr(R"("password":"from the reload")"));
}

/// Counts the lines that advise to set fleet.key_file.
struct KeyFileAdvice final : log::Sink {
    KeyFileAdvice() { log::install(this, log::Level::warning); }

    ~KeyFileAdvice() override { log::install(nullptr, log::Level::error); }

    void write(log::Level, std::string_view message, std::span<const log::Field>) noexcept override {
        if (message.find("set fleet.key_file") != std::string_view::npos)
            ++count;
    }

    std::atomic<int> count = 0;
};

TEST(PasswordFile, ThatHasChangedIsWarnedOfIfItsPasswordNamesTheTransactionsOfAFleet) {
    struct Row {
        const char* what;
        bool fleet, key_file, guard;
        int warnings;
    };

    const Row table[]{{"by the password", true, false, true, 1},
                      {"by the key file", true, true, true, 0},
                      {"without guarded transactions", true, false, false, 0},
                      {"without a fleet", false, false, true, 0}};
    for (const Row& row : table) {
        PasswordFile file;
        Options options = file.options();
        options.change = [&row](config::Settings& changed) {
            changed.fleet.url.text = row.fleet ? "redis://127.0.0.1" : "";
            changed.fleet.key_file = row.key_file ? "/key" : "";
            config::TransactionRule rule;
            rule.repeats = row.guard ? config::Repeats::replay : config::Repeats::pass;
            changed.transactions.rules.push_back(rule);
        };
        const KeyFileAdvice advice;
        PasswordFixture f{options};
        start_rejected(f);
        file.write("changed");
        f.run_until([&f] {
            f.service->tick();
            return f.transport->sent == 2;
        });
        EXPECT_EQ(advice.count, row.warnings) << row.what;
    }
}

} // namespace
} // namespace bearerd::auth
