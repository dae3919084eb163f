#pragma once

#include <bearerd/http/message.hpp>

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace bearerd::http {

/// A head as Beast's parser understands it, for what has to understand it in the same way.
struct BeastHead {
    std::string first, second; ///< method and target, or "" and the reason
    unsigned status = 0;
    int minor = 1;
    std::string fields; ///< ids, names and values, a line each
    std::uint64_t length = 0;
    bool whole = false; ///< nothing but a body of that length follows

    bool operator==(const BeastHead&) const = default;
};

inline std::string line_of(FieldId id, std::string_view name, std::string_view value) {
    return std::to_string(static_cast<unsigned>(id)).append(" ").append(name).append(": ").append(value) +
           "\n";
}

template<bool is_request>
class BeastHeadParser final : public boost::beast::http::basic_parser<is_request> {
public:
    explicit BeastHeadParser(BeastHead& head) : head_{head} {
        this->header_limit(std::numeric_limits<std::uint32_t>::max());
        this->body_limit(boost::none);
    }

private:
    using View = boost::beast::string_view;
    using Code = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb, View method, View target, int version, Code&) override {
        head_.first = method;
        head_.second = target;
        head_.minor = version - 10;
    }

    void on_response_impl(int status, View reason, int version, Code&) override {
        head_.status = static_cast<unsigned>(status);
        head_.second = reason;
        head_.minor = version - 10;
    }

    void on_field_impl(FieldId id, View name, View value, Code&) override {
        head_.fields += line_of(id, {name.data(), name.size()}, {value.data(), value.size()});
    }

    void on_header_impl(Code&) override {}

    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}

    std::size_t on_body_impl(View piece, Code&) override { return piece.size(); }

    void on_chunk_header_impl(std::uint64_t, View, Code&) override {}

    std::size_t on_chunk_body_impl(std::uint64_t, View piece, Code&) override { return piece.size(); }

    void on_finish_impl(Code&) override {}

    BeastHead& head_;
};

/// nullopt if Beast rejects it, or does not take all of it for one head.
template<bool is_request>
std::optional<BeastHead> read_by_beast(std::string_view bytes) {
    BeastHead head;
    BeastHeadParser<is_request> parser{head};
    boost::beast::error_code code;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    if ((code && code != boost::beast::http::error::need_more) || !parser.is_header_done() ||
        taken != bytes.size())
        return std::nullopt;
    head.length = parser.content_length().value_or(0);
    head.whole = !parser.chunked() && !parser.need_eof() && !parser.upgrade() &&
                 parser.is_done() == (head.length == 0);
    return head;
}

inline std::string lines_of(const Fields& fields) {
    std::string lines;
    for (const Field& field : fields.list)
        lines += line_of(field.id, field.name, field.value);
    return lines;
}

/// What read_plain_head() made of it, in the same shape.
inline BeastHead as_beast_head(const RequestHead& head, std::uint64_t length) {
    return {std::string{head.method},
            std::string{head.target},
            0,
            head.minor,
            lines_of(head.fields),
            length,
            true};
}

inline BeastHead as_beast_head(const ResponseHead& head, std::uint64_t length) {
    return {{}, std::string{head.reason}, head.status, head.minor, lines_of(head.fields), length, true};
}

} // namespace bearerd::http
