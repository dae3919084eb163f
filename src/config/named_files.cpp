#include "named_files.hpp"

#include "addresses.hpp"

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

std::optional<Secret> read_secret(Section& in, const Environment& environment, std::string_view key,
                                  const std::string& path, const std::string& prefix,
                                  const SecretIn& secret_in) {
    const auto content = environment.read_file(path);
    if (const auto* const reason = std::get_if<std::string>(&content)) {
        in.error(key, prefix + path + " can't be read: " + *reason);
        return std::nullopt;
    }
    auto secret = secret_in(std::get<Secret>(content));
    if (const auto* const flaw = std::get_if<std::string>(&secret)) {
        in.error(key, prefix + path + " " + *flaw);
        return std::nullopt;
    }
    return std::get<Secret>(std::move(secret));
}

void read_secret_file(Section& in, const Environment& environment, std::string_view key,
                      const std::string& path, const std::string& prefix, const SecretIn& secret_in,
                      Credentials& out) {
    auto secret = read_secret(in, environment, key, path, prefix, secret_in);
    if (!secret)
        return;
    out.password = std::move(*secret);
    out.password_file = path;
}

void read_tls(Section in, const Environment& environment, UpstreamTls& out) {
    const auto path = path_by(environment, parse_any_text);
    in.read("ca_file", out.ca_file, path);
    in.read("client_certificate_file", out.client_certificate_file, path);
    in.read("client_key_file", out.client_key_file, path);
    if (!out.client_certificate_file.empty() && out.client_key_file.empty())
        in.error("client_key_file", "is missing: a client certificate takes its key as well");
    if (out.client_certificate_file.empty() && !out.client_key_file.empty())
        in.error("client_certificate_file", "is missing: a client key takes its certificate as well");
    in.read<std::string>("server_name", out.server_name, [](std::string_view text) -> Parsed<std::string> {
        return text.empty() ? std::string{} : parse_host(text);
    });
    in.read("min_version", out.min_version,
            one_of<UpstreamTls::Version>(
                {{"1.2", UpstreamTls::Version::tls12}, {"1.3", UpstreamTls::Version::tls13}}));
}

} // namespace bearerd::config
