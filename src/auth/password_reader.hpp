#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/net/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bearerd::auth {

/// Reads the password's file on a separate thread, so that a hung disk holds up nothing. There is one reading
/// at a time for each path, so a hung one does not hold up another file either. Used only on the thread of
/// `executor`, where the result is reported.
class PasswordReader {
public:
    /// Called on the separate thread. Returns nullopt if the file can't be read now.
    using Read = std::function<std::optional<Secret>(const std::string& path)>;
    using Report = std::function<void(std::optional<Secret>)>;

    PasswordReader(net::Executor executor, Read read);
    PasswordReader(const PasswordReader&) = delete;
    PasswordReader& operator=(const PasswordReader&) = delete;

    ~PasswordReader() { abandon(); }

    /// Returns false, and reports nothing, if a reading of the same path has not ended yet, if four others
    /// have not, or if there is no thread or no memory for it.
    [[nodiscard]] bool start(const std::string& path, Report report);

    /// After this nothing is reported.
    void abandon();

private:
    void start_thread(const std::string& path, Report report);

    struct State;
    net::Executor executor_;
    Read read_;
    std::shared_ptr<State> state_;
};

} // namespace bearerd::auth
