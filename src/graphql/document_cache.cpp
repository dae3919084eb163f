#include <bearerd/graphql/document_cache.hpp>

namespace bearerd::graphql {

std::optional<DocumentCache::Selected>
DocumentCache::find(std::string_view document,
                    std::optional<std::string_view> operation_name) const noexcept {
    if (document.empty())
        return std::nullopt;
    for (const Entry& entry : entries_)
        if (entry.document == document && entry.operation_name == operation_name)
            return Selected{entry.kind, entry.name, entry.sole_field, entry.has_login};
    return std::nullopt;
}

void DocumentCache::remember(std::string_view document, std::optional<std::string_view> operation_name,
                             const Selected& selected) {
    if (document.size() > longest)
        return;
    Entry& entry = entries_[next_];
    next_ = (next_ + 1) % room;
    entry = {};
    entry.kind = selected.kind;
    entry.name = selected.name;
    entry.sole_field = selected.sole_field;
    entry.has_login = selected.has_login;
    if (operation_name)
        entry.operation_name = *operation_name;
    entry.document = document; // last: an entry counts from here on, whatever may have thrown before
}

} // namespace bearerd::graphql
