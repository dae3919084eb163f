#include "certificate.hpp"
#include "server.hpp"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace bearerd::sim {
namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;

/// The simulator on a thread of its own, TLS and all, from start to end of a test.
class Running {
public:
    explicit Running(ServerOptions options = {}, CertificateOptions certificate = {})
        : identity_(make_identity(certificate, make_authority())),
          tls_(make_tls(identity_.certificate, identity_.key, "", "")),
          api_(
              {}, [] { return clocks(); }, [](const std::string&) {}),
          io_(1) {
        options.control = tcp::endpoint(asio::ip::address_v4::loopback(), 0);
        server_.emplace(io_, options, api_, &tls_);
        server_->start();
        thread_ = std::thread([this] { io_.run(); });
    }

    ~Running() {
        asio::post(io_, [this] { server_->stop(); });
        thread_.join();
    }

    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    std::uint16_t port() const { return server_->port(); }

    std::uint16_t control() const { return server_->control_port(); }

    const std::string& ca() const { return identity_.ca; }

private:
    static Now clocks() {
        Now now;
        now.steady = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
        now.wall = std::chrono::seconds(1'700'000'000);
        return now;
    }

    Identity identity_;
    asio::ssl::context tls_;
    Api api_;
    asio::io_context io_;
    std::optional<Server> server_;
    std::thread thread_;
};

struct Answer {
    boost::system::error_code error;
    unsigned status = 0;
    std::string token;
    std::string body;
};

Answer answer_of(const http::response<http::string_body>& message, boost::system::error_code error) {
    return {error, message.result_int(), std::string(message["X-Authorization"]), message.body()};
}

std::string post_text(const std::string& path, const std::string& body, const std::string& token = {}) {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
           (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A blocking client over verified TLS.
class Client {
public:
    explicit Client(const Running& running)
        : context_(asio::ssl::context::tls_client), stream_(io_, trust(running)) {
        stream_.set_verify_mode(asio::ssl::verify_peer);
        stream_.set_verify_callback(asio::ssl::host_name_verification("localhost"));
        stream_.next_layer().connect({asio::ip::address_v4::loopback(), running.port()});
        stream_.handshake(asio::ssl::stream_base::client, handshake_error);
    }

    Answer read() {
        http::response<http::string_body> message;
        boost::system::error_code error;
        http::read(stream_, buffer_, message, error);
        return answer_of(message, error);
    }

    Answer send(const std::string& text) {
        asio::write(stream_, asio::buffer(text));
        return read();
    }

    std::string log_in() {
        return send(post_text("/graphql", R"({"query":"query{loginUser(username:\"till-042\",password:)"
                                          R"(\"demo-password\"){id}}"})"))
            .token;
    }

    boost::system::error_code handshake_error;

private:
    asio::ssl::context& trust(const Running& running) {
        context_.add_certificate_authority(asio::buffer(running.ca()));
        return context_;
    }

    asio::io_context io_;
    asio::ssl::context context_;
    asio::ssl::stream<tcp::socket> stream_;
    boost::beast::flat_buffer buffer_;
};

Answer control(const Running& running, const std::string& text) {
    asio::io_context io;
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), running.control()});
    asio::write(socket, asio::buffer(text));
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> message;
    boost::system::error_code error;
    http::read(socket, buffer, message, error);
    return answer_of(message, error);
}

Json ledger(const Running& running) {
    return Json::parse(control(running, "GET /__ledger HTTP/1.1\r\nHost: localhost\r\n\r\n").body);
}

const std::string debit =
    R"({"query":"mutation{createBalanceAdjustment(currency:\"GBP\",value:-1000,merchant_id:26,)"
    R"(unit_epos_reference:\"Epos01\",card_reference:\"6301190019990640662\",)"
    R"(merchant_transaction_reference:\"a\"){LineItem{Card{balance}}}}"})";

TEST(Server, NamesTheAddressThatAnotherOneListensOn) {
    const Running first;
    asio::io_context io;
    Api api({}, [] { return Now{}; }, [](const std::string&) {});
    ServerOptions options;
    options.listen.port(first.port());
    const std::string address = "127.0.0.1:" + std::to_string(first.port());
    EXPECT_THAT([&] { const Server second(io, options, api, nullptr); },
                testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr(address)));
}

TEST(Server, ServesLoginAndDebitOnOneVerifiedConnection) {
    const Running running;
    Client client(running);
    ASSERT_FALSE(client.handshake_error) << client.handshake_error.message();
    const auto token = client.log_in();
    ASSERT_FALSE(token.empty());
    const auto answer = client.send(post_text("/graphql", debit, token));
    EXPECT_TRUE(answer.body.starts_with(
        R"({"data":{"createBalanceAdjustment":{"LineItem":{"Card":{"balance":9000}}}})"))
        << answer.body;
    const auto entries = ledger(running);
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(member(entries.front(), "value"), -1000);
    EXPECT_EQ(member(entries.front(), "token_generation"), 1);
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
    const Running running;
    Client client(running);
    const auto token = client.log_in();
    const auto first = client.send(post_text("/graphql", R"({"query":"{Cards{total}}"})", token) +
                                   post_text("/graphql", R"({"query":"{LineItems{total}}"})", token));
    EXPECT_TRUE(first.body.starts_with(R"({"data":{"Cards")")) << first.body;
    EXPECT_TRUE(client.read().body.starts_with(R"({"data":{"LineItems")"));
}

struct Breaking {
    const char* kind;
    bool executed;
};

class Breaks : public testing::TestWithParam<Breaking> {};

TEST_P(Breaks, TheAnswerAndTheLedgerTellsTheTruth) {
    const Running running;
    Client client(running);
    const auto token = client.log_in();
    const auto set =
        control(running, post_text("/__faults", std::string(R"({"kind":")") + GetParam().kind + "\"}"));
    ASSERT_EQ(set.status, 200U) << set.body;
    EXPECT_TRUE(client.send(post_text("/graphql", debit, token)).error);
    EXPECT_EQ(ledger(running).size(), GetParam().executed ? 1U : 0U);
}

INSTANTIATE_TEST_SUITE_P(All, Breaks,
                         testing::Values(Breaking{"close_before", false}, Breaking{"close_after", true},
                                         Breaking{"half_answer", true}, Breaking{"half_answer_rst", true},
                                         Breaking{"half_header", true}, Breaking{"garbage", true},
                                         Breaking{"close_delimited_truncated", true}),
                         [](const auto& test) { return std::string(test.param.kind); });

class Intact : public testing::TestWithParam<const char*> {};

TEST_P(Intact, TheAnswerIsWholeAllTheSame) {
    const Running running;
    Client client(running);
    const auto token = client.log_in();
    control(running, post_text("/__faults", std::string(R"({"kind":")") + GetParam() + "\"}"));
    auto answer = client.send(post_text("/graphql", debit, token));
    if (answer.status == 103)
        answer = client.read();
    EXPECT_FALSE(answer.error) << answer.error.message();
    EXPECT_EQ(answer.status, 200U);
    EXPECT_TRUE(answer.body.starts_with(R"({"data":{"createBalanceAdjustment":)")) << answer.body;
}

INSTANTIATE_TEST_SUITE_P(All, Intact,
                         testing::Values("trickle", "chunked", "chunked_trailer", "close_delimited",
                                         "early_hints", "stale_fin", "stale_rst", "new_token"),
                         [](const auto& test) { return std::string(test.param); });

/// The counts, once every connection has ended.
Json final_stats(const Running& running) {
    for (;;) {
        auto stats = Json::parse(control(running, "GET /__stats HTTP/1.1\r\nHost: localhost\r\n\r\n").body);
        if (stats["open_connections"] == 0)
            return stats;
    }
}

TEST(Server, CountsARequestThatMetAClosingConnection) {
    for (const std::string kind : {"stale_fin", "stale_rst"}) {
        const Running running;
        {
            Client client(running);
            const auto token = client.log_in();
            control(running, post_text("/__faults", R"({"kind":")" + kind + R"(","next":1,"delay_ms":200})"));
            EXPECT_EQ(client.send(post_text("/graphql", debit, token)).status, 200U);
            EXPECT_TRUE(client.send(post_text("/graphql", debit, token)).error);
        }
        const auto stats = final_stats(running);
        EXPECT_EQ(stats["unread_requests"], 1) << kind;
        EXPECT_EQ(stats["unread_first_requests"], 0) << kind;
        EXPECT_EQ(stats["faults_by_kind"][kind], 1);
    }
}

TEST(Server, CountsNoUnreadRequestWhereThereWasNone) {
    const Running running;
    {
        Client client(running);
        client.log_in();
        control(running, post_text("/__close_idle", ""));
        EXPECT_EQ(client.read().error, http::error::end_of_stream);
    }
    EXPECT_EQ(final_stats(running)["unread_requests"], 0);
}

TEST(Server, ClosesIdleConnectionsWhenAsked) {
    const Running running;
    Client client(running);
    client.log_in();
    control(running, post_text("/__close_idle", ""));
    EXPECT_EQ(client.read().error, http::error::end_of_stream);
}

TEST(Server, IsDownForAWhileAndComesBackOnTheSamePort) {
    const Running running;
    control(running, post_text("/__down", R"({"ms":600000})"));
    asio::io_context io;
    tcp::socket socket(io);
    boost::system::error_code error;
    socket.connect({asio::ip::address_v4::loopback(), running.port()}, error);
    EXPECT_EQ(error, asio::error::connection_refused);
    control(running, post_text("/__down", R"({"ms":0})"));
    do {
        tcp::socket again(io);
        again.connect({asio::ip::address_v4::loopback(), running.port()}, error);
    } while (error);
}

TEST(Server, AnExpiredOrMisnamedCertificateIsRefusedByTheClient) {
    CertificateOptions expired;
    expired.expired = true;
    CertificateOptions misnamed;
    misnamed.names = {"elsewhere.example"};
    for (const auto& options : {expired, misnamed}) {
        const Running running({}, options);
        EXPECT_TRUE(Client(running).handshake_error);
    }
}

TEST(Server, StreamsALargeAnswer) {
    const Running running;
    Client client(running);
    const auto token = client.log_in();
    const auto answer = client.send(post_text("/large?bytes=300000", R"({"query":"{Cards{total}}"})", token));
    EXPECT_FALSE(answer.error);
    EXPECT_EQ(answer.body.size(), 300'000 + std::string_view(R"({"data":{"large":""}})").size());
}

TEST(Server, ClosesAfterTheLastRequestAConnectionMayHave) {
    ServerOptions options;
    options.max_requests = 1;
    const Running running(options);
    Client client(running);
    EXPECT_FALSE(client.log_in().empty());
    EXPECT_EQ(client.read().error, http::error::end_of_stream);
}

} // namespace
} // namespace bearerd::sim
