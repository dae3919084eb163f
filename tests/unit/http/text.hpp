#pragma once

#include <bearerd/http/parser.hpp>

#include <boost/beast/http/field.hpp>

#include <string>
#include <utility>
#include <vector>

namespace bearerd::http::test {

using NamedFields = std::vector<std::pair<std::string_view, std::string_view>>;

/// A head as the parser would have filled it; the views must outlive it.
inline Fields fields_of(const NamedFields& from) {
    Fields fields;
    for (const auto& [name, value] : from)
        fields.list.push_back({boost::beast::http::string_to_field({name.data(), name.size()}), name, value});
    return fields;
}

} // namespace bearerd::http::test
