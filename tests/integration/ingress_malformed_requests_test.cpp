#include "ingress_corpus.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace bearerd::test {
namespace {

using namespace corpus;

struct Answer {
    int status;
    const char* code;
};

Answer answer_of(Fate fate) {
    switch (fate) {
    case Fate::forbidden_host:
        return {403, "FORBIDDEN_HOST"};
    case Fate::not_found:
        return {404, "NOT_FOUND"};
    case Fate::wrong_method:
        return {405, "METHOD_NOT_ALLOWED"};
    case Fate::too_large:
        return {413, "PAYLOAD_TOO_LARGE"};
    case Fate::headers_too_large:
        return {431, "HEADERS_TOO_LARGE"};
    default:
        return {400, "BAD_REQUEST"};
    }
}

/// Returns what reached the upstream, according to the simulator.
nlohmann::json upstream_requests(const Simulator& simulator) {
    nlohmann::json result = nlohmann::json::array();
    for (const auto& request : simulator.requests())
        if (request.at("operations") != nlohmann::json{"login"} && !request.value("body_withheld", false))
            result.push_back(request);
    return result;
}

void expect_one_whole_request(const nlohmann::json& request) {
    EXPECT_EQ(request.at("body_base64"), "eyJxdWVyeSI6IntDYXJkc3t0b3RhbH19In0=");
    EXPECT_EQ(request.at("method"), "POST");
    EXPECT_EQ(request.at("target"), "/graphql");
    int authorizations = 0;
    int framings = 0;
    for (const auto& field : request.at("headers")) {
        std::string name = field.at(0);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        authorizations += name == "authorization" && field.at(1) == "token 1" ? 1 : 0;
        framings += name == "content-length" && field.at(1) == "26" ? 1 : 0;
        EXPECT_TRUE(name != "transfer-encoding" && name != "x-authorization" && name != "upgrade" &&
                    name != "expect" && name != "connection" && name != "te" && name != "http2-settings")
            << name;
    }
    EXPECT_EQ(authorizations, 1);
    EXPECT_EQ(framings, 1);
}

class MalformedRequests : public testing::Test {
protected:
    void play(const Case& each) {
        HttpClient client = daemon.client();
        client.send(each.bytes);
        if (each.ends)
            client.socket().shutdown_send();
        const HttpResponse response = client.read_response();
        if (each.fate == Fate::one) {
            EXPECT_EQ(response.status, 200) << response.body;
            ++forwarded;
        } else {
            const Answer expected = answer_of(each.fate);
            expect_own_error(response, expected.status, expected.code, "no");
            EXPECT_EQ(response.header("Connection"), "close");
            EXPECT_TRUE(client.ended());
        }
        const auto requests = upstream_requests(simulator);
        ASSERT_EQ(requests.size(), forwarded);
        if (each.fate == Fate::one)
            expect_one_whole_request(requests.back());
    }

    void play(const std::vector<Case>& cases) {
        for (const Case& each : cases) {
            SCOPED_TRACE(each.name);
            EXPECT_NO_THROW(play(each));
            if (HasFatalFailure())
                return;
        }
        expect_every_worker_serves();
    }

    /// The kernel spreads connections over the workers: with so many, none may hang.
    void expect_every_worker_serves() {
        std::vector<HttpClient> clients;
        for (int i = 0; i < 32; ++i)
            clients.push_back(daemon.client());
        for (HttpClient& client : clients)
            EXPECT_EQ(client.post(query).status, 200);
        EXPECT_EQ(upstream_requests(simulator).size(), forwarded + clients.size());
    }

    Simulator simulator;
    Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem(), .config = "threads: 2"}};
    std::size_t forwarded = 0;
};

TEST_F(MalformedRequests, OfEveryKindAreCoveredByTheCorpus) {
    EXPECT_GE(request_lines().size() + header_lines().size() + lengths().size() + transfer_codings().size() +
                  chunks().size(),
              200U);
}

TEST_F(MalformedRequests, ByTheirRequestLineAreRefusedOrOneRequest) {
    play(request_lines());
}

TEST_F(MalformedRequests, ByTheirFieldsAreRefusedOrOneRequest) {
    play(header_lines());
}

TEST_F(MalformedRequests, ByTheirLengthAreRefusedOrOneRequest) {
    play(lengths());
}

TEST_F(MalformedRequests, ByTheirTransferCodingAreRefusedOrOneRequest) {
    play(transfer_codings());
}

TEST_F(MalformedRequests, ByTheirChunksAreRefusedOrOneRequest) {
    play(chunks());
}

TEST_F(MalformedRequests, EndTheConnectionSoThatNothingBehindThemIsRead) {
    HttpClient client = daemon.client();
    client.send(start + "X-A : b\r\n" + rest + smuggled);
    expect_own_error(client.read_response(), 400, "BAD_REQUEST", "no");
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(upstream_requests(simulator).empty());
}

TEST_F(MalformedRequests, DoNotTouchTheGoodOnesBeforeThem) {
    HttpClient client = daemon.client();
    client.send(start + rest + start + rest + start + "Content-Length: x\r\n\r\n" + query + smuggled);
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_EQ(client.read_response().status, 200);
    expect_own_error(client.read_response(), 400, "BAD_REQUEST", "no");
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(upstream_requests(simulator).size(), 2U);
}

TEST_F(MalformedRequests, OfAShortLengthAreOneRequestAndAnError) {
    HttpClient client = daemon.client();
    client.send(start + rest + "}\r\n\r\n" + smuggled);
    EXPECT_EQ(client.read_response().status, 200);
    expect_own_error(client.read_response(), 400, "BAD_REQUEST", "no");
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(upstream_requests(simulator).size(), 1U);
}

TEST_F(MalformedRequests, ComeInAnyPiecesToTheSameEnd) {
    const std::vector<Case> cases{
        {"good", start + rest, Fate::one},
        {"chunked", start + chunked + "\r\n" + one_chunk, Fate::one},
        {"folded", start + "X-A: b\r\n c\r\n" + rest},
        {"bare LF", start + "X-A: b\n" + rest},
        {"xchunked", start + "Transfer-Encoding: xchunked\r\n\r\n"},
        {"bad chunk", start + chunked + "\r\n1a\rx"},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        HttpClient client = daemon.client();
        try {
            for (const char byte : each.bytes)
                client.send(std::string_view{&byte, 1});
        } catch (const std::system_error&) { // it was refused before its end
        }
        const HttpResponse response = client.read_response();
        EXPECT_EQ(response.status, each.fate == Fate::one ? 200 : 400);
        forwarded += each.fate == Fate::one ? 1 : 0;
        EXPECT_EQ(upstream_requests(simulator).size(), forwarded);
    }
}

} // namespace
} // namespace bearerd::test
