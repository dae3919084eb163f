#include <bearerd/http/coding.hpp>

#include <bearerd/base/ascii.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

namespace bearerd::http {
namespace {

enum class Coding { identity, gzip, deflate };

constexpr std::size_t most_codings = 2;

std::optional<Coding> coding_named(std::string_view name) noexcept {
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip"))
        return Coding::gzip;
    if (equal_ignoring_case(name, "deflate"))
        return Coding::deflate;
    if (equal_ignoring_case(name, "identity"))
        return Coding::identity;
    return std::nullopt;
}

/// The codings to decode, in the order in which they were applied.
struct CodingList {
    std::array<Coding, most_codings> codings{};
    std::size_t size = 0;
};

std::optional<CodingList> parse_content_encoding(std::string_view value) noexcept {
    CodingList list;
    while (!value.empty()) {
        const std::string_view name = trim(take_until(value, ','));
        if (name.empty()) // an empty list element is ignored (RFC 9110, 5.6.1)
            continue;
        const auto coding = coding_named(name);
        if (!coding)
            return std::nullopt;
        if (*coding == Coding::identity)
            continue;
        if (list.size == most_codings)
            return std::nullopt;
        list.codings[list.size++] = *coding;
    }
    return list;
}

/// zlib's window arguments: which wrapper to expect.
constexpr int gzip_wrapper = 16 + MAX_WBITS;
constexpr int zlib_wrapper = MAX_WBITS;
constexpr int no_wrapper = -MAX_WBITS;

class Inflater {
public:
    explicit Inflater(int window) {
        if (inflateInit2(&stream_, window) != Z_OK)
            throw std::bad_alloc{}; // nothing else can fail here
    }

    ~Inflater() { inflateEnd(&stream_); }

    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    enum class Result : std::uint8_t { whole, cut_short, too_large, damaged };

    /// Unpacks `input` into `output` as far as possible: at most `limit` bytes and one more. A gzip file may
    /// have several members (RFC 1952, 2.2), which form one text.
    Result run(std::string_view input, std::string& output, std::size_t limit, bool members) {
        filled_ = 0;
        output.resize(std::min(output.size(), limit + 1));
        const Result result = unpack(input, output, limit, members);
        output.resize(filled_);
        return result;
    }

private:
    Result unpack(std::string_view input, std::string& output, std::size_t limit, bool members) {
        // zlib never writes to its input, but its oldest interface has no const.
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
        stream_.avail_in = static_cast<uInt>(input.size());
        for (;;) {
            const int result = step(output, limit);
            if (filled_ > limit)
                return Result::too_large;
            if (result == Z_STREAM_END) {
                if (stream_.avail_in == 0)
                    return Result::whole;
                if (!members || inflateReset(&stream_) != Z_OK)
                    return Result::damaged;
            } else if (stream_.avail_in == 0 && room_left_ && (result == Z_OK || result == Z_BUF_ERROR)) {
                return Result::cut_short;
            } else if (result != Z_OK) {
                return Result::damaged;
            }
        }
    }

    /// Calls zlib once, after making room if there is none. One byte beyond the limit is enough to know that
    /// it is exceeded. `output` keeps its size between calls: growing it zeroes the new bytes, and a file may
    /// have a member for each twenty bytes.
    int step(std::string& output, std::size_t limit) {
        if (filled_ >= output.size()) {
            const std::size_t wanted =
                std::max<std::size_t>({filled_ * 2, std::size_t{stream_.avail_in} * 4, 1024});
            output.resize(std::max(filled_ + 1, std::min(wanted, limit + 1)));
        }
        const std::size_t room = output.size() - filled_;
        stream_.next_out = reinterpret_cast<Bytef*>(output.data() + filled_);
        stream_.avail_out = static_cast<uInt>(room);
        const int result = inflate(&stream_, Z_NO_FLUSH);
        room_left_ = stream_.avail_out != 0;
        filled_ += room - stream_.avail_out;
        return result;
    }

