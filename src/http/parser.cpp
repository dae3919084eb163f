#include <bearerd/http/parser.hpp>

#include <bearerd/base/free_list.hpp>
#include <bearerd/base/secret.hpp>
#include <bearerd/http/clean_head.hpp>

#include "chunk_decoder.hpp"
#include "plain_head.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <functional>
#include <limits>
#include <optional>

namespace bearerd::http {
namespace {

namespace beast = boost::beast;
using beast::http::verb;
using BeastView = beast::string_view;

/// A body's memory above this size is freed between two requests.
constexpr std::size_t worth_keeping = 16 * 1024;

std::string_view view(BeastView text) noexcept {
    return {text.data(), text.size()};
}

/// Clears the message, but keeps the memory.
void clear(RequestHead& head) noexcept {
    head.method = {};
    head.target = {};
    head.fields.list.clear();
}

void clear(ResponseHead& head) noexcept {
    head.status = 0;
    head.reason = {};
    head.fields.list.clear();
    head.content_length.reset();
    head.chunked = false;
}

/// Reserves for a body of this length. A large body is reserved as it arrives, not as it is announced.
template<class Body>
void reserve(Body& body, std::uint64_t length) {
    constexpr std::uint64_t trusted = 64 * 1024;
    body.reserve(body.size() + static_cast<std::size_t>(std::min(length, trusted)));
}

/// The body after a head that read_plain_head() has read.
class PlainBody {
public:
    /// Begins a new message's body; `length` is what its head says.
    void begin(std::uint64_t length) noexcept {
        length_ = length;
        left_ = length;
    }

    [[nodiscard]] ParseState state() const noexcept {
        return left_ == 0 ? ParseState::complete : ParseState::need_more;
    }

    template<class Body>
    ParseState feed(std::string_view bytes, std::size_t& consumed, Body& body) {
        if (left_ == length_ && !bytes.empty())
            reserve(body, length_);
        consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        body.append(bytes.substr(0, consumed));
        return take(consumed);
    }

    [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

    ParseState take(std::size_t size) noexcept {
        left_ -= size;
        return state();
    }

private:
    std::uint64_t length_ = 0;
    std::uint64_t left_ = 0;
};

/// The callbacks that requests and responses share.
template<bool is_request, class Body>
class Sink : public beast::http::basic_parser<is_request> {
public:
    Sink(Fields& fields, Body*& body) : fields_{fields}, body_{body} {
        this->eager(true);
        this->header_limit(std::numeric_limits<std::uint32_t>::max()); // the caller's buffer is the limit
    }

protected:
    void on_request_impl(verb, BeastView, BeastView, int, beast::error_code&) override {}

    void on_response_impl(int, BeastView, int, beast::error_code&) override {}

    void on_field_impl(FieldId id, BeastView name, BeastView value, beast::error_code& code) override {
        // Trailers arrive here too. They must not become part of the head, because an app could smuggle in an
        // Authorization.
        if (!head_done_)
            fields_.list.push_back({id, view(name), view(value)});
        else if (!value.empty() && !is_within_input(value)) // Beast has unfolded it into a buffer of its own
            code = beast::http::error::bad_obs_fold;
    }

    void on_header_impl(beast::error_code&) override { head_done_ = true; }

    void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code&) override {
        if (length)
            reserve(*body_, *length);
    }

    std::size_t on_body_impl(BeastView piece, beast::error_code&) override {
        body_->append(view(piece));
        return piece.size();
    }

    void on_chunk_header_impl(std::uint64_t size, BeastView, beast::error_code&) override {
        chunk_left_ = size;
    }

    std::size_t on_chunk_body_impl(std::uint64_t, BeastView piece, beast::error_code&) override {
        body_->append(view(piece));
        chunk_left_ -= piece.size();
        return piece.size();
    }

    void on_finish_impl(beast::error_code&) override {}

public:
    /// Sets the bytes that put() is about to read.
    void set_input(std::string_view bytes) noexcept { input_ = bytes; }

    /// Beast asserts that it never sees fewer bytes than this of the last chunk twice. Nothing shorter ends a
    /// message.
    [[nodiscard]] bool is_too_little(std::string_view bytes) const {
        constexpr std::size_t last_chunk = std::string_view{"0\r\n\r\n"}.size();
        return this->chunked() && chunk_left_ == 0 && bytes.front() == '0' && bytes.size() < last_chunk;
    }

private:
    [[nodiscard]] bool is_within_input(BeastView text) const noexcept {
        const std::less_equal<const char*> in_order;
        return in_order(input_.data(), text.data()) && in_order(text.data(), input_.data() + input_.size());
    }

