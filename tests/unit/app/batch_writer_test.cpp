#include "batch_writer.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

/// A pipe whose reading end the test holds.
struct Pipe {
    Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }

    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    ~Pipe() {
        ::close(ends[0]);
        close_writing();
    }

    void close_writing() {
        if (ends[1] >= 0)
            ::close(ends[1]);
        ends[1] = -1;
    }

    /// So many bytes, awaited.
    [[nodiscard]] std::string read(std::size_t size) const {
        std::string text(size, '\0');
        std::size_t done = 0;
        while (done < size) {
            const auto count = ::read(ends[0], text.data() + done, size - done);
            if (count <= 0)
                break;
            done += static_cast<std::size_t>(count);
        }
        text.resize(done);
        return text;
    }

    int ends[2] = {-1, -1};
};

std::string notice(std::size_t dropped) {
    return "dropped " + std::to_string(dropped) + "\n";
}

TEST(BatchWriter, WritesLinesInTheirOrder) {
    const Pipe pipe;
    BatchWriter writer{pipe.ends[1], notice};
    writer.add("one\n", false);
    writer.add("two\n", true);
    writer.add("three\n", false);
    EXPECT_EQ(pipe.read(14), "one\ntwo\nthree\n");
}

TEST(BatchWriter, FlushReturnsWhenAllIsWritten) {
    char name[] = "/tmp/bearerd-XXXXXX";
    const int file = ::mkostemp(name, O_CLOEXEC);
    ::unlink(name);
    BatchWriter writer{file, notice};
    writer.add("one\n", false);
    writer.flush(30s);
    EXPECT_EQ(::lseek(file, 0, SEEK_END), 4);
    writer.flush(30s); // nothing to do
    ::close(file);
}

TEST(BatchWriter, WritesWhatIsLeftWhenItEnds) {
    const Pipe pipe;
    {
        BatchWriter writer{pipe.ends[1], notice};
        writer.add("last\n", false);
    }
    EXPECT_EQ(pipe.read(5), "last\n");
}

TEST(BatchWriter, LinesOfManyThreadsStayWhole) {
    constexpr int count = 500;
    const Pipe pipe;
    std::string received;
    std::thread reader{[&] { received = pipe.read(4 * count * 6); }};
    {
        BatchWriter writer{pipe.ends[1], notice};
        std::vector<std::thread> threads;
        for (const char c : {'a', 'b', 'c', 'd'})
            threads.emplace_back([&writer, c] {
                for (int i = 0; i < count; ++i)
                    writer.add(std::string(5, c) + "\n", i % 50 == 0);
            });
        for (std::thread& thread : threads)
            thread.join();
    }
    reader.join();
    ASSERT_EQ(received.size(), 4U * count * 6);
    for (std::size_t at = 0; at < received.size(); at += 6)
        ASSERT_EQ(received.substr(at, 6), std::string(5, received[at]) + "\n");
}

TEST(BatchWriter, AFullPipeHoldsNobodyUpAndWhatWasDroppedIsCounted) {
    Pipe pipe;
    std::optional<BatchWriter> writer{std::in_place, pipe.ends[1], notice};
    const std::string line = std::string(1'023, 'x') + "\n";
    for (int i = 0; i < 10'000; ++i) // 10 MB, more than it holds
        writer->add(line, true);
    std::string received;
    std::thread reader{[&] { received = pipe.read(16'000'000); }}; // to the end
    writer.reset();
    pipe.close_writing();
    reader.join();
    std::size_t accounted = 0;
    std::size_t dropped = 0;
    std::istringstream lines{received};
    for (std::string text; std::getline(lines, text);) {
        if (text.starts_with("dropped "))
            dropped += std::stoul(text.substr(8));
        else
            accounted += text + "\n" == line ? 1 : 0;
    }
    EXPECT_GT(dropped, 0U);
    EXPECT_EQ(accounted + dropped, 10'000U);
}

TEST(BatchWriter, AReaderThatStallsLosesNothing) {
    Pipe pipe;
    std::optional<BatchWriter> writer{std::in_place, pipe.ends[1], notice};
    const std::string line = std::string(1'023, 'x') + "\n";
    for (int i = 0; i < 200; ++i) // more than the pipe holds
        writer->add(line, true);
    writer->flush(1'500ms); // more than an end would wait
    std::string received;
    std::thread reader{[&] { received = pipe.read(1'000'000); }}; // to the end
    writer.reset();
    pipe.close_writing();
    reader.join();
    ASSERT_EQ(received.size(), 200 * line.size());
    for (std::size_t at = 0; at < received.size(); at += line.size())
        ASSERT_EQ(received.substr(at, line.size()), line);
}

TEST(BatchWriter, CountsWhatABrokenDescriptorLost) {
    Pipe pipe;
    const int descriptor = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    {
        BatchWriter writer{descriptor, notice};
        for (int i = 0; i < 3; ++i) {
            writer.add("lost\n", true);
            writer.flush(30s);
        }
        ::dup3(pipe.ends[1], descriptor, O_CLOEXEC); // it works again
        writer.add("kept\n", true);
    }
    ::close(descriptor);
    pipe.close_writing();
    EXPECT_EQ(pipe.read(100), "kept\ndropped 3\n"); // to the end
}

TEST(BatchWriter, ADescriptorThatNobodyReadsAnyMoreEndsNothing) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ::signal(SIGPIPE, SIG_IGN); // as the daemon does
    ::close(pair[0]);
    {
        BatchWriter writer{pair[1], notice};
        writer.add("lost\n", true);
        writer.flush(30s);
        writer.add("lost too\n", true);
    }
    ::close(pair[1]);
}

} // namespace
} // namespace bearerd::app
