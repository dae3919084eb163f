#pragma once

#include <sys/resource.h>

#include <csignal>
#include <cstdint>

namespace bearerd::journal::test {

/// No file of this process may grow beyond that for as long as this lives: as good as a full disk.
class FullDisk {
public:
    explicit FullDisk(std::uint64_t size) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{size, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }

    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    rlimit before_{};
};

} // namespace bearerd::journal::test
