#include <bearerd/http/headers.hpp>
#include <bearerd/http/parser.hpp>

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace bearerd::http;

constexpr std::string_view request_head = "POST /graphql HTTP/1.1\r\n"
                                          "Host: localhost:8080\r\n"
                                          "Content-Type: application/json\r\n"
                                          "Accept: application/json\r\n"
                                          "User-Agent: till/4.2.0\r\n"
                                          "Content-Length: 450\r\n\r\n";

constexpr std::string_view response_head = "HTTP/1.1 200 OK\r\n"
                                           "Server: nginx\r\n"
                                           "Date: Wed, 25 Nov 2026 09:21:44 GMT\r\n"
                                           "Content-Type: application/json\r\n"
                                           "Content-Length: 600\r\n"
                                           "Connection: keep-alive\r\n"
                                           "Cache-Control: no-cache, private\r\n"
                                           "Vary: Accept, Origin\r\n"
                                           "X-Content-Type-Options: nosniff\r\n"
                                           "Strict-Transport-Security: max-age=31536000\r\n\r\n";

const UpstreamHeadPlan& plan() {
    static const UpstreamHeadPlan toggle{
        "/graphql", "api.example.com", {"X-Authorization", "Authorization"}, {}};
    return toggle;
}

void read_request(benchmark::State& state) {
    RequestParser parser;
    for (auto _ : state) {
        parser.reset(1024 * 1024);
        benchmark::DoNotOptimize(parser.parse_head(request_head));
    }
}

void read_response(benchmark::State& state) {
    ResponseParser parser;
    for (auto _ : state) {
        parser.reset();
        benchmark::DoNotOptimize(parser.parse_head(response_head));
    }
}

void rewrite_request(benchmark::State& state) {
    RequestParser parser;
    parser.reset(1024 * 1024);
    benchmark::DoNotOptimize(parser.parse_head(request_head));
    const std::string token(300, 't');
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_upstream_head(out, plan(), parser.head(), {}, token, "gzip", "0123456789abcdef", 450);
        benchmark::DoNotOptimize(out.data());
    }
}

void rewrite_response(benchmark::State& state) {
    ResponseParser parser;
    parser.reset();
    benchmark::DoNotOptimize(parser.parse_head(response_head));
    ReplyContext context;
    context.keep_alive = true;
    context.request_id = "0123456789abcdef";
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_app_head(out, parser.head(), plan(), context, BodyFraming::length, 600);
        benchmark::DoNotOptimize(out.data());
    }
}

BENCHMARK(read_request)->Name("head/read_request");
BENCHMARK(read_response)->Name("head/read_response");
BENCHMARK(rewrite_request)->Name("head/rewrite_request");
BENCHMARK(rewrite_response)->Name("head/rewrite_response");

} // namespace
