#include "system_roots.hpp"

#include <bearerd/base/ascii.hpp>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace bearerd::upstream {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_bundled = 16UL * 1024 * 1024; // bytes; Debian's has 220 KB

std::string place(const char* variable, const char* otherwise) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing writes to the environment
    const char* const named = std::getenv(variable);
    return named != nullptr ? named : otherwise;
}

std::size_t count_hashed(const std::string& directory) {
    std::size_t count = 0;
    std::error_code error;
    for (fs::directory_iterator entry{directory, error}; !error && entry != fs::directory_iterator{};
         entry.increment(error)) {
        std::error_code ignored; // of a link that leads nowhere
        if (is_hashed_name(entry->path().filename().native()) && entry->is_regular_file(ignored))
            ++count;
    }
    return error ? 0 : count;
}

} // namespace

std::size_t count_pem_blocks(std::string_view text) noexcept {
    constexpr std::string_view begin = "-----BEGIN ";
    std::size_t count = 0;
    for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1))
        ++count;
    return count;
}

bool is_hashed_name(std::string_view name) noexcept {
    constexpr std::size_t hash = 8;
    return name.size() > hash + 1 && name[hash] == '.' && is_digits(name.substr(hash + 1)) &&
           std::all_of(name.begin(), name.begin() + hash,
                       [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool covers(const std::string& directory, const std::string& bundle) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(bundle, error);
    if (error || size > most_bundled)
        return false;
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file{bundle, std::ios::binary};
    if (!file.read(text.data(), static_cast<std::streamsize>(size)))
        return false;
    const std::size_t bundled = count_pem_blocks(text);
    return bundled != 0 && bundled == count_hashed(directory);
}

bool trust_system_roots(SSL_CTX* context) {
    const bool by_directory = covers(place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
                                     place(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
    return (by_directory ? SSL_CTX_set_default_verify_dir(context)
                         : SSL_CTX_set_default_verify_paths(context)) == 1;
}

} // namespace bearerd::upstream
