#include "surroundings.hpp"

#include <bearerd/config/parse.hpp>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace bearerd::config {
namespace {

class Descriptor {
public:
    explicit Descriptor(int value) noexcept : value_{value} {}

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    ~Descriptor() {
        if (value_ >= 0)
            ::close(value_);
    }

    [[nodiscard]] int get() const noexcept { return value_; }

private:
    int value_;
};

std::string last_error() {
    return std::generic_category().message(errno);
}

std::optional<std::string> process_environment(const std::string& name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment once main has begun
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::optional<std::uint32_t> local_uid(const std::string& name) {
    std::vector<char> buffer(64 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return entry.pw_uid;
}

} // namespace

std::variant<Secret, std::string> read_small_file(const std::string& path, std::size_t limit) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0)
        return last_error();
    // Its full size from the start: a string that grows leaves its old bytes behind.
    std::string bytes(limit + 1, '\0');
    std::size_t size = 0;
    std::string failure;
    while (size < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            failure = last_error();
        if (got <= 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    const bool too_large = size > limit;
    Secret content{std::string_view{bytes}.substr(0, size)};
    wipe(bytes);
    if (!failure.empty())
        return failure;
    if (too_large)
        return "it is larger than " + std::to_string(limit / 1024) + " KiB";
    return content;
}

Surroundings Surroundings::system() {
    return {process_environment,
            [](const std::string& path) { return read_small_file(path, 64 * 1024); },
            local_uid,
            {}};
}

} // namespace bearerd::config
