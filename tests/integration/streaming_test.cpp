#include "scenario.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <mutex>

namespace bearerd::test {
namespace {

/// Returns the most memory that the process ever used, in KiB.
long peak_memory_kib(pid_t pid) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:"))
            return std::strtol(line.c_str() + 6, nullptr, 10);
    return 0;
}

/// Returns bytes in which a lost or doubled piece would be noticed.
std::string large_body(std::size_t size) {
    std::string result;
    result.reserve(size + 16);
    for (std::size_t i = 0; result.size() < size; ++i)
        result += std::to_string(i) + ",";
    result.resize(size);
    return result;
}

std::string in_chunks(const std::string& body) {
    std::string text =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    constexpr std::size_t size = 100'000;
    for (std::size_t at = 0; at < body.size(); at += size) {
        const std::string piece = body.substr(at, size);
        std::array<char, 32> line{};
        std::snprintf(line.data(), line.size(), "%zx\r\n", piece.size());
        text += line.data() + piece + "\r\n";
    }
    return text + "0\r\n\r\n";
}

/// A sanitizer holds back freed memory; with this it holds back little.
Environment small_quarantine() {
    const char* options = std::getenv("ASAN_OPTIONS");
    return {
        {"ASAN_OPTIONS", (options != nullptr ? std::string{options} + ":" : "") + "quarantine_size_mb=1"}};
}

TEST(Streaming, OfALargeAnswerTakesConstantMemory) {
    const std::string body = large_body(32U << 20U);
    const CertificateAuthority authority;
    for (const bool chunked : {false, true}) {
        const std::string answer = chunked ? in_chunks(body) : http_answer(body);
        ScriptedUpstream upstream{authority.issue(),
                                  serve_with(std::string{first_token}, [&](const UpstreamRequest& request) {
                                      return request.body == some_query ? answer : http_answer(some_data);
                                  })};
        Daemon daemon{
            {.upstream_url = upstream.url(), .ca_pem = authority.pem(), .environment = small_quarantine()}};
        daemon.post(some_mutation);
        const long before = peak_memory_kib(daemon.process().pid());
        const HttpResponse response = daemon.post(some_query);
        EXPECT_TRUE(response.complete);
        EXPECT_TRUE(response.body == body) << response.body.size();
        EXPECT_LT(peak_memory_kib(daemon.process().pid()) - before, 12 << 10);
    }
}

TEST(Streaming, ToAnAppThatDoesNotReadTakesConstantMemory) {
    const std::string body = large_body(32U << 20U);
    const CertificateAuthority authority;
    ScriptedUpstream upstream{
        authority.issue(), serve_with(std::string{first_token}, [&](const UpstreamRequest& request) {
            return request.body == some_query ? http_answer(body) : http_answer(some_data);
        })};
    Daemon daemon{
        {.upstream_url = upstream.url(), .ca_pem = authority.pem(), .environment = small_quarantine()}};
    daemon.post(some_mutation);
    const long before = peak_memory_kib(daemon.process().pid());
    HttpClient slow = daemon.client();
    slow.send(slow.format("POST", "/graphql", some_query, {{"Content-Type", "application/json"}}));
    HttpResponse response = slow.read_head();
    for (int i = 0; i < 20; ++i) // others are served meanwhile
        EXPECT_EQ(daemon.post(some_mutation).body, some_data);
    EXPECT_LT(peak_memory_kib(daemon.process().pid()) - before, 12 << 10);
    while (auto piece = slow.read_piece())
        response.body += *piece;
    EXPECT_TRUE(response.body == body) << response.body.size();
}

TEST(Streaming, HandsEventsOnAsTheyCome) {
    std::mutex mutex;
    std::condition_variable changed;
    int seen = 0;
    Scene scene{[&](UpstreamConnection& connection) {
        for (;;) {
            if (connection.read().is_login()) {
                connection.write(login_answer(first_token));
                continue;
            }
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n");
            for (int event = 0; event < 3; ++event) {
                std::unique_lock lock{mutex};
                changed.wait_for(lock, patience, [&] { return seen >= event; });
                connection.write("9\r\ndata: " + std::to_string(event) + "\n\n\r\n");
            }
            connection.write("0\r\n\r\n");
        }
    }};
    HttpClient client = scene.daemon.client();
    client.send(client.format("POST", "/graphql", some_query, {{"Content-Type", "application/json"}}));
    EXPECT_EQ(client.read_head().header("Content-Type"), "text/event-stream");
    for (int event = 0; event < 3; ++event) {
        EXPECT_EQ(client.read_piece(), "data: " + std::to_string(event) + "\n\n");
        const std::lock_guard lock{mutex};
        seen = event + 1;
        changed.notify_all();
    }
    EXPECT_EQ(client.read_piece(), std::nullopt);
}

// Otherwise streams that nobody reads would hold one connection after the other until none is left.
TEST(Streaming, OfASubscriptionEndsWithItsApp) {
    std::promise<void> ended;
    Scene scene{[&](UpstreamConnection& connection) {
        while (connection.read().is_login())
            connection.write(login_answer(first_token));
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        try {
            for (;;)
                connection.write("3\r\n:\n\n\r\n");
        } catch (const UpstreamConnection::Ended&) {
            ended.set_value();
        }
    }};
    {
        HttpClient app = scene.daemon.client();
        app.send(app.format("POST", "/graphql", R"({"query":"subscription { sales { id } }"})",
                            {{"Content-Type", "application/json"}}));
        EXPECT_EQ(app.read_head().status, 200);
        EXPECT_TRUE(app.read_piece());
    }
    EXPECT_EQ(ended.get_future().wait_for(patience), std::future_status::ready);
}

/// Contract 4: nothing of it has gone to the app, which learns what it would of any other answer.
TEST(Streaming, ThatBreaksOffBeforeTheAppHasAByteIsAnError) {
    for (const char* const type :
         {"text/event-stream", "multipart/mixed; boundary=\"-\"", "application/jsonl"}) {
        const std::string broken = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string{type} +
                                   "\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\nno size\r\n";
        Scene scene{[&](const UpstreamRequest&) { return broken; }, never_fresh};
        const HttpResponse query = scene.daemon.post(some_query, {{"Accept", type}});
        EXPECT_EQ(query.status, 502) << type;
        EXPECT_NE(query.body.find("UPSTREAM_BROKEN"), std::string::npos) << query.body;
        const HttpResponse mutation = scene.daemon.post(some_mutation, {{"Accept", type}});
        EXPECT_EQ(mutation.status, 504) << type;
        EXPECT_NE(mutation.body.find("OUTCOME_UNKNOWN"), std::string::npos) << mutation.body;
    }
}

/// Contract 2 and 3.5: a stream is judged by its first event or part.
TEST(Streaming, ThatBeginsWithARefusalLeadsToALoginAndIsAskedForAgain) {
    const std::string refusal = R"({"errors":[{"message":"Unauthorized"}]})";
    const std::string data{some_data};

    struct Form {
        const char* type;
        std::string refused;
        std::string granted;
    };

    const Form forms[] = {
        {"text/event-stream", "event: next\ndata: " + refusal + "\n\nevent: complete\ndata:\n\n",
         "event: next\ndata: " + data + "\n\nevent: complete\ndata:\n\n"},
        {"multipart/mixed; boundary=\"-\"", "---\r\n\r\n" + refusal + "\r\n-----\r\n",
         "---\r\n\r\n" + data + "\r\n-----\r\n"},
        {"application/jsonl", refusal + "\n", data + "\n"},
    };
    for (const Form& form : forms) {
        SCOPED_TRACE(form.type);
        std::atomic<int> logins = 0;
        const auto answer = [&](const UpstreamRequest& request) {
            if (request.is_login())
                return login_answer(++logins == 1 ? first_token : second_token);
            const std::string& body = request.token() == second_token ? form.granted : form.refused;
            return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string{form.type} +
                   "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        };
        Scene scene{[&](UpstreamConnection& connection) {
                        for (;;)
                            connection.write(answer(connection.read()));
                    },
                    "auth: {fresh_for: 0s}"};
        const HttpResponse response = scene.daemon.post(some_query, {{"Accept", form.type}});
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, form.granted);
        EXPECT_EQ(logins, 2);
        EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
    }
}

} // namespace
} // namespace bearerd::test
