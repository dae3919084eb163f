#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdlib.h>
#include <string>
#include <vector>

namespace bearerd::journal::test {

/// A place for a journal, gone with it at the end.
class Place {
public:
    Place() {
        std::string name = (std::filesystem::temp_directory_path() / "bearerd-journal-XXXXXX").string();
        parent_ = ::mkdtemp(name.data()) != nullptr ? name : "";
    }

    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    ~Place() { std::filesystem::remove_all(parent_); }

    /// Not made yet.
    [[nodiscard]] std::string path() const { return parent_ + "/journal"; }

    [[nodiscard]] std::string file(std::uint64_t number) const {
        const std::string digits = std::to_string(number);
        return path() + "/journal-" + std::string(10 - digits.size(), '0') + digits + ".log";
    }

    [[nodiscard]] static std::string read(const std::string& file) {
        std::ifstream in{file, std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }

    static void write(const std::string& file, std::string_view bytes) {
        std::ofstream{file, std::ios::binary} << bytes;
    }

    [[nodiscard]] std::size_t files() const {
        const std::filesystem::directory_iterator entries{path()};
        return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
    }

private:
    std::string parent_;
};

} // namespace bearerd::journal::test
