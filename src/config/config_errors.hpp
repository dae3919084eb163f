#pragma once

#include <bearerd/config/parse.hpp>

#include <string>
#include <utility>
#include <vector>

namespace bearerd::config {

/// A position in the file; both numbers start at 1.
struct Position {
    std::size_t line = 1;
    std::size_t column = 1;
};

/// Collects the errors. Bounded, so that a file full of mistakes costs no more than one with a thousand.
class ConfigErrors {
public:
    void add(Position where, std::string key, std::string message) {
        if (list_.size() < most)
            list_.push_back({where.line, where.column, std::move(key), std::move(message)});
    }

    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }

    [[nodiscard]] bool full() const noexcept { return list_.size() >= most; }

    /// Returns and removes them, ordered by position.
    [[nodiscard]] std::vector<ConfigError> take();

private:
    static constexpr std::size_t most = 1'000;
    std::vector<ConfigError> list_;
};

} // namespace bearerd::config
