#include <bearerd/admin/admin_handler.hpp>

#include <bearerd/base/hex.hpp>
#include <bearerd/server/own_reply.hpp>

#include "health.hpp"
#include "metrics.hpp"
#include "status.hpp"
#include "status_page.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace bearerd::admin {
namespace {

// Headers for browsers: the answer may load and run only the page's own two files, is not cached, and is not
// available to other sites.
constexpr std::string_view guards =
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n";

struct Content {
    std::uint16_t status = 200;
    std::string_view type;
    std::string body;
};

Content json(std::string body, std::uint16_t status = 200) {
    return {status, "application/json", std::move(body)};
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const int byte = hex_byte(text.substr(i + 1));
        if (byte < 0)
            return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

/// Returns the decoded value of `key` in a query string; nullopt if it is absent or broken.
std::optional<std::string> key_of(std::string_view query) {
    constexpr std::string_view name = "key=";
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        if (query.substr(0, end).starts_with(name))
            return percent_decoded(query.substr(name.size(), end - name.size()));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return std::nullopt;
}

std::optional<Content> transactions(std::string_view query, const Sources& sources) {
    const auto key = key_of(query);
    if (!key || key->empty())
        return json("{\"error\":\"write /transactions?key=KEY\"}\n", 400);
    if (!sources.transactions)
        return json(
            "{\"error\":\"no rule under transactions replays repeats; bearerd journal --key KEY lists what "
            "the journal holds\"}\n",
            404);
    return json(sources.transactions(*key));
}

std::optional<Content> content_of(const http::Target& target, const Sources& sources) {
    const std::string_view path = target.path;
    if (path == "/transactions")
        return transactions(target.query, sources);
    if (path == "/history.json")
        return json(history_json(*sources.history, BootClock::now()));
    if (path == "/livez")
        return json("{\"alive\":true}\n");
    if (path == "/")
        return Content{200, "text/html; charset=utf-8", std::string{status_page_html()}};
    if (path == "/status.css")
        return Content{200, "text/css; charset=utf-8", std::string{status_page_css()}};
    if (path == "/status.js")
        return Content{200, "text/javascript; charset=utf-8", std::string{status_page_js()}};
    if (path != "/readyz" && path != "/metrics" && path != "/status.json")
        return std::nullopt;
    const Snapshot snapshot = take_snapshot(sources, BootClock::now());
    if (path == "/metrics")
        return Content{200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(snapshot)};
    if (path == "/status.json")
        return json(status_json(snapshot));
    const Readiness ready = readiness(snapshot);
    return json(readiness_json(ready), ready.ready ? 200 : 503);
}

} // namespace

AdminHandler::AdminHandler(Sources sources) : sources_{std::move(sources)} {
    // Some put a key into the query; it is nobody's business here (contract 3.10).
    std::string& url = sources_.upstream_url;
    url.resize(std::min(url.size(), url.find('?')));
}

net::Task<server::Reply> AdminHandler::handle(server::Request request) {
    server::Report report;
    report.quiet = true;
    auto content = content_of(request.target, sources_);
    if (!content) {
        const server::ErrorReply error{outcome::ErrorCode::not_found, outcome::Executed::no, std::nullopt,
                                       guards};
        co_return server::render(error, request.context, request.head.fields.value(http::FieldId::accept),
                                 false, std::move(report));
    }
    co_return server::own_reply(request.context, content->status, content->type, guards,
                                std::move(content->body), std::move(report));
}

} // namespace bearerd::admin
