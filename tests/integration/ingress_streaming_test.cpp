#include "ingress.hpp"

#include <algorithm>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/socket.h>
#include <zlib.h>

namespace bearerd::test {
namespace {

constexpr int gzip_window = 15 + 16;
constexpr int zlib_window = 15;
constexpr int raw_window = -15;

std::string packed(std::string_view text, int window = gzip_window) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string copy{text};
    std::string result(deflateBound(&stream, copy.size()), '\0');
    void* in = copy.data();
    void* out = result.data();
    stream.next_in = static_cast<Bytef*>(in);
    stream.avail_in = static_cast<uInt>(copy.size());
    stream.next_out = static_cast<Bytef*>(out);
    stream.avail_out = static_cast<uInt>(result.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    result.resize(result.size() - stream.avail_out);
    deflateEnd(&stream);
    return result;
}

struct Coded {
    std::string coding;
    std::string body;
};

constexpr std::string_view unauthorized_body = R"({"errors":[{"message":"Unauthorized"}]})";

/// Refuses the first token and accepts the second one; codes every body except a login's.
class CodingUpstream {
public:
    CodingUpstream(std::string coding, std::function<std::string(std::string_view)> pack)
        : coding_{std::move(coding)}, pack_{std::move(pack)} {}

    void operator()(UpstreamConnection& connection) {
        for (;;) {
            const UpstreamRequest request = connection.read();
            if (request.is_login()) {
                connection.write(login_answer(logins_++ == 0 ? first_token : second_token));
                continue;
            }
            const auto body = request.token() == first_token ? unauthorized_body : some_data;
            connection.write(http_answer(pack_(body), {{"Content-Encoding", coding_}}));
        }
    }

private:
    std::string coding_;
    std::function<std::string(std::string_view)> pack_;
    std::atomic<int> logins_{0};
};

TEST(Codings, AreLookedIntoForARejection) {
    struct Case {
        std::string coding;
        std::function<std::string(std::string_view)> pack;
    };

    const std::vector<Case> cases{
        {"gzip", [](auto text) { return packed(text); }},
        {"x-gzip", [](auto text) { return packed(text); }},
        {"GZIP", [](auto text) { return packed(text); }},
        {"deflate", [](auto text) { return packed(text, zlib_window); }},
        {"deflate", [](auto text) { return packed(text, raw_window); }}, // as some servers send it
        {"gzip, deflate", [](auto text) { return packed(packed(text), zlib_window); }},
        {"identity", [](auto text) { return std::string{text}; }},
        {"gzip", [](auto text) { return packed(text.substr(0, 9)) + packed(text.substr(9)); }}, // two members
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.coding);
        const auto upstream = std::make_shared<CodingUpstream>(each.coding, each.pack);
        Scene scene{[upstream](UpstreamConnection& connection) { (*upstream)(connection); },
                    "auth: {fresh_for: 0s}"};
        const HttpResponse response = scene.daemon.post(some_mutation);
        EXPECT_EQ(response.body, each.pack(some_data));
        EXPECT_EQ(response.header("Content-Encoding"), each.coding);
        EXPECT_EQ(scene.upstream.logins(), 2);
        EXPECT_EQ(scene.upstream.app_requests().size(), 2U);
    }
}

TEST(Codings, ThatCanNotBeReadPassAsTheyAre) {
    for (const Coded& each :
         std::vector<Coded>{{"br", "\x8b\x13\x80 no gzip"},
                            {"gzip", "no gzip"},
                            {"gzip", packed(unauthorized_body).substr(0, 30)},
                            {"gzip, gzip, gzip", packed(packed(packed(unauthorized_body)))}}) {
        SCOPED_TRACE(each.coding);
        Scene scene{[&](const UpstreamRequest&) {
                        return http_answer(each.body, {{"Content-Encoding", each.coding}});
                    },
                    "auth: {fresh_for: 0s}"};
        EXPECT_EQ(scene.daemon.post(some_mutation).body, each.body);
        EXPECT_EQ(scene.upstream.app_requests().size(), 1U);
        EXPECT_EQ(scene.upstream.logins(), 1);
    }
}

TEST(Codings, AreAskedForOnlyWhereWeCanLookIntoThem) {
    Scene scene{[](const UpstreamRequest&) { return http_answer(some_data); }};
    const auto asked_for = [&](const std::string& accepted) {
        EXPECT_EQ(scene.daemon.post(some_query, {{"Accept-Encoding", accepted}}).body, some_data);
        return scene.upstream.app_requests().back().header("Accept-Encoding").value_or("nothing");
    };
    EXPECT_EQ(asked_for("gzip, deflate, br, zstd").find("br"), std::string::npos);
    EXPECT_NE(asked_for("gzip, deflate, br, zstd").find("gzip"), std::string::npos);
    EXPECT_EQ(asked_for("br").find("br"), std::string::npos);
    EXPECT_EQ(asked_for("*").find('*'), std::string::npos);
}

TEST(Codings, OfABombCostNothing) {
    const std::string bomb =
        packed(R"({"errors":[{"message":"Unauthorized")" + std::string(60U << 20U, ' ') + "}]}");
    const std::string double_bomb = packed(packed(std::string(200U << 20U, ' ')));
    ASSERT_LT(bomb.size(), 64U << 10U) << "else nobody looks into it";
    for (const Coded& each :
         std::vector<Coded>{{"gzip", bomb}, {"gzip, gzip", double_bomb}, {"gzip, gzip", packed(bomb)}}) {
        SCOPED_TRACE(each.coding);
        const CertificateAuthority authority;
        ScriptedUpstream upstream{authority.issue(),
                                  serve_with(std::string{first_token}, [&](const UpstreamRequest& request) {
                                      return request.body == some_query
                                                 ? http_answer(each.body, {{"Content-Encoding", each.coding}})
                                                 : http_answer(some_data);
                                  })};
        Daemon daemon{{.upstream_url = upstream.url(),
                       .ca_pem = authority.pem(),
                       .config = "{threads: 1, auth: {fresh_for: 0s}}",
                       .environment = little_kept_memory()}};
        EXPECT_EQ(daemon.post(some_mutation).body, some_data);
        const long before = memory_kib(daemon.process().pid(), "VmHWM:");
        for (int i = 0; i < 10; ++i)
            EXPECT_TRUE(daemon.post(some_query).body == each.body);
        EXPECT_LT(memory_kib(daemon.process().pid(), "VmHWM:") - before, memory_factor * (8 << 10));
        EXPECT_EQ(upstream.logins(), 1) << "what is not seen whole is no rejection";
    }
}

TEST(LargeAnswers, ToASlowReaderTakeConstantMemory) {
    constexpr std::uint64_t size = 500U << 20U;
    const Simulator simulator;
    std::string url = simulator.url();
    url.replace(url.find("/graphql"), 8, "/large?bytes=" + std::to_string(size));
    Daemon daemon{{.upstream_url = url, .ca_pem = simulator.ca_pem(), .environment = little_kept_memory()}};
    HttpClient others = daemon.client();
    const auto ask_other = [&] { return others.get("/nowhere").status; };
    EXPECT_EQ(ask_other(), 404);
    const long before = memory_kib(daemon.process().pid());
    HttpClient slow = daemon.client();
    const int small = 64 << 10;
    ::setsockopt(slow.socket().descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    slow.send(slow.format("POST", "/graphql", R"({"query":"{Cards{total}}"})"));
    EXPECT_EQ(slow.read_head().status, 200);
    std::uint64_t received = 0;
    std::uint64_t looked_at = 0;
    long most = 0;
    while (const auto piece = slow.read_piece()) {
        received += piece->size();
        if (received - looked_at < (10U << 20U))
            continue;
        looked_at = received;
        EXPECT_EQ(ask_other(), 404) << "others are served meanwhile";
        most = std::max(most, memory_kib(daemon.process().pid()));
    }
    EXPECT_GT(received, size);
    EXPECT_LT(most - before, memory_factor * (16 << 10));
}

/// Sends parts one by one, each after the test has seen the one before it.
class PartsUpstream {
public:
    explicit PartsUpstream(std::vector<std::string> parts, std::string type, bool chunked)
        : parts_{std::move(parts)}, type_{std::move(type)}, chunked_{chunked} {}

    void operator()(UpstreamConnection& connection) {
        for (;;) {
            if (connection.read().is_login()) {
                connection.write(login_answer(first_token));
                continue;
            }
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: " + type_ + "\r\n" +
                             (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n"));
            for (std::size_t i = 0; i < parts_.size(); ++i) {
                std::unique_lock lock{mutex_};
                changed_.wait_for(lock, patience, [&] { return seen_ >= i; });
                connection.write(chunked_ ? chunk(parts_[i]) : parts_[i]);
            }
            if (!chunked_)
                return;
            connection.write("0\r\n\r\n");
        }
    }

    void saw(std::size_t parts) {
        const std::lock_guard lock{mutex_};
        seen_ = parts;
        changed_.notify_all();
    }

private:
    static std::string chunk(const std::string& part) {
        std::array<char, 16> line{};
        std::snprintf(line.data(), line.size(), "%zx\r\n", part.size());
        return line.data() + part + "\r\n";
    }

    std::vector<std::string> parts_;
    std::string type_;
    bool chunked_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t seen_ = 0;
};

void expect_as_it_comes(const std::string& type, const std::vector<std::string>& parts, bool chunked,
                        bool http_1_0) {
    SCOPED_TRACE(type + (chunked ? ", chunked" : ", to the end") + (http_1_0 ? ", HTTP/1.0" : ""));
    PartsUpstream upstream{parts, type, chunked};
    Scene scene{[&](UpstreamConnection& connection) { upstream(connection); }};
    HttpClient client = scene.daemon.client();
    client.send(std::string{"POST / HTTP/1."} + (http_1_0 ? "0" : "1") +
                "\r\nHost: localhost\r\nContent-Length: " + std::to_string(some_query.size()) + "\r\n\r\n" +
                std::string{some_query});
    const HttpResponse head = client.read_head();
    EXPECT_EQ(head.header("Content-Type"), type);
    EXPECT_EQ(head.header("Transfer-Encoding").has_value(), !http_1_0);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        EXPECT_EQ(client.read_piece(), parts[i]);
        upstream.saw(i + 1);
    }
    EXPECT_EQ(client.read_piece(), std::nullopt);
}

TEST(Streams, ComePartByPart) {
    const std::vector<std::string> events{"event: next\ndata: {\"data\":{\"a\":1}}\n\n", ": still there\n\n",
                                          "event: complete\ndata:\n\n"};
    const std::vector<std::string> parts{
        "\r\n---\r\nContent-Type: application/json\r\n\r\n{\"data\":{},\"hasNext\":true}",
        "\r\n---\r\nContent-Type: application/json\r\n\r\n{\"incremental\":[],\"hasNext\":false}",
        "\r\n-----\r\n"};
    for (const bool chunked : {true, false})
        for (const bool http_1_0 : {false, true}) {
            expect_as_it_comes("text/event-stream", events, chunked, http_1_0);
            expect_as_it_comes("multipart/mixed; boundary=\"-\"; deferSpec=20220824", parts, chunked,
                               http_1_0);
        }
}

/// Answers a query with a stream that does not end.
void stream_for_ever(UpstreamConnection& connection) {
    for (;;) {
        const UpstreamRequest request = connection.read();
        if (request.is_login()) {
            connection.write(login_answer(first_token));
        } else if (request.body == some_mutation) {
            connection.write(http_answer(some_data));
        } else {
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
            connection.wait_for_end();
            return;
        }
    }
}

TEST(Streams, LeaveConnectionsForPayments) {
    Scene scene{Script{stream_for_ever}, "upstream: {max_connections: 4}"};
    const std::string request =
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(some_query.size()) +
        "\r\n\r\n" + std::string{some_query};
    HttpClient first = scene.daemon.client();
    HttpClient second = scene.daemon.client();
    for (HttpClient* const client : {&first, &second}) {
        client->send(request);
        EXPECT_EQ(client->read_head().status, 200);
        EXPECT_EQ(client->read_piece(), "data: 1\n\n");
    }
    HttpClient third = scene.daemon.client();
    for (int i = 0; i < 3; ++i) {
        expect_own_error(third.post(some_query), 503, "OVERLOADED", "no");
        EXPECT_EQ(third.post(some_mutation).body, some_data);
    }
}

TEST(Streams, OfTheSimulatorComeWhole) {
    const Shop shop;
    HttpClient client = shop.daemon.client();
    const HttpResponse response = client.post(balance_query(), {{"Accept", "text/event-stream"}});
    EXPECT_TRUE(response.complete);
    EXPECT_EQ(response.header("Content-Type").value_or("").substr(0, 17), "text/event-stream");
    EXPECT_NE(response.body.find("\"balance\":10000"), std::string::npos) << response.body;
    EXPECT_EQ(client.post(redemption("behind-a-stream")).status, 200);
}

} // namespace
} // namespace bearerd::test
