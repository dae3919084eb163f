#include "report.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cstdio>

namespace bearerd::sim {
namespace {

namespace http = boost::beast::http;

constexpr std::chrono::seconds longest_request{5};
constexpr std::size_t most_answer = 256 * 1024;

/// GET /__cases; each step is bounded by the rest of `longest_request`. The answer is null if no simulator
/// answers.
class Question {
public:
    explicit Question(const asio::ip::tcp::endpoint& control) : stream_(io_) {
        request_.set(http::field::host, "localhost");
        response_.body_limit(most_answer);
        stream_.expires_after(longest_request);
        stream_.async_connect(control, [this](boost::system::error_code error) { write(error); });
    }

    Json answer() {
        io_.run();
        return done_ && response_.get().result() == http::status::ok
                   ? Json::parse(response_.get().body(), nullptr, false)
                   : Json();
    }

private:
    void write(boost::system::error_code error) {
        if (!error)
            http::async_write(stream_, request_,
                              [this](boost::system::error_code failed, std::size_t) { read(failed); });
    }

    void read(boost::system::error_code error) {
        if (!error)
            http::async_read(stream_, buffer_, response_,
                             [this](boost::system::error_code failed, std::size_t) { done_ = !failed; });
    }

    asio::io_context io_{1};
    boost::beast::tcp_stream stream_;
    http::request<http::empty_body> request_{http::verb::get, "/__cases", 11};
    boost::beast::flat_buffer buffer_{most_answer};
    http::response_parser<http::string_body> response_;
    bool done_ = false;
};

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
}

bool is_case_list(const Json& json) {
    return json.is_array() && !json.empty() && std::all_of(json.begin(), json.end(), [](const Json& item) {
               return string_of(member(item, "id")) && integer_of(member(item, "as_expected"));
           });
}

} // namespace

std::size_t missing(const Json& cases) {
    return static_cast<std::size_t>(std::count_if(cases.begin(), cases.end(), [](const Json& item) {
        return integer_of(member(item, "as_expected")).value_or(0) == 0;
    }));
}

std::string report_table(const Json& cases) {
    const auto text = [](const Json& item, std::string_view key) {
        return string_of(member(item, key)).value_or("");
    };
    std::size_t width = 0;
    for (const auto& item : cases)
        width = std::max(width, text(item, "id").size());
    std::string table = padded("case", width + 2) + "times  last outcome\n";
    for (const auto& item : cases) {
        const auto times = std::to_string(integer_of(member(item, "times")).value_or(0));
        const auto last = text(item, "last");
        table += padded(text(item, "id"), width + 2) +
                 std::string(times.size() < 5 ? 5 - times.size() : 0, ' ') + times + "  " +
                 (last.empty() ? "missing: " + text(item, "title") : last) + "\n";
    }
    const auto total = cases.size();
    return table + std::to_string(total - missing(cases)) + " of " + std::to_string(total) +
           " cases were exercised and answered as documented\n";
}

int report(const asio::ip::tcp::endpoint& control, bool json) {
    const Json cases = Question(control).answer();
    if (!is_case_list(cases)) {
        std::fprintf(stderr, "bearerd-sim: no simulator answers at %s:%u; --control names its address\n",
                     control.address().to_string().c_str(), unsigned{control.port()});
        return 69;
    }
    std::fputs((json ? cases.dump(1) + "\n" : report_table(cases)).c_str(), stdout);
    return missing(cases) == 0 ? 0 : 1;
}

} // namespace bearerd::sim
