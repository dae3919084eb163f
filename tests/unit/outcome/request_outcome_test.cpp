#include <bearerd/outcome/request_outcome.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bearerd::outcome {
namespace {

using graphql::Verdict;

TEST(RequestOutcome, HasTheLabelsOfTheContract) {
    EXPECT_EQ(RequestOutcome{}.label(), "ok");
    EXPECT_EQ(RequestOutcome{Verdict::ok}.label(), "ok");
    EXPECT_EQ(RequestOutcome{Verdict::graphql_error}.label(), "graphql_error");
    EXPECT_EQ(RequestOutcome{Verdict::rejected}.label(), "rejected");
    EXPECT_EQ(RequestOutcome::client_closed().label(), "client_closed");
    for (std::size_t i = 0; i < error_code_count; ++i) {
        const auto code = static_cast<ErrorCode>(i);
        EXPECT_EQ(RequestOutcome{code}.label(), code_label(code));
    }
}

TEST(RequestOutcome, IsListedOnceInTheOrderOfItsIndex) {
    std::set<std::string> labels;
    std::size_t index = 0;
    for (const RequestOutcome outcome : RequestOutcome::all()) {
        EXPECT_EQ(outcome.index(), index++);
        EXPECT_TRUE(labels.emplace(outcome.label()).second) << outcome.label();
    }
    EXPECT_EQ(index, RequestOutcome::count);
}

TEST(RequestOutcome, IsAnAnswerOnlyIfItIsAVerdict) {
    EXPECT_TRUE(RequestOutcome{Verdict::rejected}.is_answer());
    EXPECT_FALSE(RequestOutcome{ErrorCode::bad_request}.is_answer());
    EXPECT_FALSE(RequestOutcome::client_closed().is_answer());
}

} // namespace
} // namespace bearerd::outcome
