#pragma once

#include <bearerd/graphql/operation.hpp>

#include <ostream>
#include <string>
#include <string_view>

// What the tests of the classification share.

namespace bearerd {

inline void PrintTo(OperationKind kind, std::ostream* out) {
    *out << label_of(kind);
}

} // namespace bearerd

namespace bearerd::graphql::testing {

inline constexpr auto query = OperationKind::query;
inline constexpr auto mutation = OperationKind::mutation;
inline constexpr auto subscription = OperationKind::subscription;
inline constexpr auto unknown = OperationKind::unknown;

struct Case {
    std::string text;
    OperationKind kind;
};

inline std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else
            out += c;
    }
    return out + '"';
}

inline std::string wrapped(std::string_view document) {
    return R"({"query":)" + json_string(document) + "}";
}

inline Operation classify_json(std::string_view body, std::string_view type = "application/json") {
    return classify({false, "", type, body}, "loginUser");
}

inline Operation classify_document(std::string_view document) {
    return classify_json(wrapped(document));
}

inline Operation classify_get(std::string_view query_string) {
    return classify({true, query_string, "", ""}, "loginUser");
}

} // namespace bearerd::graphql::testing