    Fields& fields_;
    Body*& body_;
    std::string_view input_;
    std::uint64_t chunk_left_ = 0; ///< bytes left of the chunk that is being read
    bool head_done_ = false;
};

template<bool is_request>
ParseState state_of(const beast::http::basic_parser<is_request>& parser, const beast::error_code& code) {
    if (code == beast::http::error::body_limit)
        return ParseState::body_too_large;
    if (code && code != beast::http::error::need_more)
        return ParseState::malformed;
    return parser.is_done() ? ParseState::complete : ParseState::need_more;
}

template<class Parser>
ParseState feed_head_to(Parser& parser, std::string_view bytes) {
    beast::error_code code;
    parser.put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    const ParseState state = state_of(parser, code);
    // The head was complete, so if the parser wants more of it, it has found something other than a head.
    if (state == ParseState::need_more && !parser.is_header_done())
        return ParseState::malformed;
    return state;
}

template<class Parser>
ParseState feed_body_to(Parser& parser, std::string_view bytes, std::size_t& consumed) {
    beast::error_code code;
    consumed = 0;
    if (parser.is_done())
        return ParseState::complete;
    if (bytes.empty() || parser.is_too_little(bytes))
        return ParseState::need_more;
    parser.set_input(bytes);
    consumed = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    return state_of(parser, code);
}

class RequestSink final : public Sink<true, std::string> {
public:
    RequestSink(RequestHead& head, std::string*& body, std::uint64_t body_limit)
        : Sink{head.fields, body}, head_{head} {
        this->body_limit(body_limit);
    }

private:
    void on_request_impl(verb, BeastView method, BeastView target, int version, beast::error_code&) override {
        head_.method = view(method);
        head_.target = view(target);
        head_.minor = version == 10 ? 0 : 1;
    }

    RequestHead& head_;
};

class ResponseSink final : public Sink<false, BodyBuffer> {
public:
    ResponseSink(ResponseHead& head, BodyBuffer*& body) : Sink{head.fields, body}, head_{head} {
        this->body_limit(boost::none); // bounded by the caller, or streamed
    }

private:
    void on_response_impl(int status, BeastView reason, int version, beast::error_code& code) override {
        if (version != 10 && version != 11)
            code = beast::http::error::bad_version;
        head_.status = static_cast<std::uint16_t>(status);
        head_.reason = view(reason);
        head_.minor = version == 10 ? 0 : 1;
    }

    ResponseHead& head_;
};

/// Reads the head in a single pass if it is plain and complete; otherwise returns nullopt, without effect.
template<class Impl>
std::optional<ParsedHead> read_plain(Impl& impl, std::string_view data) {
    const auto read = read_plain_head(data, impl.head);
    if (!read || read->body_length > impl.body_limit) {
        clear(impl.head);
        return std::nullopt;
    }
    impl.plain.begin(read->body_length);
    return ParsedHead{read->size, impl.plain.state()};
}

/// Most heads are plain and arrive whole. If not, `scan_for_end` looks for the head's end first.
template<class Impl>
std::optional<ParsedHead> parse_head_of(Impl& impl, std::string_view data,
                                        HeadScan (*scan_for_end)(std::string_view, std::size_t&) noexcept) {
    const bool is_first = impl.scanned == 0;
    if (is_first)
        if (const auto plain = read_plain(impl, data))
            return plain;
    const HeadScan scan = scan_for_end(data, impl.scanned);
    if (scan.state == HeadEnd::malformed)
        return ParsedHead{0, ParseState::malformed};
    if (scan.state != HeadEnd::complete)
        return std::nullopt;
    const auto bytes = data.substr(0, scan.size);
    if (!is_first)
        if (const auto plain = read_plain(impl, bytes))
            return plain;
    return ParsedHead{scan.size, impl.read(bytes)};
}

} // namespace

struct RequestParser::Impl {
    RequestHead head;
    std::string body;
    std::string* body_target = &body;
    std::uint64_t body_limit = 0;
    std::size_t scanned = 0; ///< bytes searched for the end of the head
    PlainBody plain;
    std::optional<RequestSink> sink; ///< for a message that is not plain

#ifdef BEARERD_SANITIZED // the sanitizer should see a view that has outlived its request
    static constexpr std::size_t most_spare = 0;
#else
    static constexpr std::size_t most_spare = 64;
#endif
    [[nodiscard]] ParseState read(std::string_view bytes);

