#include "request_reader.hpp"

#include <bearerd/base/utf8.hpp>
#include <bearerd/json/scan.hpp>
#include <bearerd/json/text_buffer.hpp>

#include "media_type.hpp"
#include "multipart.hpp"
#include "parameters.hpp"

#include <array>
#include <string>

namespace bearerd::graphql {
namespace {

/// The keys of one JSON object, for finding duplicates. Keys are compared ignoring case, because some servers
/// read them so and the last one wins. A request has three or four; one with too many is refused.
class KeySet {
public:
    /// Returns false if the key is a duplicate, if there is no more room, or if it is too long.
    bool insert(const json::String& key, std::string_view text) {
        if (size_ == keys_.size() || text.size() > longest)
            return false;
        if (key.escaped) // `text` is in a buffer that is used again
            text = decoded_[size_] = text;
        for (std::size_t i = 0; i < size_; ++i)
            if (equal_ignoring_case(keys_[i], text))
                return false;
        keys_[size_++] = text;
        return true;
    }

private:
    static constexpr std::size_t room = 16;
    static constexpr std::size_t longest = 256;

    std::array<std::string_view, room> keys_;
    std::array<std::string, room> decoded_;
    std::size_t size_ = 0;
};

struct JsonBuffers {
    json::TextBuffer key;
    json::TextBuffer document;
    json::TextBuffer operation_name;
};

/// Whether some server reads a member of this name as `variables`: ignoring case, or with the letters that
/// Unicode folds to "s".
bool may_be_variables(std::string_view name) noexcept {
    constexpr std::string_view but_for_s = "variable";
    constexpr std::string_view long_s = "\xC5\xBF";
    const std::string_view base = base_name(name);
    return equal_ignoring_case(base, "variables") ||
           (base.ends_with(long_s) &&
            equal_ignoring_case(base.substr(0, base.size() - long_s.size()), but_for_s));
}

/// Reads `{"query": ..., "operationName": ..., ...}` to its end.
bool read_envelope(json::Scan& scan, JsonBuffers& buffers, EnvelopeVisitor& visitor) {
    KeySet keys;
    json::String key;
    json::String query;
    json::String name;
    std::string_view variables;
    bool clear_variables = true;
    bool has_query = false;
    bool has_name = false;
    if (scan.peek() != json::Kind::object)
        return false;
    for (scan.enter_object(); scan.next_member(key);) {
        const std::string_view text = key.text(buffers.key);
        if (!keys.insert(key, text) || names_stored_document(text))
            return false;
        if (text == "query") {
            has_query = scan.peek() == json::Kind::string && scan.string(query);
            if (!has_query)
                return false;
        } else if (text == "operationName") {
            has_name = scan.peek() == json::Kind::string && scan.string(name);
            if (!has_name && (scan.peek() != json::Kind::null || !scan.skip()))
                return false;
        } else if (text == "variables") {
            scan.skip(variables);
        } else if (text == "extensions") {
            scan.skip();
        } else if (may_select(text)) { // a careless server reads it so
            return false;
        } else {
            clear_variables = clear_variables && !may_be_variables(text);
            scan.skip();
        }
    }
    if (!scan.ok() || !has_query)
        return false;
    Envelope envelope{query.text(buffers.document), std::nullopt, variables, clear_variables};
    if (has_name)
        envelope.operation_name = name.text(buffers.operation_name);
    return visitor.visit(envelope);
}

RequestForm read_json(std::string_view body, EnvelopeVisitor& visitor) {
    json::Scan scan{body};
    JsonBuffers buffers;
    if (scan.peek() == json::Kind::object) {
        const bool read = read_envelope(scan, buffers, visitor) && scan.finish();
        return read ? RequestForm::single : RequestForm::unreadable;
    }
    if (scan.peek() != json::Kind::array)
        return RequestForm::unreadable;
    std::size_t count = 0;
    for (scan.enter_array(); scan.next_element(); ++count)
        if (!read_envelope(scan, buffers, visitor))
            return RequestForm::unreadable;
    return count != 0 && scan.finish() ? RequestForm::batch : RequestForm::unreadable;
}

RequestForm read_document(const Envelope& envelope, EnvelopeVisitor& visitor) {
    return is_utf8(envelope.document) && visitor.visit(envelope) ? RequestForm::single
                                                                 : RequestForm::unreadable;
}

RequestForm read_get(const RequestView& request, EnvelopeVisitor& visitor) {
    ParameterBuffers buffers;
    const auto parameters = read_parameters(request.query_string, buffers);
    if (!parameters || !parameters->query || !request.body.empty()) // some servers prefer a body even here
        return RequestForm::unreadable;
    return read_document({*parameters->query, parameters->operation_name}, visitor);
}

/// Servers that know these parameters prefer the URL's to the body's.
bool url_selects(std::string_view query_string) {
    if (query_string.empty())
        return false;
    ParameterBuffers buffers;
    const auto parameters = read_parameters(query_string, buffers);
    return !parameters || parameters->query || parameters->operation_name;
}

RequestForm read_post(const RequestView& request, EnvelopeVisitor& visitor) {
    if (request.content_type == "application/json" && request.query_string.empty()) // the common case
        return read_json(request.body, visitor);
    const auto type = parse_media_type(request.content_type);
    if (!type || !type->is_utf8() || url_selects(request.query_string))
        return RequestForm::unreadable;
    if (type->is("application/graphql"))
        return read_document({request.body, std::nullopt}, visitor);
    if (type->is("multipart/form-data")) {
        if (!type->plain)
            return RequestForm::unreadable;
        const auto operations = multipart_operations(request.body, type->boundary.value_or(""));
        return operations ? read_json(*operations, visitor) : RequestForm::unreadable;
    }
    // A server that trusts the type would split JSON at these, and could find a `query` of its own inside.
    if (type->is("application/x-www-form-urlencoded") &&
        request.body.find_first_of("&;") != std::string_view::npos)
        return RequestForm::unreadable;
    return read_json(request.body, visitor);
}

} // namespace

RequestForm read_request(const RequestView& request, EnvelopeVisitor& visitor) {
    if (!request.readable)
        return RequestForm::unreadable;
    return request.is_get ? read_get(request, visitor) : read_post(request, visitor);
}

} // namespace bearerd::graphql
