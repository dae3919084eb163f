// Never throws, never crashes, for any request; and:
// - the JSON scanner accepts nothing that another strict parser refuses, and refuses little more;
// - white space, commas and comments around a document change neither its kind nor its hash;
// - a batch of one is classified like its element;
// - a cache changes nothing, not even the second time;
// - an unreadable request never counts as a query without a login.

#include <bearerd/graphql/document_cache.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/json/scan.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

using namespace bearerd;
using namespace bearerd::graphql;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

bool scanner_accepts(std::string_view text) {
    json::Scan scan{text};
    return scan.skip() && scan.finish();
}

/// Whether the text exceeds none of the bounds that the scanner adds to the grammar.
bool is_within_bounds(std::string_view text) {
    const auto brackets =
        std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
    return text.find('\0') == std::string_view::npos && text.find_first_of("eE") == std::string_view::npos &&
           text.size() < 100 && brackets <= static_cast<std::ptrdiff_t>(json::Scan::max_depth);
}

void compare_scanners(std::string_view text) {
    const bool ours = scanner_accepts(text);
    const bool theirs = nlohmann::json::accept(text.begin(), text.end());
    require(!ours || theirs);
    require(ours || !theirs || !is_within_bounds(text));
}

void check(const RequestView& request) {
    const Operation operation = classify(request, "loginUser");
    require(operation.kind != OperationKind::unknown || operation.has_login);
    require(operation.name.size() <= 64);
    require(document_hash(request) == document_hash(request));
    static DocumentCache cache; // shared by all inputs, as in a daemon
    for (int i = 0; i < 2; ++i) {
        const Operation again = classify(request, "loginUser", &cache);
        require(again.kind == operation.kind && again.name == operation.name &&
                again.batch == operation.batch && again.has_login == operation.has_login);
    }
}

void check_ignored_text(std::string_view document) {
    constexpr std::string_view type = "application/graphql";
    const RequestView plain{false, "", type, document};
    const std::string longer = "\xEF\xBB\xBF,# mutation{\n" + std::string{document} + "\n#}\r ,\t";
    const RequestView padded{false, "", type, longer};
    const Operation a = classify(plain, "loginUser");
    const Operation b = classify(padded, "loginUser");
    require(a.kind == b.kind && a.name == b.name && a.has_login == b.has_login);
    require(a.kind == OperationKind::unknown || document_hash(plain) == document_hash(padded));
}

void check_batch(std::string_view body) {
    const Operation single = classify({false, "", "application/json", body}, "loginUser");
    if (single.batch || body.starts_with("\xEF\xBB\xBF") || single.kind == OperationKind::unknown)
        return;
    const std::string batch = "[" + std::string{body} + "]";
    const Operation element = classify({false, "", "application/json", batch}, "loginUser");
    require(element.kind == single.kind && element.name == single.name && element.batch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    check({true, input, "", ""});
    check({false, "", "application/json", input});
    check({false, "", "application/graphql", input});
    check({false, "", "multipart/form-data; boundary=b", input});
    check({false, input, "application/json", R"({"query":"{a}"})"});
    check({false, "", input, R"({"query":"{a}"})"});
    compare_scanners(input);
    check_ignored_text(input);
    check_batch(input);
    return 0;
}
