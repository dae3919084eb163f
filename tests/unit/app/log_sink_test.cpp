#include "log_sink.hpp"

#include "unit/app/captured_stderr.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

/// What one call writes.
std::string line_of(const config::Log& settings, void (*call)()) {
    const CapturedStderr captured;
    LogSink sink;
    sink.configure(settings);
    call();
    sink.flush(30s);
    return captured.text();
}

config::Log json() {
    config::Log settings;
    settings.format = config::Log::Format::json;
    return settings;
}

TEST(LogSink, TextHasTimeLevelMessageAndFieldsQuotedWhereTheyMustBe) {
    const std::string line = line_of({}, [] {
        log::info("request", {{"name", std::string_view{"Redeem"}},
                              {"reason", std::string_view{"two words"}},
                              {"empty", std::string_view{}},
                              {"status", std::int64_t{200}},
                              {"ms", 1.5}});
    });
    EXPECT_THAT(line, testing::MatchesRegex(
                          "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z info request name=Redeem "
                          "reason=\"two words\" empty=\"\" status=200 ms=1[.]50\n"));
}

TEST(LogSink, AValueCanNeverBreakOutOfItsLine) {
    const auto call = [] {
        log::warning("upstream can't be reached",
                     {{"reason", std::string_view{"a\nb\"c\\d\x1b[31m\xff\xC3\xA4 =\0z", 18}}});
    };
    const std::string text = line_of({}, call);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    const std::string line = line_of(json(), call);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
}

TEST(LogSink, JsonIsOneObjectALineWithTheFieldsAsTheyAre) {
    const std::string line = line_of(json(), [] {
        log::error("it said \"no\"",
                   {{"name", std::string_view{"a\tb"}}, {"status", std::int64_t{-3}}, {"ms", 0.25}});
    });
    const auto object = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(object.is_object()) << line;
    EXPECT_EQ(object.value("level", ""), "error");
    EXPECT_EQ(object.value("msg", ""), "it said \"no\"");
    EXPECT_EQ(object.value("name", ""), "a\tb");
    EXPECT_EQ(object.value("status", 0), -3);
    EXPECT_EQ(object.value("ms", 0.0), 0.25);
    EXPECT_EQ(object.size(), 6U);
}

TEST(LogSink, LinesBelowTheLevelAreLeftOut) {
    config::Log settings;
    settings.level = config::Log::Level::warning;
    EXPECT_EQ(line_of(settings,
                      [] {
                          log::debug("no");
                          log::info("no");
                      }),
              "");
    EXPECT_NE(line_of(settings, [] { log::warning("yes"); }), "");
}

TEST(LogSink, UnderJournaldLinesHaveAPriority) {
    const CapturedStderr captured;

    struct stat status{};

    ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
    const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
    {
        LogSink sink;
        log::info("one");
        log::warning("two");
        log::error("three");
        sink.flush(30s);
    }
    ::unsetenv("JOURNAL_STREAM");
    EXPECT_THAT(captured.text(), testing::MatchesRegex("<6>.* one\n<4>.* two\n<3>.* three\n"));
}

TEST(LogSink, WhatWasDroppedIsToldAsALineOfItsFormat) {
    const CapturedStderr captured;
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    const int kept = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(full, STDERR_FILENO);

    struct stat status{};

    ASSERT_EQ(::fstat(full, &status), 0);
    const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
    {
        LogSink sink;
        sink.configure(json());
        log::info("lost");
        sink.flush(30s);
        ::dup2(kept, STDERR_FILENO);
        log::info("kept");
        sink.flush(30s);
    }
    ::unsetenv("JOURNAL_STREAM");
    ::close(full);
    ::close(kept);
    std::istringstream lines{captured.text()};
    std::string first;
    std::string second;
    std::getline(lines, first);
    std::getline(lines, second);
    EXPECT_NE(first.find("\"kept\""), std::string::npos) << first;
    EXPECT_EQ(second.substr(0, 3), "<4>");
    const auto notice = nlohmann::json::parse(second.substr(3), nullptr, false);
    ASSERT_TRUE(notice.is_object()) << second;
    EXPECT_EQ(notice.value("lines", 0), 1);
    EXPECT_NE(notice.value("msg", "").find("dropped"), std::string::npos);
}

TEST(LogSink, AFormatIsChangedBetweenTwoLines) {
    const CapturedStderr captured;
    LogSink sink;
    std::atomic<bool> done = false;
    std::atomic<int> logged = 0;
    std::thread logging{[&done, &logged] {
        for (; !done; ++logged)
            log::info("line", {{"n", std::int64_t{1}}});
    }};
    while (logged < 50'000) {
        sink.configure(json());
        sink.configure({});
    }
    done = true;
    logging.join();
    sink.flush(30s);
    std::istringstream lines{captured.text()};
    int seen = 0;
    for (std::string line; std::getline(lines, line); ++seen) {
        if (line.starts_with("{"))
            ASSERT_TRUE(nlohmann::json::accept(line)) << line;
        else
            ASSERT_TRUE(line.ends_with(" info line n=1") || line.find("dropped") != std::string::npos)
                << line;
    }
    EXPECT_GT(seen, 1'000);
}

TEST(LogSink, AfterItsEndLinesGoNowhere) {
    const CapturedStderr captured;
    {
        const LogSink sink;
    }
    log::error("to nobody");
    EXPECT_EQ(captured.text(), "");
}

} // namespace
} // namespace bearerd::app
