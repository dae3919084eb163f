#include "process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace bearerd::test {
namespace {

struct Pipe {
    int read = -1;
    int write = -1;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    return {ends[0], ends[1]};
}

std::vector<std::string> merged_environment(const Environment& changes) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const std::string_view name = text.substr(0, text.find('='));
        if (std::none_of(changes.begin(), changes.end(), [name](const auto& c) { return c.first == name; }))
            result.emplace_back(text);
    }
    for (const auto& [name, value] : changes)
        if (!value.empty())
            result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// Runs in the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* argv, char* const* envp, int out, int error, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::getppid() == parent && ::dup2(null, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(error, 2) == 2)
        ::execve(argv[0], argv, envp);
    ::_exit(127);
}

} // namespace

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 const Environment& environment) {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = merged_environment(environment);
    const auto argv = pointers(words);
    const auto envp = pointers(variables);
    if (::access(program.c_str(), X_OK) != 0)
        fail(program.c_str());
    const Pipe out = make_pipe();
    const Pipe error = make_pipe();
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        fail("fork");
    if (pid_ == 0)
        become(argv.data(), envp.data(), out.write, error.write, parent);
    ::close(out.write);
    ::close(error.write);
    reader_ = std::thread{[this, out, error] { read_until_exit(out.read, error.read); }};
}

Process::~Process() {
    signal(SIGKILL);
    reader_.join();
}

void Process::signal(int number) {
    const std::lock_guard lock{mutex_};
    if (!exit_) // not reaped yet, so no other process can have the pid
        ::kill(pid_, number);
}

std::string Process::output() const {
    const std::lock_guard lock{mutex_};
    return output_;
}

std::string Process::standard_output() const {
    const std::lock_guard lock{mutex_};
    return standard_output_;
}

std::optional<std::string> Process::wait_for_line(std::string_view text, Deadline deadline) {
    std::unique_lock lock{mutex_};
    for (;;) {
        if (const auto found = output_.find(text); found != std::string::npos) {
            const auto end = output_.find('\n', found);
            if (end != std::string::npos) {
                const auto previous = output_.rfind('\n', found);
                const auto begin = previous == std::string::npos ? 0 : previous + 1;
                return output_.substr(begin, end - begin);
            }
        }
        if (exit_ || changed_.wait_until(lock, deadline.time_point()) == std::cv_status::timeout)
            return std::nullopt;
    }
}

std::optional<ExitStatus> Process::wait_exit(Deadline deadline) {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, deadline.time_point(), [this] { return exit_.has_value(); });
    return exit_;
}

bool Process::running() const {
    const std::lock_guard lock{mutex_};
    return !exit_;
}

void Process::read_until_exit(int out, int error) {
    std::array<pollfd, 2> ends{pollfd{out, POLLIN, 0}, pollfd{error, POLLIN, 0}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        ::poll(ends.data(), ends.size(), -1);
        for (pollfd& end : ends) {
            if (end.fd < 0 || end.revents == 0)
                continue;
            std::array<char, 16'384> buffer;
            const ssize_t got = ::read(end.fd, buffer.data(), buffer.size());
            if (got > 0) {
                const std::lock_guard lock{mutex_};
                output_.append(buffer.data(), static_cast<std::size_t>(got));
                if (end.fd == out)
                    standard_output_.append(buffer.data(), static_cast<std::size_t>(got));
                changed_.notify_all();
            } else if (got == 0 || errno != EINTR) {
                ::close(end.fd);
                end.fd = -1;
            }
        }
    }
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    const std::lock_guard lock{mutex_}; // for signal(), reaping and recording it are one step
    int status = 0;
    ::waitpid(pid_, &status, 0);
    exit_ = WIFEXITED(status) ? ExitStatus{WEXITSTATUS(status), 0} : ExitStatus{-1, WTERMSIG(status)};
    changed_.notify_all();
}

Finished run(const std::string& program, const std::vector<std::string>& arguments,
             const Environment& environment) {
    Process process{program, arguments, environment};
    const auto exit = process.wait_exit();
    if (!exit)
        throw std::runtime_error{program + " did not end; so far it said:\n" + process.output()};
    return {*exit, process.output(), process.standard_output()};
}

} // namespace bearerd::test
