#pragma once

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace bearerd::app {

/// Standard error as a file while it lives.
class CapturedStderr {
public:
    CapturedStderr() : before_{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)} {
        char name[] = "/tmp/bearerd-XXXXXX";
        file_ = ::mkostemp(name, O_CLOEXEC | O_APPEND);
        ::unlink(name);
        ::dup2(file_, STDERR_FILENO);
    }

    CapturedStderr(const CapturedStderr&) = delete;
    CapturedStderr& operator=(const CapturedStderr&) = delete;

    ~CapturedStderr() {
        ::dup2(before_, STDERR_FILENO);
        ::close(before_);
        ::close(file_);
    }

    [[nodiscard]] std::string text() const {
        std::string text(static_cast<std::size_t>(::lseek(file_, 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(file_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        return text;
    }

private:
    int before_;
    int file_ = -1;
};

} // namespace bearerd::app