    z_stream stream_{};
    std::size_t filled_ = 0; ///< bytes of the output that have been written
    bool room_left_ = false;
};

/// "deflate" means the zlib wrapper (RFC 9110, 8.4.1.2), but some servers omit it. A raw stream can't be
/// mistaken for a complete wrapped one, because that ends with a checksum.
Inflater::Result undo(Coding coding, std::string_view input, std::string& output, std::size_t limit) {
    if (coding == Coding::gzip)
        return Inflater{gzip_wrapper}.run(input, output, limit, true);
    const auto wrapped = Inflater{zlib_wrapper}.run(input, output, limit, false);
    if (wrapped != Inflater::Result::damaged)
        return wrapped;
    return Inflater{no_wrapper}.run(input, output, limit, false);
}

bool undo_whole(Coding coding, std::string_view input, std::string& output, std::size_t limit) {
    return undo(coding, input, output, limit) == Inflater::Result::whole ||
           (coding == Coding::deflate &&
            Inflater{no_wrapper}.run(input, output, limit, false) == Inflater::Result::whole);
}

bool undo_beginning(Coding coding, std::string_view input, std::string& output, std::size_t limit) {
    return undo(coding, input, output, limit) != Inflater::Result::damaged;
}

/// Undoes the codings, the last one first; `undo_one` returns whether its result counts. A body without a
/// coding is returned as it is, whatever its size.
std::optional<std::string_view> decoded(std::string_view content_encoding, std::string_view body,
                                        std::string& scratch, std::size_t limit,
                                        decltype(undo_whole)& undo_one) {
    const auto list = parse_content_encoding(content_encoding);
    if (!list || body.size() > std::numeric_limits<uInt>::max() || limit >= std::numeric_limits<uInt>::max())
        return std::nullopt;
    if (list->size == 0)
        return body;
    if (!undo_one(list->codings[list->size - 1], body, scratch, limit))
        return std::nullopt;
    if (list->size == most_codings) {
        const std::string inner = std::exchange(scratch, {});
        if (!undo_one(list->codings[0], inner, scratch, limit))
            return std::nullopt;
    }
    return std::string_view{scratch};
}

/// Accepts `0`, `0.5`, `1.000` (RFC 9110, 12.4.2).
bool is_weight(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1'))
        return false;
    if (text.size() > 1 && text[1] != '.')
        return false;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size())))
        if (!is_digit(c) || (text[0] == '1' && c != '0'))
            return false;
    return true;
}

bool is_zero(std::string_view weight) noexcept {
    return weight.find_first_not_of("0.") == std::string_view::npos;
}

/// One element of Accept-Encoding.
struct Accepted {
    std::string_view name;
    std::string_view weight; ///< empty: none is given

    [[nodiscard]] bool welcome() const noexcept { return weight.empty() || !is_zero(weight); }
};

/// Returns nullopt if bearerd can't decode it, or if its weight is none.
std::optional<Accepted> read_accepted(std::string_view item) noexcept {
    Accepted accepted;
    accepted.name = trim(take_until(item, ';'));
    if (!coding_named(accepted.name))
        return std::nullopt;
    if (item.empty())
        return accepted;
    std::string_view parameter = trim(item);
    if (!equal_ignoring_case(trim(take_until(parameter, '=')), "q") || !is_weight(trim(parameter)))
        return std::nullopt;
    accepted.weight = trim(parameter);
    return accepted;
}

} // namespace

std::optional<std::string_view> decoded_for_inspection(std::string_view content_encoding,
                                                       std::string_view body, std::string& scratch,
                                                       std::size_t limit) {
    const auto text = decoded(content_encoding, body, scratch, limit, undo_whole);
    return text && text->size() <= limit ? text : std::nullopt;
}

std::optional<std::string_view> decoded_beginning(std::string_view content_encoding, std::string_view body,
                                                  std::string& scratch, std::size_t limit) {
    const auto text = decoded(content_encoding, body, scratch, limit, undo_beginning);
    return text ? std::optional{text->substr(0, limit)} : std::nullopt;
}

std::string narrowed_accept_encoding(std::string_view accept_encoding) {
    std::string result;
    bool any_welcome = false;
    while (!accept_encoding.empty()) {
        const auto item = read_accepted(trim(take_until(accept_encoding, ',')));
        if (!item)
            continue;
        any_welcome = any_welcome || item->welcome();
        if (!result.empty())
            result += ", ";
        result += item->name;
        if (!item->weight.empty())
            (result += ";q=") += item->weight;
    }
    return any_welcome ? result : std::string{"identity"};
}

bool accepts_coding(std::string_view accept_encoding, std::string_view coding) noexcept {
    while (!accept_encoding.empty()) {
        const auto item = read_accepted(trim(take_until(accept_encoding, ',')));
        if (item && equal_ignoring_case(item->name, coding))
            return item->welcome();
    }
    return false;
}

} // namespace bearerd::http
