#pragma once

#include <bearerd/base/utf8.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/http/message.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bearerd::transaction {

/// The headers that hold transactions' keys by `transactions.rules`.
class KeyHeaders {
public:
    explicit KeyHeaders(const std::vector<config::TransactionRule>& rules) {
        for (const config::TransactionRule& rule : rules)
            names_.push_back(rule.key_header);
        if (std::ranges::all_of(names_, &std::string::empty))
            names_.clear();
    }

    /// Whether the rule with this index takes its key from a header.
    [[nodiscard]] bool has(std::size_t rule) const noexcept {
        return rule < names_.size() && !names_[rule].empty();
    }

    /// Returns one key for each rule; nothing if no rule takes its key from a header. A key is empty if its
    /// rule names an argument, and if there is no such header, more than one, or one that is not UTF-8.
    [[nodiscard]] std::vector<std::string_view> keys(const http::RequestHead& head) const {
        std::vector<std::string_view> keys;
        for (const std::string& name : names_)
            keys.push_back(name.empty() ? std::string_view{} : value(head, name));
        return keys;
    }

private:
    [[nodiscard]] static std::string_view value(const http::RequestHead& head,
                                                std::string_view name) noexcept {
        const auto key = head.fields.only(name);
        return key && is_utf8(*key) ? *key : std::string_view{};
    }

    std::vector<std::string> names_; ///< one for each rule, or none
};

} // namespace bearerd::transaction
