#include "http_types.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace bearerd::sim {
namespace {

std::string hex(std::size_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return {digits.data(), end};
}

} // namespace

bool same_text(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [lower](char x, char y) { return lower(x) == lower(y); });
}

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (same_text(key, name))
            return value;
    return {};
}

std::string_view HttpRequest::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

std::string chunk(std::string_view data) {
    return data.empty() ? std::string() : hex(data.size()) + "\r\n" + std::string(data) + "\r\n";
}

std::string serialize_head(const HttpReply& reply, bool keep_alive) {
    namespace http = boost::beast::http;
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " +
                      std::string(http::obsolete_reason(http::int_to_status(reply.status))) + "\r\n";
    for (const auto& [name, value] : reply.headers)
        out += name + ": " + value + "\r\n";
    if (reply.framing == HttpReply::Framing::length)
        out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    else if (reply.framing != HttpReply::Framing::until_close)
        out += "Transfer-Encoding: chunked\r\n";
    if (reply.framing == HttpReply::Framing::chunked_trailer)
        out += "Trailer: X-Trailer, Authorization\r\n";
    if (!keep_alive)
        out += "Connection: close\r\n";
    return out + "\r\n";
}

std::string serialize(const HttpReply& reply, bool keep_alive, bool with_body) {
    std::string out = serialize_head(reply, keep_alive);
    if (!with_body)
        return out;
    switch (reply.framing) {
    case HttpReply::Framing::length:
    case HttpReply::Framing::until_close:
        return out + reply.body;
    case HttpReply::Framing::chunked:
    case HttpReply::Framing::chunked_trailer:
        break;
    }
    const std::string_view body = reply.body;
    const auto half = body.size() / 2;
    out += chunk(body.substr(0, half)) + chunk(body.substr(half)) + "0\r\n";
    if (reply.framing == HttpReply::Framing::chunked_trailer)
        out += "X-Trailer: late\r\nAuthorization: Bearer from-a-trailer\r\n";
    return out + "\r\n";
}

HttpReply json_reply(std::string body, unsigned status) {
    HttpReply reply;
    reply.status = status;
    reply.headers.emplace_back("Content-Type", "application/json");
    reply.body = std::move(body);
    return reply;
}

} // namespace bearerd::sim
