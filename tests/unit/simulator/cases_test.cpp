#include "cases.hpp"

#include "options.hpp"

#include <gtest/gtest.h>

#include <set>

namespace bearerd::sim {
namespace {

PlannedField field(std::string name, Json arguments = Json::object()) {
    PlannedField planned;
    planned.name = std::move(name);
    planned.arguments = std::move(arguments);
    return planned;
}

Outcome invalid(Json validation) {
    return Refusal{"validation", std::move(validation)};
}

/// The ids of the cases that this shows, each followed by a blank.
std::string shown(const PlannedField& planned, const Outcome& outcome) {
    CaseTally tally;
    tally.note(observe(planned, outcome));
    std::string ids;
    for (const auto& item : tally.json())
        if (member(item, "times") == 1)
            ids += string_of(member(item, "id")).value_or("") + " ";
    return ids;
}

TEST(Cases, AreRecognisedByRequestAndResultAlone) {
    const Json required = Json::array({required_sentence});
    const auto order = field("createOrder", {{"order_items", {{"card_reference", "12345678"}}}});

    const struct {
        PlannedField planned;
        Outcome outcome;
        std::string expected;
    } rows[] = {
        {order, Json::object(), "card-created "},
        {field("createOrder", {{"order_items", Json::array({{{"generate_card_reference", true}}})}}),
         Json::object(), ""},
        {order, invalid({{"order_items.0.card_reference", required}}), "order-card-reference "},
        {order, invalid({{"order_items.0.card_reference", {"has already been taken"}}}), ""},
        {order, invalid({{"merchant_id", required}, {"currency", required}}), ""},
        {field("createReversal"), invalid({{"ReversalItems.0.line_item_id", required}}),
         "reversal-line-item "},
        {field("createReversal"), Json{{"value", 100}, {"reversed_kind", "debit"}}, "reversal-of-debit "},
        {field("createBalanceAdjustment"), Json{{"value", -1}}, "debit "},
        {field("createBalanceAdjustment"), Json{{"value", 1}}, "credit "},
        {field("createBalanceAdjustment"), invalid({{"value", required}}), ""},
        {field("createBalanceAdjustment"), invalid({{"currency", required}}), "adjustment-currency "},
        {field("createBalanceAdjustment"), Refusal{"Duplicate reference supplied", {}},
         "adjustment-duplicate "},
        {field("createBalanceAdjustment"), Refusal{"Something else", {}}, ""},
        {field("Cards", {{"card_reference", "1"}}), Json{{"data", Json::array()}}, "card-unknown "},
        {field("Cards"), Json{{"data", Json::array()}}, ""},
        {field("LineItems"), Json{{"data", Json::array()}}, ""},
    };

    for (const auto& row : rows)
        EXPECT_EQ(shown(row.planned, row.outcome), row.expected)
            << row.planned.name << " " << row.planned.arguments.dump();
}

TEST(Cases, AnAnswerThatGotLostExercisesItsCaseButNotAsExpected) {
    CaseTally tally;
    const auto debit = observe(field("createBalanceAdjustment"), Json{{"value", -1}});
    std::vector<Fault> faults(1);
    EXPECT_EQ(spoiler(faults), ""); // a delay
    faults.front().kind = Fault::Kind::close_after;
    tally.note(debit, spoiler(faults));
    const auto of_debit = [&tally] {
        for (auto item : tally.json())
            if (member(item, "id") == "debit")
                return item.dump();
        return std::string();
    };
    EXPECT_EQ(of_debit(), R"({"id":"debit","title":"debit","times":1,"as_expected":0,)"
                          R"("last":"executed; answer lost: close_after"})");
    tally.note(debit);
    EXPECT_EQ(of_debit(), R"({"id":"debit","title":"debit","times":2,"as_expected":1,"last":"executed"})");
}

TEST(Cases, HaveIdsOfTheirOwn) {
    std::set<std::string_view> ids;
    for (const auto& item : accreditation_cases())
        EXPECT_TRUE(ids.insert(item.id).second) << item.id;
    EXPECT_EQ(ids.size(), 25U); // as many as the API's own list has
}

TEST(Cases, StandInTheGuideAsTheyStandInTheTable) {
    const auto guide = read_file(BEARERD_SOURCE_DIR "/docs/epos-integration.md");
    std::size_t at = 0;
    for (const auto& item : accreditation_cases()) {
        const auto row = "| `" + std::string(item.id) + "` | " + std::string(item.title) + " |";
        const auto found = guide.find(row, at);
        EXPECT_NE(found, std::string::npos) << "not there, or not in this place: " << row;
        at = found == std::string::npos ? at : found;
    }
}

} // namespace
} // namespace bearerd::sim
