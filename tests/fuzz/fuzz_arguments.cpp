// Never throws, never crashes, for any request; and:
// - fields are reported only for what is classified as a mutation, or holds none and is a query;
// - a reported key is in the request, unless an escape hides it, and is bounded;
// - white space, commas and comments around a document change nothing;
// - a batch of one has the fields of its element;
// - only a query may ask by key.
#include <bearerd/graphql/arguments.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

using namespace bearerd::graphql;

namespace {

const std::array<KeyRule, 2> rules{{{"redeem", "ref"}, {"reverse", "ref"}}};

void require(bool claim) {
    if (!claim)
        std::abort();
}

bool same(const std::optional<std::vector<RootField>>& a, const std::optional<std::vector<RootField>>& b) {
    if (!a || !b)
        return !a && !b;
    return std::equal(a->begin(), a->end(), b->begin(), b->end(), [](const RootField& x, const RootField& y) {
        return x.name == y.name && x.rule == y.rule && x.key == y.key;
    });
}

void check(const RequestView& request) {
    const auto fields = mutation_fields(request, rules);
    if (!fields)
        return;
    const OperationKind kind = classify(request, "loginUser").kind;
    require(kind == OperationKind::mutation || (kind == OperationKind::query && fields->empty()));
    require(fields->size() <= max_root_fields);
    const bool escapes = request.body.find('\\') != std::string_view::npos;
    const bool lines = request.body.find("\"\"\"") != std::string_view::npos;
    for (const RootField& field : *fields) {
        require(field.key.size() <= max_key_size && (field.key.empty() || field.rule));
        require(escapes || lines || request.body.find(field.key) != std::string_view::npos);
        require(!field.rule || rules[*field.rule].field == field.name);
    }
    require(!each_has_its_key(*fields) || kind == OperationKind::mutation);
}

void check_ignored_text(std::string_view document) {
    constexpr std::string_view type = "application/graphql";
    const std::string longer = "\xEF\xBB\xBF,# mutation{\n" + std::string{document} + "\n#}\r ,\t";
    require(same(mutation_fields({false, "", type, document}, rules),
                 mutation_fields({false, "", type, longer}, rules)));
}

void check_batch(std::string_view body) {
    const RequestView single{false, "", "application/json", body};
    if (classify(single, "").batch || body.starts_with("\xEF\xBB\xBF"))
        return;
    const std::string batch = "[" + std::string{body} + "]";
    const auto fields = mutation_fields(single, rules);
    if (fields)
        require(same(fields, mutation_fields({false, "", "application/json", batch}, rules)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    check({false, "", "application/json", input});
    check({false, "", "application/graphql", input});
    check({false, "", "multipart/form-data; boundary=b", input});
    check({false, input, "application/json", R"({"query":"mutation{redeem(ref:\"a\")}"})"});
    check_ignored_text(input);
    check_batch(input);
    if (asks_by_key(input))
        require(classify({false, "", "application/graphql", input}, "").kind == OperationKind::query);
    return 0;
}
