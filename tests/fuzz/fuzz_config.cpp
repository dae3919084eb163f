// Promise: parse never throws and always returns settings or at least one error, for any bytes.
#include <bearerd/config/parse.hpp>

#include <cstdlib>
#include <string_view>

using namespace bearerd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const config::Environment world{
        [](const std::string& name) { return name == "A" ? std::optional<std::string>{"b"} : std::nullopt; },
        [](const std::string& path) -> std::variant<Secret, std::string> {
            return path == "/p" ? std::variant<Secret, std::string>{Secret{std::string_view{"p\n"}}} : "none";
        },
        [](const std::string& name) { return name == "u" ? std::optional<std::uint32_t>{1} : std::nullopt; }};
    const config::ParseResult result = config::parse(text, world);
    if (const auto* const faults = std::get_if<std::vector<config::ConfigError>>(&result))
        if (faults->empty())
            std::abort();
    return 0;
}
