#pragma once

#include "config_errors.hpp"

#include <bearerd/base/secret.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// YAML text as a tree of our own: with the position of each key and value, with every scalar in memory that
/// is wiped, and with duplicate keys and everything else that we refuse already reported. yaml_tree.cpp is
/// the only file that uses the YAML library.
namespace bearerd::config {

struct Node {
    enum class Kind : std::uint8_t {
        null,
        scalar, ///< any text; its key determines what it means
        sequence,
        mapping,
        refused, ///< already reported: do not look at it
    };
    struct Entry;

    Kind kind = Kind::null;
    Position position;
    Secret scalar;
    std::vector<Node> items;    ///< of a sequence
    std::vector<Entry> entries; ///< of a mapping, in file order, without duplicate keys
};

struct Node::Entry {
    std::string key;
    Position position; ///< the key's
    Node value;
    bool used = false; ///< it was read
};

/// Reads one document; an empty text is a null document. Returns nullopt if the text is not YAML. Errors are
/// added to `errors`. Never throws. The library's own buffers are freed without being wiped, so a password in
/// the file itself may remain in them; one from another file or the environment can't.
[[nodiscard]] std::optional<Node> parse_yaml(std::string_view text, ConfigErrors& errors);

} // namespace bearerd::config
