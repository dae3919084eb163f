#include "named_files.hpp"

#include <filesystem>
#include <utility>

namespace bearerd::config {

Parser<std::string> path_by(const Environment& environment, const Parser<std::string>& parser) {
    return [&environment, parser](std::string_view text) -> Parsed<std::string> {
        auto parsed = parser(text);
        if (auto* const path = std::get_if<std::string>(&parsed); path != nullptr && !path->empty())
            return (std::filesystem::path{environment.folder} / *path).string();
        return parsed;
    };
}

void read_secret_file(Section& in, const Environment& environment, std::string_view key,
                      const std::string& path, const std::string& prefix, const SecretIn& secret_in,
                      Credentials& out) {
    const auto content = environment.read_file(path);
    if (const auto* const reason = std::get_if<std::string>(&content))
        return in.fault(key, prefix + path + " can't be read: " + *reason);
    auto secret = secret_in(std::get<Secret>(content));
    if (const auto* const flaw = std::get_if<std::string>(&secret))
        return in.fault(key, prefix + path + " " + *flaw);
    out.password = std::get<Secret>(std::move(secret));
    out.password_file = path;
}

} // namespace bearerd::config
