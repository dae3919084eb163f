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
    int code = -1;  ///< -1 if a signal ended it
    int signal = 0; ///< 0 if it exited
};

/// A child process with its standard output and error captured. It never outlives its object (SIGKILL), is
/// always reaped, and dies with the test program. Any thread may call the members.
class Process {
public:
    /// Starts `program` with an empty standard input. `environment` is added to the test's own; an empty
    /// value removes the variable. Throws std::system_error if it can't be started.
    Process(const std::string& program, const std::vector<std::string>& arguments,
            const Environment& environment = {});
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Sends a signal to this process only; does nothing if it has ended.
    void signal(int number);

    /// Returns the bytes of both streams so far, in the order received.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string standard_output() const;

    /// Returns the first line that contains `text`, without the line end; nullopt if the process ends, or the
    /// deadline passes, without it.
    [[nodiscard]] std::optional<std::string> wait_for_line(std::string_view text,
                                                           Deadline deadline = Deadline{});

    /// Returns nullopt if the deadline passes first. Otherwise all output has been read.
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

/// The result of a program that ended by itself.
struct Finished {
    ExitStatus exit;
    std::string output; ///< both streams
    std::string standard_output;
};

/// Runs a program until it ends; throws if that takes longer than `patience`.
[[nodiscard]] Finished run(const std::string& program, const std::vector<std::string>& arguments,
                           const Environment& environment = {});

} // namespace bearerd::test
