#pragma once

#include "support/certificates.hpp"
#include "support/scripted_upstream.hpp"
#include "support/temporary_directory.hpp"
#include "unit/run_task.hpp"

#include <bearerd/upstream/pool.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

namespace bearerd::upstream::test {

using namespace std::chrono_literals;
using bearerd::test::CertificateAuthority;
using bearerd::test::http_answer;
using bearerd::test::Script;
using bearerd::test::ScriptedUpstream;
using Peer = bearerd::test::UpstreamConnection;

/// One event between the test's thread and a script's, to be awaited by either.
class Signal {
public:
    void give() { promise_.set_value(); }

    void await() { ASSERT_EQ(future_.wait_for(30s), std::future_status::ready); }

private:
    std::promise<void> promise_;
    std::shared_future<void> future_ = promise_.get_future().share();
};

/// A pool in the test's thread in front of a server that plays exact bytes.
class PoolTest : public testing::Test {
protected:
    PoolTest() {
        settings.response_timeout = 1h;
        settings.connect_timeout = 1h;
        settings.idle_timeout = 1h;
        settings.reuse_for_mutations = 1h;
        settings.tls.ca_file = folder.write("ca.pem", authority.pem());
    }

    ~PoolTest() override {
        if (pool) {
            pool->stop();
            settle();
            EXPECT_TRUE(pool->quiet());
            pool.reset();
        }
        clock.stop();
        settle();
    }

    void serve_tls(Script script) { serve(authority.issue(), std::move(script)); }

    void serve_plain(Script script) { serve(std::nullopt, std::move(script)); }

    void serve(const std::optional<bearerd::test::Certificate>& certificate, Script script) {
        server = std::make_unique<ScriptedUpstream>(certificate, std::move(script));
        settings.url.host = certificate ? "localhost" : "127.0.0.1";
        settings.url.port = server->port();
        settings.url.tls = certificate.has_value();
    }

    /// Makes the pool at first; `share` and `most_waiting` count from then on.
    Pool& the_pool() {
        if (!pool) {
            tls = settings.url.tls ? std::make_unique<TlsContext>(settings.tls, settings.url.host) : nullptr;
            pool = std::make_unique<Pool>(context, clock, settings, tls.get(), share, most_waiting, stats,
                                          health);
        }
        return *pool;
    }

    OutgoingRequest outgoing(std::string_view body, bool may_mutate = true) {
        heads.push_back(std::make_unique<std::string>(
            "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n\r\n"));
        OutgoingRequest request;
        request.head = *heads.back();
        request.body = body;
        request.may_mutate = may_mutate;
        request.hold_limit = 64 * 1024;
        return request;
    }

    SendResult send(const OutgoingRequest& request) {
        return std::move(*bearerd::test::run_task(context, boxed(the_pool(), request)));
    }

    /// An exchange that succeeds: its body; the connection is given back.
    std::string body_of(const OutgoingRequest& request) {
        SendResult result = send(request);
        auto* exchange = std::get_if<ExchangePtr>(&result);
        if (exchange == nullptr)
            return "failed: " + std::get<Failure>(result).detail;
        EXPECT_TRUE((*exchange)->complete());
        return std::string{(*exchange)->body()};
    }

    /// An exchange that fails.
    Failure failure_of(const OutgoingRequest& request) {
        SendResult result = send(request);
        if (auto* failed = std::get_if<Failure>(&result))
            return std::move(*failed);
        ADD_FAILURE() << "it succeeded";
        return {};
    }

    /// Starts an exchange; the result comes while the loop turns.
    std::shared_ptr<std::optional<SendResult>> start(const OutgoingRequest& request) {
        auto result = std::make_shared<std::optional<SendResult>>();
        const auto on_end = [result](const std::exception_ptr&, std::unique_ptr<SendResult> value) {
            result->emplace(std::move(*value));
        };
        net::asio::co_spawn(context.get_executor(), boxed(the_pool(), request), on_end);
        return result;
    }

    /// Runs the loop until `done` holds; returns false if it never does.
    template<class Predicate>
    bool turn_until(Predicate done) {
        return bearerd::test::turn_until(context, std::move(done));
    }

    void settle() { bearerd::test::settle(context); }

    /// A coroutine's result has to be default-constructible.
    static net::Task<std::unique_ptr<SendResult>> boxed(Pool& to, OutgoingRequest request) {
        auto result = co_await to.send(request);
        co_return std::make_unique<SendResult>(std::move(result));
    }

    CertificateAuthority authority;
    bearerd::test::TemporaryDirectory folder;
    config::Upstream settings;
    std::size_t share = 8;
    std::size_t most_waiting = 8;
    net::asio::io_context context;
    net::DeadlineClock clock{context};
    Stats stats;
    Health health;
    Signal signal; ///< outlives the scripts
    std::unique_ptr<ScriptedUpstream> server;
    std::unique_ptr<TlsContext> tls;
    std::unique_ptr<Pool> pool;
    std::vector<std::unique_ptr<std::string>> heads;
};

/// Answers every request with its own body.
inline void echo(Peer& peer) {
    while (true)
        peer.write(http_answer(peer.read().body));
}

} // namespace bearerd::upstream::test
