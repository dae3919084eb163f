#pragma once

#include "deadline.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <utility>
#include <vector>

namespace bearerd::test {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// How a process ended.
struct ExitStatus {
    int code = -1;  ///< -1 where a signal ended it
    int signal = 0; ///< 0 where it exited
};

/// A child process with its standard output and error captured. It never outlives its object (SIGKILL), is
/// always reaped, and dies with the test program. The members may be called from any thread.
class Process {
public:
    /// Starts `program` with an empty standard input. `environment` is added to the test's own; an empty
    /// value removes the variable. Throws std::system_error where it can't be started.
    Process(const std::string& program, const std::vector<std::string>& arguments,
            const Environment& environment = {});
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Sends a signal to this process, and to no other: nothing where it has ended.
    void signal(int number);

    /// Both streams' bytes so far: what came first stands first.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string standard_output() const;

    /// The first line that contains `text`, without the line end; nothing where the process ends, or the
    /// deadline passes, without it.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view text,
                                                           Deadline deadline = Deadline{});

    /// Nothing where the deadline passed first. Then all output has been read.
    std::optional<ExitStatus> wait_exit(Deadline deadline = Deadline{});

    [[nodiscard]] bool running() const;

private:
    void read_until_exit(int out, int error);

    pid_t pid_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string output_;
    std::string standard_output_;
    std::optional<ExitStatus> exit_;
    std::thread reader_;
};

/// What a program that ends by itself left behind.
struct Finished {
    ExitStatus exit;
    std::string output; ///< both streams
    std::string standard_output;
};

/// Runs a program to its end; throws where that does not come within `patience`.
[[nodiscard]] Finished run(const std::string& program, const std::vector<std::string>& arguments,
                           const Environment& environment = {});

} // namespace bearerd::test
