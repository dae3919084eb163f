#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdlib.h>
#include <string>
#include <vector>

namespace bearerd::auth::test {

/// A folder of its own, gone with its content at the end.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "bearerd-auth-XXXXXX").string();
        path_ = ::mkdtemp(name.data()) != nullptr ? name : "";
    }

    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string path() const { return path_; }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& entry : std::filesystem::directory_iterator{path_})
            result.push_back(entry.path().filename().string());
        return result;
    }

    /// The one file whose name starts so; "" if there is none.
    [[nodiscard]] std::string find(std::string_view prefix) const {
        for (const auto& name : names()) {
            if (name.starts_with(prefix))
                return path_ + "/" + name;
        }
        return {};
    }

    static std::string read(const std::string& file) {
        std::ifstream in{file, std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }

    static void write(const std::string& file, std::string_view bytes) {
        std::ofstream{file, std::ios::binary} << bytes;
    }

private:
    std::string path_;
};

} // namespace bearerd::auth::test
