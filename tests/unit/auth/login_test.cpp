#include <bearerd/auth/login.hpp>

#include "unit/auth/fake_transport.hpp"
#include "unit/gzip.hpp"
#include "unit/run_task.hpp"

#include <gtest/gtest.h>

namespace bearerd::auth::test {
namespace {

using Kind = LoginOutcome::Kind;

LoginOutcome outcome_of(FakeAnswer answer) {
    net::asio::io_context loop;
    const auto transport = std::make_shared<FakeTransport>(loop.get_executor());
    const auto settings = std::make_shared<config::Settings>();
    transport->answer(std::move(answer));
    return bearerd::test::run_task(loop, log_in(transport, settings));
}

FakeAnswer compressed(FakeAnswer answer, const std::string& coding) {
    const int window = coding == "gzip" ? bearerd::test::gzip_window : bearerd::test::zlib_window;
    answer.fields.emplace_back("Content-Encoding", coding);
    answer.pieces.front() = bearerd::test::packed(answer.pieces.front(), window);
    return answer;
}

// A rejection that is not seen would be repeated every few seconds, until the account is locked.
TEST(Login, ReadsAnAnswerThatWasCompressedUnasked) {
    for (const std::string coding : {"gzip", "deflate"}) {
        EXPECT_EQ(outcome_of(compressed(FakeAnswer::errors("Invalid credentials"), coding)).kind,
                  Kind::rejected);
        EXPECT_EQ(outcome_of(compressed(FakeAnswer::token("a-token"), coding)).kind, Kind::accepted);
    }
}

TEST(Login, IsUnavailableWhereItsAnswerCannotBeRead) {
    FakeAnswer unknown = FakeAnswer::errors("Invalid credentials");
    unknown.fields.emplace_back("Content-Encoding", "br");
    EXPECT_EQ(outcome_of(unknown).kind, Kind::unavailable);
    FakeAnswer streamed = FakeAnswer::token("a-token");
    streamed.pieces.emplace_back("more");
    EXPECT_EQ(outcome_of(streamed).kind, Kind::unavailable);
}

// One closed connection would otherwise refuse all requests until the back-off is over.
TEST(Login, IsSentOnceMoreOnANewConnectionWhereAKeptOneWasClosed) {
    using upstream::Stage;

    struct Case {
        errc code;
        Stage stage;
        bool reused;
        bool again;
    };

    constexpr Case cases[] = {
        {errc::closed, Stage::waiting, true, true},     {errc::closed, Stage::writing, true, true},
        {errc::closed, Stage::waiting, false, false},   {errc::closed, Stage::reading, true, false},
        {errc::timed_out, Stage::waiting, true, false}, {errc::shutting_down, Stage::waiting, true, false},
    };
    for (const Case& c : cases) {
        net::asio::io_context loop;
        const auto transport = std::make_shared<FakeTransport>(loop.get_executor());
        FakeAnswer lost;
        lost.failure = upstream::Failure{make_error_code(c.code), c.stage, c.reused, {}};
        transport->answer(lost);
        transport->answer(FakeAnswer::token("a-token"));
        const auto outcome =
            bearerd::test::run_task(loop, log_in(transport, std::make_shared<config::Settings>()));
        EXPECT_EQ(outcome.kind, c.again ? Kind::accepted : Kind::unavailable);
        EXPECT_EQ(transport->new_connections,
                  c.again ? (std::vector<bool>{false, true}) : std::vector<bool>{false});
    }
}

} // namespace
} // namespace bearerd::auth::test
