#include "http_client.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace bearerd::test {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::uint64_t number(std::string_view text, int base) {
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result, base);
    if (error != std::errc{} || end != text.data() + text.size())
        throw BadHttp{"not a number: " + std::string{text}};
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

} // namespace

std::optional<std::string> find_header(const Headers& headers, std::string_view name) {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [name](const auto& header) { return same_name(header.first, name); });
    return found == headers.end() ? std::nullopt : std::optional{found->second};
}

std::string HttpClient::format(std::string_view method, std::string_view target, std::string_view body,
                               const Headers& headers) const {
    std::string text = std::string{method} + " " + std::string{target} + " HTTP/1.1\r\n";
    if (!find_header(headers, "Host"))
        text += "Host: " + host_ + "\r\n";
    for (const auto& [name, value] : headers)
        text += name + ": " + value + "\r\n";
    const bool framed = find_header(headers, "Content-Length") || find_header(headers, "Transfer-Encoding");
    if (!framed && (!body.empty() || method == "POST"))
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    return text.append(body);
}

HttpResponse HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                                 const Headers& headers) {
    head_request_ = method == "HEAD";
    send(format(method, target, body, headers));
    return read_response();
}

HttpResponse HttpClient::post(std::string_view body, const Headers& headers) {
    Headers all = headers;
    if (!find_header(headers, "Content-Type"))
        all.emplace_back("Content-Type", "application/json");
    return request("POST", "/graphql", body, all);
}

HttpResponse HttpClient::get(std::string_view target, const Headers& headers) {
    return request("GET", target, {}, headers);
}

bool HttpClient::fill(const Deadline& deadline) {
    const std::string piece = socket_.receive_some(65'536, deadline);
    buffer_ += piece;
    return !piece.empty();
}

std::string HttpClient::read_line(const Deadline& deadline) {
    std::size_t end = buffer_.find("\r\n");
    while (end == std::string::npos) {
        if (!fill(deadline))
            throw BadHttp{buffer_.empty() ? "the connection ended without an answer"
                                          : "the connection ended in the middle of the head"};
        end = buffer_.find("\r\n");
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
}

HttpResponse HttpClient::read_one_head(const Deadline& deadline) {
    const std::string status = read_line(deadline);
    if (status.size() < 12 || !status.starts_with("HTTP/1.") || status[8] != ' ')
        throw BadHttp{"not a status line: " + status};
    HttpResponse response;
    response.minor = static_cast<int>(number(status.substr(7, 1), 10));
    response.status = static_cast<int>(number(status.substr(9, 3), 10));
    response.reason = status.size() > 13 ? status.substr(13) : "";
    for (std::string line = read_line(deadline); !line.empty(); line = read_line(deadline)) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || colon == 0)
            throw BadHttp{"not a header: " + line};
        response.headers.emplace_back(line.substr(0, colon),
                                      trimmed(std::string_view{line}.substr(colon + 1)));
    }
    return response;
}

HttpResponse HttpClient::read_head(Deadline deadline) {
    std::vector<int> interim;
    HttpResponse response = read_one_head(deadline);
    while (response.status < 200) {
        interim.push_back(response.status);
        response = read_one_head(deadline);
    }
    response.interim = std::move(interim);
    choose_framing(response);
    return response;
}

void HttpClient::choose_framing(const HttpResponse& response) {
    const auto length = response.header("Content-Length");
    const auto coding = response.header("Transfer-Encoding");
    if (length && coding)
        throw BadHttp{"Content-Length with Transfer-Encoding"};
    complete_ = false;
    remaining_ = 0;
    if (head_request_ || response.status == 204 || response.status == 304) {
        framing_ = Framing::none;
        complete_ = true;
    } else if (coding) {
        if (*coding != "chunked")
            throw BadHttp{"Transfer-Encoding: " + *coding};
        framing_ = Framing::chunked;
    } else if (length) {
        framing_ = Framing::length;
        remaining_ = number(*length, 10);
        complete_ = remaining_ == 0;
    } else {
        framing_ = Framing::until_end;
    }
}

/// Returns up to `remaining_` bytes of the body; nullopt if the connection has ended.
std::optional<std::string> HttpClient::take(const Deadline& deadline) {
    if (buffer_.empty() && !fill(deadline))
        return std::nullopt;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, buffer_.size()));
    std::string piece = buffer_.substr(0, size);
    buffer_.erase(0, size);
    remaining_ -= size;
    return piece;
}

std::optional<std::string> HttpClient::read_piece(Deadline deadline) {
    if (complete_)
        return std::nullopt;
    try {
        if (framing_ == Framing::until_end) {
            remaining_ = UINT64_MAX;
            auto piece = take(deadline);
            complete_ = !piece;
            return piece;
        }
        if (framing_ == Framing::chunked && remaining_ == 0) {
            const std::string size = read_line(deadline);
            remaining_ = number(std::string_view{size}.substr(0, size.find(';')), 16);
            if (remaining_ == 0) {
                while (!read_line(deadline).empty()) { // trailers
                }
                complete_ = true;
                return std::nullopt;
            }
        }
        auto piece = take(deadline);
        if (piece && remaining_ == 0) {
            if (framing_ == Framing::length)
                complete_ = true;
            else if (!read_line(deadline).empty())
                throw BadHttp{"a chunk is longer than its size"};
        }
        return piece;
    } catch (const std::system_error&) { // a reset ends the body too
        return std::nullopt;
    }
}

HttpResponse HttpClient::read_response(Deadline deadline) {
    HttpResponse response = read_head(deadline);
    try {
        while (auto piece = read_piece(deadline))
            response.body += *piece;
    } catch (const BadHttp&) { // ended in the middle of a chunk's size: see `complete`
        complete_ = false;
    }
    response.complete = complete_;
    return response;
}

bool HttpClient::ended(Deadline deadline) {
    try {
        return buffer_.empty() && socket_.receive_some(1, deadline).empty();
    } catch (const std::system_error&) {
        return true;
    }
}

} // namespace bearerd::test
