#include "public_settings.hpp"

#include "cli_output.hpp"

#include <bearerd/config/parse.hpp>
#include <bearerd/config/password_file.hpp>

#include <utility>
#include <variant>
#include <vector>

namespace bearerd::app {
namespace {

std::optional<std::string> credentials_somewhere(const std::string& name) {
    auto value = config::Environment::system().environment(name);
    if (!value && name == "CREDENTIALS_DIRECTORY")
        return "not-read";
    return value;
}

} // namespace

std::optional<config::Settings> load_without_secrets(const std::string& file, const std::string& needed) {
    config::Environment environment = config::Environment::system();
    environment.read_file = [](const std::string&) { return config::unread_secret(); };
    environment.environment = credentials_somewhere;
    environment.rights_of = nullptr;
    environment.may_be_left_out = [&needed](const std::string& key) { return key != needed; };
    auto loaded = config::load(file, environment);
    if (auto* const valid = std::get_if<config::ValidConfig>(&loaded))
        return std::move(valid->settings);
    print_errors(file, std::get<std::vector<config::ConfigError>>(loaded));
    return std::nullopt;
}

} // namespace bearerd::app
