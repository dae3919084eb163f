#include "audit.hpp"
#include "client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bearerd::ledger {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Record told(View view) {
    Record record;
    record.reference = "r";
    record.view = view;
    return record;
}

Promises plain() {
    Promises promises;
    promises.answer_time = 1s;
    return promises;
}

std::vector<std::string> audit_one(const Record& record, std::size_t executed,
                                   const Promises& promises = plain(),
                                   const std::vector<Outage>& outages = {}) {
    return audit({record}, executed == 0 ? Executions{} : Executions{{record.reference, executed}}, outages,
                 promises);
}

TEST(Audit, AllowsAViewOnlyTheExecutionsThatItTells) {
    struct Case {
        View view;
        bool none;
        bool once;
    };

    const Case cases[] = {
        {View::acknowledged, false, true},   {View::nulled, false, true},       {View::refused, true, false},
        {View::unauthorized, true, false},   {View::not_executed, true, false}, {View::left, true, false},
        {View::upstream_status, true, true}, {View::unknown, true, true},       {View::found, false, true}};
    for (const Case& c : cases) {
        SCOPED_TRACE(name_of(c.view));
        EXPECT_EQ(audit_one(told(c.view), 0).empty(), c.none);
        EXPECT_EQ(audit_one(told(c.view), 1).empty(), c.once);
        EXPECT_THAT(audit_one(told(c.view), 2), ElementsAre(HasSubstr("executed more than once")));
    }
}

TEST(Audit, DemandsAShareOfWhatWasExecutedToBeFound) {
    Promises promises = plain();
    promises.found = 0.5;
    Record second = told(View::unknown);
    second.reference = "s";
    const std::vector<Record> records{told(View::found), second};
    EXPECT_THAT(audit(records, {{"r", 1}, {"s", 1}}, {}, promises), IsEmpty());
    promises.found = 0.51;
    EXPECT_THAT(audit(records, {{"r", 1}, {"s", 1}}, {}, promises), ElementsAre(HasSubstr("only 1 of 2")));
    EXPECT_THAT(audit(records, {{"r", 1}}, {}, promises), IsEmpty());
}

TEST(Audit, FindsAnExecutionThatNobodySent) {
    EXPECT_THAT(audit({}, {{"stray", 1}}, {}, plain()), ElementsAre(HasSubstr("stray")));
}

TEST(Audit, FindsAnInvalidMutationThatWasExecuted) {
    Record record = told(View::unknown);
    record.valid = false;
    EXPECT_THAT(audit_one(record, 1), ElementsAre(HasSubstr("not valid")));
}

TEST(Audit, AllowsNoExecutionBehindANulledAnswerToAnInvalidMutation) {
    Record record = told(View::nulled);
    record.valid = false;
    EXPECT_THAT(audit_one(record, 0), IsEmpty());
}

TEST(Audit, FindsOneAnswerGivenTwice) {
    Record first = told(View::acknowledged);
    Record second = first;
    first.answer_id = second.answer_id = "988008";
    second.reference = "s";
    EXPECT_THAT(audit({first, second}, {{"r", 1}, {"s", 1}}, {}, plain()),
                ElementsAre(HasSubstr("that r got")));
}

TEST(Audit, FindsAnAnswerThatCameTooLate) {
    Record record = told(View::acknowledged);
    record.ended = record.began + 1001ms;
    EXPECT_THAT(audit_one(record, 1), ElementsAre(HasSubstr("took longer")));
}

TEST(Audit, AllowsAClosedConnectionOnlyWhileBearerdEnds) {
    Record record = told(View::unanswered);
    record.began = Clock::time_point{10s};
    record.ended = Clock::time_point{10'500ms};
    const Outage before{true, Clock::time_point{8s}, Clock::time_point{9s}};
    Outage meanwhile{false, Clock::time_point{10'200ms}, Clock::time_point{11s}};
    EXPECT_THAT(audit_one(record, 0), ElementsAre(HasSubstr("bearerd was up")));
    EXPECT_THAT(audit_one(record, 0, plain(), {before}), ElementsAre(HasSubstr("bearerd was up")));
    EXPECT_THAT(audit_one(record, 0, plain(), {meanwhile}), IsEmpty());
    EXPECT_THAT(audit_one(record, 1, plain(), {meanwhile}), ElementsAre(HasSubstr("SIGTERM")));
    meanwhile.killed = true;
    EXPECT_THAT(audit_one(record, 1, plain(), {meanwhile}), IsEmpty());
}

TEST(Audit, HoldsAProfileToItsPromises) {
    Promises promises = plain();
    promises.unknown_most = 0;
    promises.unknown_was_not_executed = true;
    EXPECT_THAT(audit_one(told(View::unknown), 1, promises),
                ElementsAre(HasSubstr("executed and answered"), HasSubstr("were raced")));
    promises = plain();
    promises.all_answered_by_upstream = true;
    EXPECT_THAT(audit_one(told(View::unauthorized), 0, promises),
                ElementsAre(HasSubstr("upstream's answer")));
    EXPECT_THAT(audit_one(told(View::nulled), 1, promises), IsEmpty());
    promises = plain();
    promises.queries_answered = 0.999;
    Record query = told(View::unknown);
    query.mutation = false;
    EXPECT_THAT(audit_one(query, 0, promises), ElementsAre(HasSubstr("0 of 1 queries")));
    promises.queries_excused = 1;
    EXPECT_THAT(audit_one(query, 0, promises), IsEmpty());
}

View read_one(int status, const std::string& body) {
    Record record = told(View::wrong);
    read_answer(status, body, "id-r", "63", record);
    return record.view;
}

TEST(Answer, IsReadAsWhatItTells) {
    const std::string data = R"("data":{"createBalanceAdjustment":{"id":7,"card_reference":"63",)";
    const std::string own =
        R"({"errors":[{"message":"m","extensions":{"source":"bearerd","request_id":"id-r")";

    struct Case {
        int status;
        std::string body;
        View view;
    };

    const Case cases[] = {
        {200, "{" + data + R"("merchant_transaction_reference":"r"}}})", View::acknowledged},
        {200, "{" + data + R"("merchant_transaction_reference":"other"}}})", View::wrong},
        {200, "{" + data + R"("merchant_transaction_reference":"r"}},"errors":[{"message":"Unauthorized"}]})",
         View::acknowledged},
        {200, R"({"errors":[{"message":"Unauthorized"}]})", View::unauthorized},
        {200, R"({"errors":[{"message":"validation"}],"data":{"createBalanceAdjustment":null}})",
         View::refused},
        {200,
         R"({"errors":[{"message":"Unauthorized","path":["createBalanceAdjustment","id"]}],)"
         R"("data":{"createBalanceAdjustment":null}})",
         View::nulled},
        {500, R"({"errors":[{"message":"Internal server error"}]})", View::upstream_status},
        {504, own + R"(,"executed":"unknown"}}]})", View::unknown},
        {502, own + R"(,"executed":"no"}}]})", View::not_executed},
        {502, own + R"(}}]})", View::wrong},
        {502, R"({"errors":[{"extensions":{"source":"bearerd","request_id":"id-x","executed":"no"}}]})",
         View::wrong},
        {200, "{}", View::wrong},
        {200, "<html>", View::wrong},
    };
    for (const Case& c : cases)
        EXPECT_EQ(name_of(read_one(c.status, c.body)), name_of(c.view)) << c.body;
}

} // namespace
} // namespace bearerd::ledger
