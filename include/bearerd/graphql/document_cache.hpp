#pragma once

#include <bearerd/graphql/operation.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::graphql {

/// The last few documents, and what they would run, because an app sends the same few repeatedly with other
/// variables. Documents with literals are not kept: they rarely repeat, and a card number must not be stored.
/// Bounded: `room` documents of `longest` bytes. One thread; for one login field.
class DocumentCache {
public:
    static constexpr std::size_t room = 8;
    static constexpr std::size_t longest = 4096;

    struct Selected {
        OperationKind kind = OperationKind::unknown;
        std::string_view name;
        std::string_view sole_field; ///< Operation::sole_field
        bool has_login = false;
    };

    /// Returns what the same document under the same operation name would run; valid until remember().
    [[nodiscard]] std::optional<Selected> find(std::string_view document,
                                               std::optional<std::string_view> operation_name) const noexcept;

    /// Replaces the oldest entry. The names in `selected` are views into `document`.
    void remember(std::string_view document, std::optional<std::string_view> operation_name,
                  const Selected& selected);

private:
    struct Entry {
        std::string document; ///< empty: unused
        std::optional<std::string> operation_name;
        OperationKind kind = OperationKind::unknown;
        std::string name;
        std::string sole_field;
        bool has_login = false;
    };

    std::array<Entry, room> entries_;
    std::size_t next_ = 0;
};

} // namespace bearerd::graphql
