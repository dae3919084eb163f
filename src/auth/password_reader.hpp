#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/net/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bearerd::auth {

/// Reads the password's file on a thread of its own, so that a disk that hangs holds nobody up. Used on the
/// thread of `executor` only, which is told there.
class PasswordReader {
public:
    /// Called on that other thread; none: it can't be read just now.
    using Read = std::function<std::optional<Secret>(const std::string& path)>;
    using Told = std::function<void(std::optional<Secret>)>;

    PasswordReader(net::Executor executor, Read read);
    PasswordReader(const PasswordReader&) = delete;
    PasswordReader& operator=(const PasswordReader&) = delete;

    ~PasswordReader() { abandon(); }

    /// False: a reading has not ended yet, or there is no thread to be had; nobody will be told.
    [[nodiscard]] bool start(std::string path, Told told);

    /// Nobody is told any more.
    void abandon();

private:
    struct State;
    net::Executor executor_;
    Read read_;
    std::shared_ptr<State> state_;
};

} // namespace bearerd::auth
