#pragma once

#include <bearerd/base/log.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::transaction {

/// Keeps the warnings and errors that are logged while it lives.
class WarningsOfAGuard final : public log::Sink {
public:
    WarningsOfAGuard() { log::install(this, log::Level::warning); }

    WarningsOfAGuard(const WarningsOfAGuard&) = delete;
    WarningsOfAGuard& operator=(const WarningsOfAGuard&) = delete;

    ~WarningsOfAGuard() override { log::install(nullptr, log::Level::error); }

    void write(log::Level, std::string_view message, std::span<const log::Field>) noexcept override {
        messages.emplace_back(message);
    }

    [[nodiscard]] std::ptrdiff_t count(std::string_view what) const {
        return std::ranges::count_if(
            messages, [what](const std::string& message) { return message.find(what) != std::string::npos; });
    }

    std::vector<std::string> messages;
};

} // namespace bearerd::transaction
