#include "public_settings.hpp"

#include "cli_output.hpp"

#include <bearerd/config/parse.hpp>

#include <utility>
#include <variant>
#include <vector>

namespace bearerd::app {
namespace {

std::optional<std::string> credentials_somewhere(const std::string& name) {
    auto value = config::Surroundings::system().environment(name);
    if (!value && name == "CREDENTIALS_DIRECTORY")
        return "not-read";
    return value;
}

} // namespace

std::optional<config::Settings> load_without_secrets(const std::string& file, const std::string& needed) {
    config::Surroundings surroundings = config::Surroundings::system();
    surroundings.read_file = [](const std::string&) { return Secret{std::string_view{"not-read"}}; };
    surroundings.environment = credentials_somewhere;
    surroundings.rights_of = nullptr;
    surroundings.may_be_left_out = [&needed](const std::string& key) { return key != needed; };
    auto loaded = config::load(file, surroundings);
    if (auto* const valid = std::get_if<config::ValidConfig>(&loaded))
        return std::move(valid->settings);
    print_faults(file, std::get<std::vector<config::Fault>>(loaded));
    return std::nullopt;
}

} // namespace bearerd::app
