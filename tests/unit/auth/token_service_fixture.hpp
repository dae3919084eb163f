#pragma once

#include <bearerd/auth/token_service.hpp>

#include "unit/auth/fake_transport.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace bearerd::auth::test {

using namespace std::chrono_literals;

struct Options {
    std::string directory;
    std::function<void()> store_reading = {};
    std::string url = "https://api.example.com/";
    std::string user = "till";
    std::string password = "pass-word";
    Duration login_timeout = 10s;
    std::uint32_t pending = 1024;
    std::function<std::optional<Secret>(const std::string&)> read_password = {}; ///< there is a file if set
    std::string password_file = "/password";
    std::function<void(config::Settings&)> change = {}; ///< other settings to change setting
};

inline std::shared_ptr<const config::Settings> settings(const Options& options) {
    auto value = std::make_shared<config::Settings>();
    value->upstream.url.host = "api.example.com";
    value->upstream.url.text = options.url;
    value->credentials.user = options.user;
    value->credentials.password = Secret{std::string_view{options.password}};
    if (options.read_password)
        value->credentials.password_file = options.password_file;
    value->token_store.directory = options.directory;
    value->auth.login_timeout = options.login_timeout;
    value->limits.pending_requests = options.pending;
    if (options.change)
        options.change(*value);
    return value;
}

/// One service on one thread, with a clock that stands still until it is moved.
class ServiceFixture {
public:
    explicit ServiceFixture(Options options = {}) : options_{std::move(options)} {
        ServiceHooks hooks;
        hooks.clock = [this] { return now; };
        hooks.jitter = [] { return 0.0; };
        hooks.store_reading = options_.store_reading;
        hooks.read_password = options_.read_password;
        service = std::make_unique<TokenService>(context.get_executor(), transport, settings(options_), stats,
                                                 hooks);
        source = service->make_source(context.get_executor(), stats);
    }

    ~ServiceFixture() {
        service->stop();
        transport->close();
        context.run_for(10s);
    }

    void start() {
        service->start([this] { ++ready; });
    }

    /// Started and logged in with this token, a minute ago.
    void settle(const std::string& token) {
        start();
        transport->answer(FakeAnswer::token(token));
        run_until([this] { return source->current(now) != nullptr && ready == 1; });
        now += 1min;
    }

    /// Runs the loop until it holds; fails the test if that takes too long.
    void run_until(const std::function<bool()>& held) {
        const auto limit = std::chrono::steady_clock::now() + 10s;
        while (!held() && std::chrono::steady_clock::now() < limit) {
            context.restart();
            context.run_one_for(100ms);
        }
        ASSERT_TRUE(held());
    }

    void acquire() {
        auto task = acquire_into(source.get(), &acquired);
        net::asio::co_spawn(context, std::move(task), rethrow);
    }

    void reject(TokenPtr used, std::uint64_t document = 1) {
        auto task = reject_into(source.get(), std::move(used), document, &advice);
        net::asio::co_spawn(context, std::move(task), rethrow);
    }

    Options options_;
    net::asio::io_context context;
    std::shared_ptr<FakeTransport> transport = std::make_shared<FakeTransport>(context.get_executor());
    TimePoint now{100h};
    Stats stats;
    int ready = 0;
    std::unique_ptr<TokenService> service;
    std::unique_ptr<TokenSource> source;
    std::vector<TokenResult> acquired;
    std::vector<Advice> advice;

    static void rethrow(const std::exception_ptr& problem) {
        if (problem)
            std::rethrow_exception(problem);
    }

private:
    static net::Task<void> acquire_into(TokenSource* source, std::vector<TokenResult>* results) {
        auto result = co_await source->acquire();
        results->push_back(std::move(result));
    }

    static net::Task<void> reject_into(TokenSource* source, TokenPtr used, std::uint64_t document,
                                       std::vector<Advice>* results) {
        auto result = co_await source->rejected(std::move(used), document);
        results->push_back(std::move(result));
    }
};

inline NoToken::Reason reason(const TokenResult& result) {
    const auto* none = std::get_if<NoToken>(&result);
    EXPECT_NE(none, nullptr);
    return none != nullptr ? none->reason : NoToken::Reason::overloaded;
}

inline std::string_view value(const TokenPtr& token) {
    return token ? token->value.reveal() : "";
}

} // namespace bearerd::auth::test
