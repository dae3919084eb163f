#include "journald.hpp"

#include "log_sink.hpp"
#include "unit/app/captured_stderr.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Entry = std::map<std::string, std::string>;

/// Reads an entry as the journal does.
Entry parse(std::string_view bytes) {
    Entry entry;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find_first_of("=\n");
        const std::string name{bytes.substr(0, end)};
        std::size_t size = 0;
        if (bytes[end] == '=') {
            bytes.remove_prefix(end + 1);
            size = bytes.find('\n');
        } else {
            for (std::size_t i = 8; i > 0; --i)
                size = size << 8U | static_cast<unsigned char>(bytes[end + i]);
            bytes.remove_prefix(end + 9);
        }
        EXPECT_FALSE(entry.contains(name)) << name;
        entry[name] = bytes.substr(0, size);
        EXPECT_EQ(bytes.substr(size, 1), "\n");
        bytes.remove_prefix(size + 1);
    }
    return entry;
}

/// A datagram socket in place of the journal's.
class FakeJournal {
public:
    FakeJournal() {
        char name[] = "/tmp/bearerd-XXXXXX";
        directory_ = ::mkdtemp(name);
        path_ = directory_ + "/socket";
        start();
    }

    FakeJournal(const FakeJournal&) = delete;
    FakeJournal& operator=(const FakeJournal&) = delete;

    ~FakeJournal() {
        stop();
        ::rmdir(directory_.c_str());
    }

