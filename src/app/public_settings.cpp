#include "public_settings.hpp"

#include <optional>

namespace bearerd::app {
namespace {

config::Surroundings without_secrets(bool real_environment) {
    config::Surroundings surroundings = config::Surroundings::system();
    surroundings.read_file = [](const std::string&) { return Secret{std::string_view{"not read"}}; };
    surroundings.environment = [real_environment, real = config::Surroundings::system().environment](
                                   const std::string& name) -> std::optional<std::string> {
        if (auto value = real(name))
            return value;
        if (name == "CREDENTIALS_DIRECTORY" || !real_environment)
            return "not-set";
        return std::nullopt;
    };
    return surroundings;
}

} // namespace

config::ParseResult load_without_secrets(const std::string& file) {
    auto loaded = config::load(file, without_secrets(false));
    // Faults that stand-ins made would mislead: with the real environment they name what is missing.
    return std::holds_alternative<config::Settings>(loaded) ? std::move(loaded)
                                                            : config::load(file, without_secrets(true));
}

} // namespace bearerd::app
