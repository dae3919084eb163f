#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bearerd::test {

/// A folder of mode 0700 that is removed with its contents.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// Writes a file of mode 0600 and returns its path.
    std::string write(std::string_view name, std::string_view content) const;

private:
    std::filesystem::path path_;
};

/// Returns the whole file; throws if it can't be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

} // namespace bearerd::test