    void start() {
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const timeval patience{30, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }

    void stop() {
        ::close(socket_);
        ::unlink(path_.c_str());
    }

    [[nodiscard]] const std::string& path() const { return path_; }

    /// The next datagram; empty if none comes.
    [[nodiscard]] std::string receive(int flags = 0) const {
        std::string bytes(std::size_t{1} << 20U, '\0');
        const auto size = ::recv(socket_, bytes.data(), bytes.size(), flags);
        bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return bytes;
    }

    [[nodiscard]] Entry entry() const { return parse(receive()); }

private:
    std::string directory_;
    std::string path_;
    int socket_ = -1;
};

config::Log journald() {
    config::Log settings;
    settings.format = config::Log::Format::journald;
    return settings;
}

TEST(JournaldEntry, HasEachFieldByItsNameInCapitals) {
    const std::vector<log::Field> fields{{"request_id", std::string_view{"till-7"}},
                                         {"executed", std::string_view{"unknown"}},
                                         {"status", std::int64_t{200}},
                                         {"upstream_ms", 1.5},
                                         {"odd-key.1", std::string_view{}}};
    LogBuffer out;
    append_journald_entry(out, log::Level::warning, "request executed=unknown", fields);
    constexpr std::string_view expected = "SYSLOG_IDENTIFIER=bearerd\nPRIORITY=4\n"
                                          "MESSAGE=request executed=unknown\n"
                                          "BEARERD_REQUEST_ID=till-7\nBEARERD_EXECUTED=unknown\n"
                                          "BEARERD_STATUS=200\nBEARERD_UPSTREAM_MS=1.50\n"
                                          "BEARERD_ODD_KEY_1=\n";
    EXPECT_EQ((std::string_view{out.data() + 4, out.size() - 4}), expected);
}

TEST(JournaldEntry, HasAValueWithLineEndsInTheBinaryForm) {
    const log::Field field{"reason", std::string_view{"two\nMESSAGE=lines\n"}};
    LogBuffer out;
    append_journald_entry(out, log::Level::error, "text", {&field, 1});
    const std::string_view bytes{out.data() + 4, out.size() - 4};
    EXPECT_THAT(std::string{bytes}, HasSubstr(std::string{"\nBEARERD_REASON\n\x12\0\0\0\0\0\0\0two\n", 28}));
    EXPECT_EQ(parse(bytes).at("BEARERD_REASON"), "two\nMESSAGE=lines\n");
    EXPECT_EQ(parse(bytes).at("MESSAGE"), "text");
}

TEST(JournaldEntry, NeverOutgrowsADatagram) {
    const std::string huge(1'000'000, 'x');
    const std::vector<log::Field> fields(13, log::Field{"reason", std::string_view{huge}});
    LogBuffer out;
    append_journald_entry(out, log::Level::info, huge, fields);
    EXPECT_LT(out.size(), 150'000U);
}

TEST(JournaldEntry, HasThePriorityOfItsLevel) {
    const std::vector<std::pair<log::Level, char>> priorities{{log::Level::debug, '7'},
                                                              {log::Level::info, '6'},
                                                              {log::Level::warning, '4'},
                                                              {log::Level::error, '3'}};
    for (const auto& [level, priority] : priorities)
        EXPECT_EQ(journald_priority(level), priority);
}

TEST(LogToJournald, IsAnEntryForEachLine) {
    const CapturedStderr captured;
    const FakeJournal journal;
    LogSink sink{journal.path()};
    sink.configure(journald());
    log::info("request", {{"request_id", std::string_view{"till-7"}},
                          {"executed", std::string_view{"unknown"}},
                          {"reason", std::string_view{"a\nb"}}});
    log::warning("second");
    EXPECT_EQ(journal.entry(),
              (Entry{{"SYSLOG_IDENTIFIER", "bearerd"},
                     {"PRIORITY", "6"},
                     {"MESSAGE", "request request_id=till-7 executed=unknown reason=\"a\\nb\""},
                     {"BEARERD_REQUEST_ID", "till-7"},
                     {"BEARERD_EXECUTED", "unknown"},
                     {"BEARERD_REASON", "a\nb"}}));
    EXPECT_EQ(journal.entry().at("MESSAGE"), "second");
    EXPECT_EQ(captured.text(), "");
}

TEST(LogToJournald, IsTextOnStandardErrorAndOneWarningIfTheJournalIsNotThere) {
    const CapturedStderr captured;
    FakeJournal journal;
    journal.stop();
    LogSink sink{journal.path()};
    sink.configure(journald());
    log::info("one");
    log::info("two");
    sink.flush(30s);
    EXPECT_THAT(captured.text(),
                testing::MatchesRegex("[^\n]*Z warning the journal can't be reached [^\n]*"
                                      "reason=\"No such file or directory\"\n[^\n]* one\n[^\n]* two\n"));
    journal.start();
    sink.configure(journald()); // a reload
    log::info("three");
    EXPECT_EQ(journal.entry().at("MESSAGE"), "three");
    sink.configure({});
    log::info("four");
    sink.flush(30s);
    EXPECT_THAT(captured.text(), testing::EndsWith(" four\n"));
}

TEST(LogToJournald, OutlivesARestartOfTheJournalAndTellsHowManyLinesItCost) {
    FakeJournal journal;
    LogSink sink{journal.path()};
    sink.configure(journald());
    log::info("before");
    EXPECT_EQ(journal.entry().at("MESSAGE"), "before");
    journal.stop();
    log::info("lost");
    log::info("lost too");
    sink.flush(30s);
    journal.start();
    log::info("after");
    EXPECT_EQ(journal.entry().at("MESSAGE"), "after");
    const Entry notice = journal.entry();
    EXPECT_THAT(notice.at("MESSAGE"), HasSubstr("dropped"));
    EXPECT_EQ(notice.at("BEARERD_LINES"), "2");
    EXPECT_EQ(notice.at("PRIORITY"), "4");
    journal.stop();
    journal.start(); // restarted between two lines
    log::info("kept");
    EXPECT_EQ(journal.entry().at("MESSAGE"), "kept");
}

TEST(LogToJournald, EndsAlthoughTheJournalHangs) {
    const FakeJournal journal;
    {
        LogSink sink{journal.path()};
        sink.configure(journald());
        for (int i = 0; i < 5'000; ++i) // more than the socket holds
            log::info("line");
    }
    std::size_t received = 0;
    while (!journal.receive(MSG_DONTWAIT).empty())
        ++received;
    EXPECT_GT(received, 0U);
    EXPECT_LT(received, 5'000U);
}

} // namespace
} // namespace bearerd::app
