#include "request_reader.hpp"

#include <bearerd/graphql/json_scan.hpp>
#include <bearerd/graphql/text_buffer.hpp>

#include "media_type.hpp"
#include "multipart.hpp"
#include "parameters.hpp"
#include "utf8.hpp"

#include <array>
#include <string>

namespace bearerd::graphql {
namespace {

bool is_utf8(std::string_view text) noexcept {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const std::size_t length = utf8_length(at, end);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/// The keys of one JSON object, to find doubled ones: compared without case, since some servers read them so
/// and the last one wins. A request has three or four; one with more than it holds is not believed.
class KeySet {
public:
    /// False: it was there before, or there is no more room.
    bool insert(const JsonString& key) {
        if (size_ == keys_.size())
            return false;
        for (std::size_t i = 0; i < size_; ++i)
            if (same(keys_[i], key))
                return false;
        keys_[size_++] = key;
        return true;
    }

private:
    static std::string decoded(const JsonString& key) {
        std::string text(key.raw.size(), '\0');
        text.resize(key.decode(text.data()));
        return text;
    }

    static bool same(const JsonString& a, const JsonString& b) {
        if (!a.escaped && !b.escaped)
            return equal_ignoring_case(a.raw, b.raw);
        return equal_ignoring_case(decoded(a), decoded(b));
    }

    std::array<JsonString, 16> keys_;
    std::size_t size_ = 0;
};

struct JsonBuffers {
    TextBuffer key;
    TextBuffer document;
    TextBuffer operation_name;
};

/// Reads `{"query": ..., "operationName": ..., ...}` up to its end.
bool read_envelope(JsonScan& scan, JsonBuffers& buffers, EnvelopeVisitor& visitor) {
    KeySet keys;
    JsonString key;
    JsonString query;
    JsonString name;
    std::string_view variables;
    bool has_query = false;
    bool has_name = false;
    if (scan.peek() != JsonKind::object)
        return false;
    for (scan.enter_object(); scan.next_member(key);) {
        const std::string_view text = key.text(buffers.key);
        if (!keys.insert(key) || names_stored_document(text))
            return false;
        if (text == "query") {
            has_query = scan.peek() == JsonKind::string && scan.string(query);
            if (!has_query)
                return false;
        } else if (text == "operationName" && scan.peek() != JsonKind::null) {
            has_name = scan.peek() == JsonKind::string && scan.string(name);
            if (!has_name)
                return false;
        } else if (equal_ignoring_case(text, "variables")) {
            scan.skip(variables);
        } else {
            scan.skip();
        }
    }
    if (!scan.ok() || !has_query)
        return false;
    Envelope envelope{query.text(buffers.document), std::nullopt, variables};
    if (has_name)
        envelope.operation_name = name.text(buffers.operation_name);
    return visitor.visit(envelope);
}

RequestForm read_json(std::string_view body, EnvelopeVisitor& visitor) {
    JsonScan scan{body};
    JsonBuffers buffers;
    if (scan.peek() == JsonKind::object) {
        const bool read = read_envelope(scan, buffers, visitor) && scan.finish();
        return read ? RequestForm::single : RequestForm::unreadable;
    }
    if (scan.peek() != JsonKind::array)
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

/// Servers that know the parameters take what the URL says before what the body says.
bool url_selects(std::string_view query_string) {
    if (query_string.empty())
        return false;
    ParameterBuffers buffers;
    const auto parameters = read_parameters(query_string, buffers);
    return !parameters || parameters->query || parameters->operation_name;
}

RequestForm read_post(const RequestView& request, EnvelopeVisitor& visitor) {
    if (request.content_type == "application/json" && request.query_string.empty()) // nearly everybody
        return read_json(request.body, visitor);
    const auto type = parse_media_type(request.content_type);
    if (!type || !type->is_utf8() || url_selects(request.query_string))
        return RequestForm::unreadable;
    if (type->is("application/graphql"))
        return read_document({request.body, std::nullopt}, visitor);
    if (type->is("multipart/form-data")) {
        const auto operations = multipart_operations(request.body, type->boundary.value_or(""));
        return operations ? read_json(*operations, visitor) : RequestForm::unreadable;
    }
    // A server that believes the type would split JSON at these, and could find a `query` of its own inside.
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
