#include "unit/auth/token_service_fixture.hpp"

#include "unit/allocation.hpp"

#include <new>

#ifndef BEARERD_SANITIZED // it has replaced the functions that would have to fail

namespace bearerd::auth {
namespace {

using namespace test;

/// Runs the next handler of the loop without memory.
void starve(ServiceFixture& f) {
    f.context.restart();
    const bearerd::test::NoMemory no_memory;
    try {
        f.context.poll_one();
    } catch (const std::bad_alloc&) { // the loop of a thread logs it and goes on
    }
}

void run_steps(ServiceFixture& f, int steps) {
    for (int i = 0; i < steps; ++i) {
        f.context.restart();
        f.context.poll_one();
    }
}

FakeAnswer renewed(const std::string& token, const std::string& refresh) {
    FakeAnswer answer;
    answer.pieces = {R"({"data":{"l":{"token":")" + token + R"(","next":")" + refresh + R"("}}})"};
    return answer;
}

Options body_options() {
    Options options;
    options.change = [](config::Settings& settings) {
        settings.auth.token_headers.clear();
        settings.auth.token_pointer = "/data/l/token";
        settings.auth.refresh = {"mutation($refresh_token:ID!){l:r(t:$refresh_token){token next}}",
                                 "/data/l/next"};
    };
    return options;
}

/// At whichever step of the login memory is missing.
constexpr int most_steps = 6;

TEST(TokenServiceWithoutMemory, LogsInOnceThereIsMemoryAgain) {
    for (int steps = 0; steps < most_steps; ++steps) {
        SCOPED_TRACE(steps);
        ServiceFixture f{body_options()};
        for (int i = 0; i < 3; ++i)
            f.transport->answer(renewed("one", "r-1"));
        f.start();
        run_steps(f, steps);
        starve(f);
        f.run_until([&f] {
            f.now += 1min;
            f.service->tick();
            return f.source->current(f.now) != nullptr;
        });
    }
}

TEST(TokenServiceWithoutMemory, RenewsItsTokenOnceThereIsMemoryAgain) {
    for (int steps = 0; steps < most_steps; ++steps) {
        SCOPED_TRACE(steps);
        ServiceFixture f{body_options()};
        f.start();
        f.transport->answer(renewed("one", "r-1"));
        f.run_until([&f] { return f.ready == 1; });
        for (int i = 0; i < 3; ++i)
            f.transport->answer(renewed("two", "r-2"));
        f.now += 59min;
        f.service->tick();
        run_steps(f, steps);
        starve(f);
        f.run_until([&f] {
            f.now += 1min;
            f.service->tick();
            return value(f.source->current(f.now)) == "two";
        });
    }
}

} // namespace
} // namespace bearerd::auth

#endif
