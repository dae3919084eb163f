#include "temporary_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace bearerd::test {
namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "bearerd-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::system_error{errno, std::generic_category(), "mkdtemp"};
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored; // files that can't be removed are left to the cleaner of the temporary folder
    fs::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(std::string_view name, std::string_view content) const {
    const fs::path file = path_ / name;
    std::ofstream stream{file, std::ios::binary | std::ios::trunc};
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    stream << content;
    stream.close();
    if (!stream)
        throw std::runtime_error{"can't write " + file.string()};
    return file.string();
}

std::string read_file(const fs::path& path) {
    std::ifstream stream{path, std::ios::binary};
    std::ostringstream content;
    content << stream.rdbuf();
    if (!stream)
        throw std::runtime_error{"can't read " + path.string()};
    return content.str();
}

} // namespace bearerd::test
