#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bearerd::test {

/// A folder of mode 0700 that is removed with all that is in it.
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

/// The whole file; throws where it can't be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

} // namespace bearerd::test
