#include <bearerd/auth/store_record.hpp>

#include <bearerd/base/file.hpp>

#include <algorithm>

namespace bearerd::auth {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_text = 16UL << 10;
constexpr std::size_t max_claims = 16;

/// Little-endian numbers and texts with their length. The reserve is at least the final size: growing would
/// leave the token behind in freed memory.
class Writer {
public:
    explicit Writer(std::size_t size) { out_.reserve(size); }

    void number(std::int64_t value) {
        for (int shift = 0; shift < 64; shift += 8)
            out_ += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
    }

    void text(std::string_view value) {
        number(static_cast<std::int64_t>(value.size()));
        out_ += value;
    }

    void moment(const StoredMoment& value) {
        number(value.wall_s);
        number(value.boot_ns);
        text(value.boot_id);
    }

    [[nodiscard]] Secret take() { return Secret{std::move(out_)}; }

private:
    std::string out_;
};

/// Reads what Writer wrote; good() turns false at the first missing part.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_{bytes} {}

    std::int64_t number() {
        std::uint64_t value = 0;
        good_ = good_ && left_.size() >= 8;
        if (!good_)
            return 0;
        for (std::size_t i = 0; i < 8; ++i)
            value |= std::uint64_t{static_cast<unsigned char>(left_[i])} << 8 * i;
        left_.remove_prefix(8);
        return static_cast<std::int64_t>(value);
    }

    std::string_view text() {
        const auto size = static_cast<std::uint64_t>(number());
        good_ = good_ && size <= max_text && size <= left_.size();
        if (!good_)
            return {};
        const auto value = left_.substr(0, size);
        left_.remove_prefix(size);
        return value;
    }

    StoredMoment moment() {
        StoredMoment value;
        value.wall_s = number();
        value.boot_ns = number();
        value.boot_id = text();
        return value;
    }

    [[nodiscard]] bool good() const noexcept { return good_; }

    [[nodiscard]] bool done() const noexcept { return good_ && left_.empty(); }

private:
    std::string_view left_;
    bool good_ = true;
};

} // namespace

StoredMoment StoredMoment::take() {
    StoredMoment moment;
    moment.wall_s = wall_now().time_since_epoch().count();
    moment.boot_ns = BootClock::now().time_since_epoch().count();
    moment.boot_id = bearerd::boot_id();
    return moment;
}

StoredMoment earlier(StoredMoment moment, Duration age) {
    moment.wall_s -= ceil_seconds(age);
    moment.boot_ns -= age.count();
    if (moment.boot_ns < 0)
        moment.boot_id.clear();
    return moment;
}

std::optional<Duration> elapsed(const StoredMoment& then, const StoredMoment& now) noexcept {
    if (!then.boot_id.empty() && then.boot_id == now.boot_id) {
        // Subtracting could overflow only for a forged record; those don't open, but a fuzzer has the key.
        if (then.boot_ns < 0 || now.boot_ns < then.boot_ns)
            return std::nullopt;
        return Duration{now.boot_ns - then.boot_ns};
    }
    if (then.wall_s < 0 || now.wall_s < then.wall_s)
        return std::nullopt;
    constexpr std::int64_t century = 3'155'760'000;
    return std::chrono::seconds{std::min(now.wall_s - then.wall_s, century)};
}

Secret encode(const TokenRecord& record) {
    std::size_t size = 128 + record.received.boot_id.size() + record.token.size();
    for (const auto& [name, value] : record.login.identity)
        size += 16 + name.size() + value.size();
    Writer out{size};
    out.moment(record.received);
    out.number(record.life.count());
    out.text(record.token.reveal());
    out.number(static_cast<std::int64_t>(record.login.identity.size()));
    for (const auto& [name, value] : record.login.identity) {
        out.text(name);
        out.text(value);
    }
    return out.take();
}

Secret encode(const LoginRecord& record) {
    Writer out{128};
    out.number(record.rejections);
    out.moment(record.failed);
    out.number(record.backoff.count());
    return out.take();
}

Secret encode(const RefreshRecord& record) {
    Writer out{16 + record.token.size()};
    out.text(record.token.reveal());
    return out.take();
}

std::optional<TokenRecord> decode_token_record(std::string_view bytes) {
    Reader in{bytes};
    TokenRecord record;
    record.received = in.moment();
    record.life = Duration{in.number()};
    record.token = Secret{in.text()};
    const auto claims = in.number();
    if (!in.good() || claims < 0 || claims > static_cast<std::int64_t>(max_claims))
        return std::nullopt;
    for (std::int64_t i = 0; i < claims && in.good(); ++i) {
        const auto name = in.text();
        record.login.identity.emplace_back(name, in.text());
    }
    if (!in.done() || record.life <= 0ns || !is_sendable_token(record.token.reveal()))
        return std::nullopt;
    return record;
}

std::optional<LoginRecord> decode_login_record(std::string_view bytes) {
    Reader in{bytes};
    LoginRecord record;
    const auto rejections = in.number();
    record.failed = in.moment();
    record.backoff = Duration{in.number()};
    if (!in.done() || rejections < 0 || rejections > UINT32_MAX || record.backoff < 0ns)
        return std::nullopt;
    record.rejections = static_cast<std::uint32_t>(rejections);
    return record;
}

std::optional<RefreshRecord> decode_refresh_record(std::string_view bytes) {
    Reader in{bytes};
    RefreshRecord record{Secret{in.text()}};
    return in.done() ? std::optional{std::move(record)} : std::nullopt;
}

} // namespace bearerd::auth
