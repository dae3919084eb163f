#include "ingress.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace bearerd::test {
namespace {

void expect_overloaded(const HttpResponse& response) {
    expect_own_error(response, 503, "OVERLOADED", "no");
    EXPECT_GE(std::stoi(response.header("Retry-After").value_or("-1")), 1);
}

/// Raises the limit to as many descriptors as the system allows this test.
std::size_t raise_own_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void limit_descriptors(Daemon& daemon, rlim_t most) {
    rlimit limit{};
    ASSERT_EQ(::prlimit(daemon.process().pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = most; // the hard limit stays, so that it can be raised again
    ASSERT_EQ(::prlimit(daemon.process().pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
}

/// Returns a valid query of exactly this size.
std::string padded_query(std::size_t size) {
    std::string query = balance_query();
    return query.append(size - query.size(), ' ');
}

TEST(Limits, OnTheBodyAreExact) {
    const Shop shop{"limits: {request_body: 4KiB}"};
    EXPECT_EQ(shop.daemon.post(padded_query(4'096)).status, 200);
    expect_own_error(shop.daemon.post(padded_query(4'097)), 413, "PAYLOAD_TOO_LARGE", "no");
    const auto chunked = [&](std::size_t size) {
        std::string text = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        const std::string body = padded_query(size);
        for (std::size_t at = 0; at < size; at += 1'024) {
            const std::string piece = body.substr(at, 1'024);
            std::array<char, 16> line{};
            std::snprintf(line.data(), line.size(), "%zx\r\n", piece.size());
            text += line.data() + piece + "\r\n";
        }
        HttpClient client = shop.daemon.client();
        client.send(text + "0\r\n\r\n");
        return client.read_response();
    };
    EXPECT_EQ(chunked(4'096).status, 200);
    expect_own_error(chunked(4'097), 413, "PAYLOAD_TOO_LARGE", "no");
    EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("payload_too_large"), 2));
    EXPECT_EQ(shop.requests(), 2);
}

TEST(Limits, LetABodyThatIsRefusedComeToItsEnd) {
    const Shop shop{"limits: {request_body: 4KiB}"};
    for (int i = 0; i < 20; ++i) { // a reset would discard the answer before the client reads it
        HttpClient client = shop.daemon.client();
        const std::string head =
            client.format("POST", "/", "", {{"Content-Length", std::to_string(200'000)}});
        client.send(head + std::string(200'000, ' '));
        expect_own_error(client.read_response(), 413, "PAYLOAD_TOO_LARGE", "no");
        EXPECT_TRUE(client.ended());
    }
}

TEST(Limits, OnTheHeadHaveACodeOfTheirOwn) {
    const Shop shop{"limits: {request_header: 4KiB}"};
    EXPECT_EQ(shop.daemon.post(balance_query(), {{"X-Long", std::string(3'500, 'x')}}).status, 200);
    EXPECT_EQ(shop.daemon.post(padded_query(100'000), {{"X-Long", std::string(3'500, 'x')}}).status, 200);
    for (const std::size_t size : {4'096U, 8'000U, 200'000U})
        expect_own_error(shop.daemon.post(balance_query(), {{"X-Long", std::string(size, 'x')}}), 431,
                         "HEADERS_TOO_LARGE", "no");
    EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("headers_too_large"), 3));
    EXPECT_EQ(shop.requests(), 2);
}

TEST(Limits, OnConnectionsAreToldToThoseAbove) {
    const Shop shop{"{limits: {client_connections: 4}, threads: 2}"};
    std::vector<HttpClient> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(shop.daemon.client());
        EXPECT_EQ(clients.back().post(balance_query()).status, 200);
    }
    for (int i = 0; i < 3; ++i) {
        HttpClient above = shop.daemon.client();
        expect_overloaded(above.post(redemption("above")));
        EXPECT_TRUE(above.ended());
    }
    HttpClient silent = shop.daemon.client();
    expect_overloaded(silent.read_response());
    EXPECT_TRUE(silent.ended()) << "it holds no place";
    for (HttpClient& client : clients)
        EXPECT_EQ(client.post(balance_query()).status, 200);
    EXPECT_EQ(shop.simulator.executions("above"), 0U);
    EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("overloaded"), 4));
    clients.pop_back();
    const Deadline deadline;
    int status = 0;
    while (status != 200 && !deadline.passed()) // the place is free after the daemon has seen the end
        status = shop.daemon.post(balance_query()).status;
    EXPECT_EQ(status, 200);
}

TEST(Limits, OnPendingRequestsAreToldToThoseAbove) {
    Shop shop{"{limits: {pending_requests: 2}, threads: 2}"};
    shop.simulator.set_faults(R"({"kind":"delay","delay_ms":1500,"operations":"mutation"})");
    const auto statuses = in_parallel(3, [&](std::size_t i) {
        if (i < 2)
            return shop.daemon.post(redemption("slow-" + std::to_string(i))).status;
        EXPECT_TRUE(shop.daemon.wait_for_metric("bearerd_requests_in_flight", 2));
        const HttpResponse response = shop.daemon.post(redemption("above"));
        expect_overloaded(response);
        return response.status;
    });
    EXPECT_EQ(statuses, (std::vector{200, 200, 503}));
    EXPECT_EQ(shop.simulator.executions("above"), 0U);
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
    EXPECT_TRUE(shop.daemon.wait_for_metric(
        R"(bearerd_requests_total{operation="mutation",outcome="overloaded"})", 1));
}

TEST(Limits, StandTenThousandConnectionsAtOnce) {
    const std::size_t count = std::min<std::size_t>(10'000, raise_own_descriptor_limit() - 200);
    Shop shop{"{limits: {client_connections: 20000}, threads: 2}"};
    const pid_t pid = shop.daemon.process().pid();
    ASSERT_EQ(shop.daemon.post(balance_query()).status, 200);
    long after_first = 0;
    long again = 4 << 10; // what a wave may take beside that; a sanitizer's allocator keeps much more back
    for (int wave = 0; wave < 3; ++wave) {
        const long before = memory_kib(pid);
        std::vector<HttpClient> clients;
        clients.reserve(count);
        for (std::size_t i = 0; i < count; ++i)
            clients.push_back(shop.daemon.client());
        EXPECT_TRUE(rises_to(shop.daemon, "bearerd_client_connections", static_cast<double>(count)));
        for (std::size_t i = 0; i < count; i += count / 50)
            EXPECT_EQ(clients[i].post(balance_query()).status, 200);
        // Less than a buffer for each: clients that wait hold none.
        const long taken = memory_kib(pid) - before;
        EXPECT_LT(taken, memory_factor * static_cast<long>(count) * 8);
        if (wave == 0 && memory_factor > 1)
            again = taken / 2;
        clients.clear();
        EXPECT_TRUE(falls_to(shop.daemon, "bearerd_client_connections", 1));
        const long after = memory_kib(pid);
        if (wave == 0)
            after_first = after;
        EXPECT_LT(after - after_first, again) << "what one wave took, the next must use again";
    }
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
}

TEST(Limits, StandTenThousandConnectionsOverTheLimit) {
    const std::size_t count = std::min<std::size_t>(10'000, raise_own_descriptor_limit() - 200);
    Shop shop{"limits: {client_connections: 100}"};
    const pid_t pid = shop.daemon.process().pid();
    HttpClient early = shop.daemon.client();
    EXPECT_EQ(early.post(balance_query()).status, 200);
    const long before = memory_kib(pid);
    std::vector<HttpClient> clients;
    clients.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        clients.push_back(shop.daemon.client());
    EXPECT_EQ(early.post(redemption("early")).status, 200);
    EXPECT_LT(memory_kib(pid, "VmHWM:") - before, memory_factor * (8 << 10));
    for (std::size_t i = count; i > count - 100; --i)
        expect_overloaded(clients[i - 1].read_response());
    clients.clear();
    EXPECT_TRUE(falls_to(shop.daemon, "bearerd_client_connections", 2));
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
    EXPECT_EQ(early.post(balance_query()).status, 200);
}

/// Connects and sends all but the last byte of the largest body, as far as it is accepted.
HttpClient with_most_of_a_body(const Daemon& daemon) {
    constexpr std::size_t size = 1 << 20;
    HttpClient client = daemon.client();
    try {
        client.send(client.format("POST", "/", "", {{"Content-Length", std::to_string(size)}}) +
                    std::string(size - 1, ' '));
    } catch (const std::system_error&) { // refused
    }
    return client;
}

TEST(Limits, OnAllBodiesTogetherAreToldToThoseAbove) {
    constexpr int count = 160;
    constexpr int fit = 64;
    Shop shop{"{limits: {body_timeout: 10m}, threads: 2}"};
    const pid_t pid = shop.daemon.process().pid();
    EXPECT_EQ(shop.daemon.post(balance_query()).status, 200);
    const long before = memory_kib(pid);
    for (int wave = 0; wave < 3; ++wave) { // the first one may teach an allocator to keep such blocks
        const double told = shop.daemon.metric(refused_metric("overloaded"));
        std::vector<HttpClient> clients;
        for (int i = 0; i < count; ++i)
            clients.push_back(with_most_of_a_body(shop.daemon));
        EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("overloaded"), told + count - fit));
        EXPECT_LT(memory_kib(pid, "VmHWM:") - before, memory_factor * (100 << 10));
        EXPECT_EQ(shop.daemon.post(balance_query()).status, 200) << "small ones are served";
        EXPECT_EQ(shop.daemon.post(padded_query(50'000)).status, 200);
        HttpClient above = shop.daemon.client();
        above.send(above.format("POST", "/", "", {{"Content-Length", "1000000"}}) +
                   std::string(150'000, ' '));
        expect_overloaded(above.read_response());
        EXPECT_TRUE(above.ended());
        EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("overloaded"), told + count - fit + 1));
        clients.clear();
        EXPECT_TRUE(falls_to(shop.daemon, "bearerd_client_connections", 1));
        for (const Deadline deadline; memory_kib(pid) - before > memory_factor * (16 << 10);) {
            ASSERT_FALSE(deadline.passed()) << memory_kib(pid) - before << " KiB more than before";
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }
    EXPECT_EQ(shop.daemon.post(padded_query(1'000'000)).status, 200);
}

TEST(Limits, OfTheSystemOnDescriptorsAreSurvived) {
    Shop shop{"{upstream: {idle_timeout: 60s}, admin: {address: \"off\"}}"};
    HttpClient kept = shop.daemon.client();
    EXPECT_EQ(kept.post(balance_query()).status, 200);
    // One request that has to connect: the first time, UBSan's check of an object's type uses descriptors.
    shop.simulator.close_idle_connections();
    EXPECT_EQ(kept.post(balance_query()).status, 200);
    ASSERT_NO_FATAL_FAILURE(limit_descriptors(shop.daemon, 40));
    std::vector<HttpClient> clients;
    for (int i = 0; i < 200; ++i) // the kernel's queue holds those that can't be accepted
        clients.push_back(shop.daemon.client());
    ASSERT_TRUE(shop.daemon.process().wait_for_line("can't accept connections just now"));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(kept.post(balance_query()).status, 200) << "on descriptors that are there";
    ASSERT_NO_FATAL_FAILURE(limit_descriptors(shop.daemon, 4)); // not even one that is released
    shop.simulator.close_idle_connections();
    expect_own_error(kept.post(balance_query()), 502, "UPSTREAM_UNREACHABLE", "no");
    ASSERT_NO_FATAL_FAILURE(limit_descriptors(shop.daemon, 1'024));
    for (HttpClient& client : clients) {
        client.send(client.format("POST", "/", balance_query()));
        EXPECT_EQ(client.read_response().status, 200);
    }
    EXPECT_EQ(kept.post(redemption("after")).status, 200);
    EXPECT_TRUE(shop.daemon.process().wait_for_line("can't accept"));
    const std::string output = shop.daemon.output();
    const auto first = output.find("can't accept");
    EXPECT_EQ(output.find("can't accept", first + 1), std::string::npos) << "once a minute is enough";
}

} // namespace
} // namespace bearerd::test