    /// Released implementations of this thread's parsers, with the memory of their fields and bodies.
    static FreeList<std::unique_ptr<Impl>>& spares() noexcept {
        thread_local FreeList<std::unique_ptr<Impl>> list;
        return list;
    }
};

RequestParser::RequestParser() = default;

RequestParser::~RequestParser() = default;

void RequestParser::reset(std::uint64_t body_limit) {
    if (!impl_)
        impl_ = Impl::spares().take();
    if (!impl_)
        impl_ = std::make_unique<Impl>();
    clear(impl_->head);
    impl_->body.clear();
    impl_->body_limit = body_limit;
    impl_->scanned = 0;
    impl_->sink.reset();
}

ParseState RequestParser::Impl::read(std::string_view bytes) {
    return feed_head_to(sink.emplace(head, body_target, body_limit), bytes);
}

std::optional<ParsedHead> RequestParser::parse_head(std::string_view data) {
    return parse_head_of(*impl_, data, &scan_head);
}

ParseState RequestParser::feed_body(std::string_view bytes, std::size_t& consumed) {
    if (!impl_->sink)
        return impl_->plain.feed(bytes, consumed, impl_->body);
    return feed_body_to(*impl_->sink, bytes, consumed);
}

const RequestHead& RequestParser::head() const noexcept {
    return impl_->head;
}

std::string& RequestParser::body() noexcept {
    return impl_->body;
}

void RequestParser::release() noexcept {
    if (!impl_)
        return;
    if (impl_->body.capacity() > worth_keeping)
        std::string{}.swap(impl_->body); // assigning an empty string would keep the memory
    Impl::spares().keep(impl_, Impl::most_spare);
    impl_.reset();
}

struct ResponseParser::Impl {
    ResponseHead head;
    BodyBuffer unused;
    BodyBuffer* body_target = &unused;
    PlainBody plain;
    std::optional<ResponseSink> sink; ///< for a message that is not plain
    std::optional<ChunkDecoder> chunks;
    std::string clean;       ///< a head that had to be rewritten; wiped, since it may hold a token
    std::size_t scanned = 0; ///< bytes searched for the end of the head
    bool cleaned = false;

    static constexpr std::uint64_t body_limit = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] ParseState read_strictly(std::string_view bytes);
    [[nodiscard]] ParseState read(std::string_view bytes);
};

/// Accepts only a head that leaves nothing to interpret; anything else is malformed. May be called a second
/// time for a message, with the head in clean form.
ParseState ResponseParser::Impl::read_strictly(std::string_view bytes) {
    std::size_t from = 0;
    clear(head);
    if (const HeadScan scan = scan_head(bytes, from);
        scan.state != HeadEnd::complete || scan.size != bytes.size())
        return ParseState::malformed;
    const ParseState state = feed_head_to(sink.emplace(head, body_target), bytes);
    if (state != ParseState::need_more && state != ParseState::complete)
        return state;
    if (const auto length = sink->content_length())
        head.content_length = *length;
    head.chunked = sink->chunked();
    if (!response_framing_is_sound(head))
        return ParseState::malformed;
    if (head.chunked && state == ParseState::need_more)
        chunks.emplace();
    return state;
}

ParseState ResponseParser::Impl::read(std::string_view bytes) {
    const ParseState state = read_strictly(bytes);
    if (state != ParseState::malformed)
        return state;
    cleaned = clean_response_head(bytes, clean);
    return cleaned ? read_strictly(clean) : state;
}

ResponseParser::ResponseParser() : impl_{std::make_unique<Impl>()} {}

ResponseParser::~ResponseParser() {
    wipe(impl_->clean);
}

void ResponseParser::reset() {
    clear(impl_->head);
    impl_->plain.begin(0);
    impl_->sink.reset();
    impl_->chunks.reset();
    impl_->scanned = 0;
    impl_->cleaned = false;
    if (!impl_->clean.empty())
        wipe(impl_->clean);
}

std::optional<ParsedHead> ResponseParser::parse_head(std::string_view data) {
    return parse_head_of(*impl_, data, &scan_response_head);
}

ParseState ResponseParser::feed_body(std::string_view bytes, std::size_t& consumed, BodyBuffer& body) {
    if (!impl_->sink)
        return impl_->plain.feed(bytes, consumed, body);
    if (impl_->chunks)
        return impl_->chunks->feed(bytes, consumed, body);
    impl_->body_target = &body;
    const ParseState state = feed_body_to(*impl_->sink, bytes, consumed);
    impl_->body_target = &impl_->unused;
    return state;
}

std::uint64_t ResponseParser::plain_body_left() const noexcept {
    return impl_->sink ? 0 : impl_->plain.left();
}

ParseState ResponseParser::took_plain_body(std::size_t size) noexcept {
    return impl_->plain.take(size);
}

ParseState ResponseParser::feed_end() {
    if (!impl_->sink)
        return impl_->plain.state() == ParseState::complete ? ParseState::complete : ParseState::malformed;
    if (impl_->chunks)
        return impl_->chunks->complete() ? ParseState::complete : ParseState::malformed;
    if (impl_->sink->is_done())
        return ParseState::complete;
    beast::error_code code;
    impl_->sink->put_eof(code);
    return !code && impl_->sink->is_done() ? ParseState::complete : ParseState::malformed;
}

bool ResponseParser::odd() const noexcept {
    return impl_->cleaned || (impl_->chunks && impl_->chunks->odd());
}

const ResponseHead& ResponseParser::head() const noexcept {
    return impl_->head;
}

} // namespace bearerd::http
