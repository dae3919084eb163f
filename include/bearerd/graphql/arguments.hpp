#pragma once

#include <bearerd/graphql/operation.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Finds the keys by which a mutation names its transactions. Used only if its outcome is in doubt or must be
/// recorded.
namespace bearerd::graphql {

/// The argument of a root mutation field that names the transaction.
struct KeyRule {
    std::string field;
    std::string argument; ///< empty: the key is in FieldOptions::header_keys
};

/// What else to read from the fields.
struct FieldOptions {
    /// Returns a digest of at most 64 bytes, which replaces a long part of RootField::arguments. nullptr:
    /// `arguments` is not wanted.
    std::string (*digest)(std::string_view part) = nullptr;
    /// The value of each rule's header, in the order of the rules. Empty: no rule takes its key from a
    /// header.
    std::span<const std::string_view> header_keys{};
};

/// The longest key, in bytes. All strings up to this size are keys, whatever characters they hold
/// (barcode scanners end codes by CR or TAB), unless they are only white space: some servers trim what they
/// are given.
inline constexpr std::size_t max_key_size = 4096;
/// With more root fields, what would run is not determined.
inline constexpr std::size_t max_root_fields = 64;

/// A root field of a mutation that would run.
struct RootField {
    std::string name;                ///< the field's own name, not its alias
    std::optional<std::size_t> rule; ///< the index of the field's rule
    std::string key;                 ///< the value of the rule's argument; empty if it can't be known
    std::string response_name{};     ///< its name in `data`: its alias, or else its own
    std::size_t element = 0;         ///< the operation that holds it; in a batch they are counted from 0
    /// The canonical text of its argument values: equal for two fields exactly if their values are (see
    /// canonical.hpp for what is equal). Empty unless it was asked for.
    std::string arguments{};
};

/// Returns the root fields that the request's mutations would run, in document order; in a batch, those of
/// all its elements. Aliases, fragments, inline fragments, `@skip` and `@include` are
/// followed; a key is a string or an integer, written in place or given by a variable or its default.
/// `__typename` and queries run nothing that has an outcome, so they are left out.
///
/// Returns nullopt if any of this is uncertain: an unreadable request, a subscription, an undefined or
/// doubled fragment, a condition or directive that can't be known, two fields of one response name, variables
/// in the URL. Linear in the input, except for the number of fields, which is bounded. Throws only if memory
/// runs out.
[[nodiscard]] std::optional<std::vector<RootField>>
mutation_fields(const RequestView& request, std::span<const KeyRule> rules, FieldOptions options = {});

/// Whether there is at least one field and each has a key of its own: only then does finding a transaction by
/// its key prove that this field was executed. Upper and lower case count as the same, as in many databases,
/// and white space around a key is ignored.
[[nodiscard]] bool each_has_its_key(std::span<const RootField> fields) noexcept;

/// Whether two fields have the same key, compared as each_has_its_key() does.
[[nodiscard]] bool share_a_key(std::span<const RootField> fields) noexcept;

/// Whether a field has a rule, but no key: its argument is missing, or its value can't be one.
[[nodiscard]] bool lacks_its_key(std::span<const RootField> fields) noexcept;

/// Whether a document is one query operation (possibly with fragments) that declares the variable `$key` and
/// no other, and uses it, so that it can look up a transaction.
[[nodiscard]] bool asks_by_key(std::string_view document);

} // namespace bearerd::graphql
