#pragma once

#include "faults.hpp"

#include <bearerd/base/secret.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// YAML text as a tree of our own: with the position of each key and value, with doubled keys and what else
/// we refuse already reported, and with every scalar in memory that is wiped. yaml_tree.cpp is the only file
/// that knows the YAML library.
namespace bearerd::config {

struct Node {
    enum class Kind : std::uint8_t {
        null,
        scalar, ///< any text; what it means is for its key to say
        sequence,
        mapping,
        refused, ///< already reported: not to be looked at
    };
    struct Entry;

    Kind kind = Kind::null;
    Position position;
    Secret scalar;
    std::vector<Node> items;    ///< of a sequence
    std::vector<Entry> entries; ///< of a mapping, in file order, no key twice
};

struct Node::Entry {
    std::string key;
    Position position; ///< the key's
    Node value;
    bool used = false; ///< somebody asked for it
};

/// Reads one document; an empty text is one of null. Nothing where the text is not YAML. Whatever is wrong is
/// added to `faults`. Never throws. The library's own buffers are freed without being wiped, so a password
/// that stands in the file itself may stay behind in them; one from a file or the environment can't.
[[nodiscard]] std::optional<Node> parse_yaml(std::string_view text, Faults& faults);

} // namespace bearerd::config
