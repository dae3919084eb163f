#include <bearerd/transaction/identifier.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace bearerd::transaction {
namespace {

using Json = nlohmann::json;

config::Settings settings_with(std::string user = "till") {
    config::Settings settings;
    settings.upstream.url.text = "https://api.example.com/graphql";
    settings.credentials.user = std::move(user);
    settings.transactions.rules = {{"pay", "ref", "", "", "", config::Repeats::replay},
                                   {"refund", "ref", "", "", "", config::Repeats::replay},
                                   {"note", "ref", "", "", "", config::Repeats::pass},
                                   {"head", "", "Idempotency-Key", "", "", config::Repeats::replay}};
    return settings;
}

const Secret& secret() {
    static const Secret value{std::string_view{"0123456789abcdef0123456789abcdef"}};
    return value;
}

const Identifier& identifier() {
    static const Identifier value{secret(), settings_with()};
    return value;
}

graphql::RequestView view_of(std::string_view body) {
    graphql::RequestView view;
    view.content_type = "application/json";
    view.body = body;
    return view;
}

/// A request with a document and the JSON text of its variables; empty: none.
std::string request(const std::string& document, const std::string& variables = "") {
    return "{\"query\":" + Json(document).dump() + (variables.empty() ? "" : ",\"variables\":" + variables) +
           "}";
}

std::optional<Reading> read(const std::string& body) {
    return identifier().read(view_of(body));
}

/// A request with these arguments beside the key.
std::string pay(const std::string& arguments) {
    return request("mutation{pay(ref:\"k\"," + arguments + "){id}}");
}

/// The same with one argument x, given by a variable.
std::string pay_by(const std::string& type, const std::string& value) {
    return request("mutation($v:" + type + "){pay(ref:\"k\",x:$v){id}}", "{\"v\":" + value + "}");
}

TEST(Fingerprint, IsTheSameForTheSameValuesHoweverTheyAreWritten) {
    const std::pair<std::string, std::string> pairs[] = {
        {pay("x:1"), pay("x:1.0")},
        {pay("x:1"), pay("x:1e0")},
        {pay("x:1"), pay("x:10E-1")},
        {pay("x:1000"), pay("x:1e+3")},
        {pay("x:-12.50"), pay("x:-1.25e1")},
        {pay("x:0"), pay("x:-0.00e7")},
        {pay("x:100000000000000000000000001"), pay("x:100000000000000000000000001.0")},
        {pay("x:1"), pay_by("Int", "1")},
        {pay("x:1"), pay_by("Float!", "1.0")},
        {pay("x:\"s\""), pay_by("String", "\"s\"")},
        {pay("x:\"s\""), pay_by("ID!", "\"\\u0073\"")},
        {pay("x:\"\\u0073\\n\""), pay("x:\"s\\n\"")},
        {pay("x:\"\"\"\n  s\n\"\"\""), pay("x:\"s\"")},
        {pay("x:GBP"), pay_by("Currency!", "\"GBP\"")},
        {pay("x:[GBP]"), pay_by("[Currency!]!", "[\"GBP\"]")},
        {pay("x:null"), pay_by("Int", "null")},
        {pay("x:true"), pay_by("Boolean", "true")},
        {pay("x:[1,2]"), pay("x: [ 1.0 , 2 ]")},
        {pay("x:{a:1,b:\"t\"}"), pay("x:{b:\"t\",a:1}")},
        {pay("x:{a:1,b:\"t\"}"), pay_by("In", R"({"b":"t","a":1.0})")},
        {pay("x:{a:[{c:1,b:2}]}"), pay_by("In", R"({"a":[{"b":2,"c":1}]})")},
        {pay("x:1,y:2"), pay("y:2,x:1")},
        {pay("x:1"), request("mutation{other:pay(x:1,ref:\"k\"){value}}")},
        {pay("x:1"), request("mutation A{...F} fragment F on Mutation{pay(ref:\"k\",x:1){id}}")},
        {pay("x:1"), request("mutation{... on Mutation{pay(ref:\"k\" x:1){id}}}")},
        {pay("x:1"), request("mutation($v:Int=1){pay(ref:\"k\",x:$v){id}}")},
        {pay("x:{a:1}"), request("mutation($v:In={a:1}){pay(ref:\"k\",x:$v){id}}", "{}")},
        {pay("x:{a:1}"), request("mutation($v:Int){pay(ref:\"k\",x:{a:$v}){id}}", R"({"v":1})")},
        {pay("x:{}"), request("mutation($v:Int){pay(ref:\"k\",x:{a:$v}){id}}")},
        {pay("x:[null]"), request("mutation($v:Int){pay(ref:\"k\",x:[$v]){id}}")},
        {request("mutation{pay(ref:\"k\"){id}}"), request("mutation($v:Int){pay(ref:\"k\",x:$v){id}}")},
        {request("mutation{pay(ref:\"k\"){id}}"),
         request("mutation($k:ID){pay(ref:$k){id}}", R"({"k":"k"})")},
        {pay("x:1"), request("mutation{pay(ref:\"k\",x:1)@include(if:true){id}}")},
    };
    for (const auto& [first, second] : pairs) {
        const auto a = read(first);
        const auto b = read(second);
        ASSERT_TRUE(a && b) << first << "\n" << second;
        EXPECT_EQ(a->identities, b->identities) << first << "\n" << second;
        EXPECT_EQ(a->fingerprint, b->fingerprint) << first << "\n" << second;
    }
}

TEST(Fingerprint, IsAnotherOneForOtherValues) {
    const std::string deep = "{a:" + std::string(300, '1') + ",b:";
    const std::pair<std::string, std::string> pairs[] = {
        {pay("x:1"), pay("x:2")},
        {pay("x:1"), pay("x:-1")},
        {pay("x:1"), pay("x:10")},
        {pay("x:0.1"), pay("x:0.10000000000000000000001")},
        {pay("x:9007199254740992"), pay("x:9007199254740993")},
        {pay("x:1"), pay("x:\"1\"")},
        {pay("x:GBP"), pay("x:\"GBP\"")},
        {pay("x:true"), pay("x:\"true\"")},
        {pay("x:null"), request("mutation{pay(ref:\"k\"){id}}")},
        {pay("x:null"), pay("x:\"null\"")},
        {pay("x:[1,2]"), pay("x:[2,1]")},
        {pay("x:[1]"), pay("x:1")},
        {pay("x:[12]"), pay("x:[1,2]")},
        {pay("x:{a:1}"), pay("x:{b:1}")},
        {pay("x:{a:null}"), pay("x:{}")},
        {pay("x:\"a\""), pay("x:\"A\"")},
        {pay("x:\"a\""), pay("x:\"a \"")},
        {pay("x:\"ab\",y:\"c\""), pay("x:\"a\",y:\"bc\"")},
        {pay("x:1"), pay("y:1")},
        {pay("x:" + deep + "1}"), pay("x:" + deep + "2}")},
        {pay("x:1"), request("mutation{pay(ref:\"k\",x:1){id}other}")},
        {request("mutation{pay(ref:\"k\"){id}a:other(x:1)}"),
         request("mutation{pay(ref:\"k\"){id}a:other(x:2)}")},
        {pay("x:1"), "[" + pay("x:1") + "]"},
        {pay_by("In", R"({"a":1,"a":2})"), pay_by("In", R"({"a":2,"a":1})")},
        {request("mutation($v:Int){pay(ref:\"k\",x:$v){id}}", R"({"v":1,"v":2})"),
         request("mutation($v:Int){pay(ref:\"k\",x:$v){id}}", R"({"v":1,"v":3})")},
        {pay("x:1e99999999999999999999"), pay("x:1e99999999999999999998")},
    };
    for (const auto& [first, second] : pairs) {
        const auto a = read(first);
        const auto b = read(second);
        ASSERT_TRUE(a && b) << first << "\n" << second;
        EXPECT_EQ(a->identities, b->identities) << first << "\n" << second;
        EXPECT_NE(a->fingerprint, b->fingerprint) << first << "\n" << second;
    }
}

TEST(Fingerprint, CostsLinearTimeForDeepAndWideValues) {
    std::string nested = "1";
    for (int i = 0; i < 100; ++i)
        nested = "{b:[" + nested + "],a:1}";
    EXPECT_TRUE(read(pay("x:" + nested)));
    std::string wide = "{";
    for (int i = 20'000; i > 0; --i)
        wide += "f" + std::to_string(i) + ":{z:1,y:2},";
    EXPECT_TRUE(read(pay("x:" + wide + "}")));
}

/// The text of a list of so many times the variable.
std::string many_times(std::size_t times, std::size_t size) {
    std::string list = "x:[";
    for (std::size_t i = 0; i < times; ++i)
        list += "$v,";
    return request("mutation($v:String){pay(ref:\"k\"," + list + "]){id}}",
                   "{\"v\":\"" + std::string(size, 'a') + "\"}");
}

TEST(Fingerprint, CostsNoMoreForAVariableThatIsUsedManyTimes) {
    const std::string body = many_times(100'000, 500'000); // 50 GB if each were written out
    const auto fields = graphql::mutation_fields(view_of(body), std::vector<graphql::KeyRule>{},
                                                 {[](std::string_view) { return std::string(32, 'd'); }, {}});
    ASSERT_TRUE(fields);
    EXPECT_LT(fields->front().arguments.size(), 1000U);
    EXPECT_TRUE(read(body));
}

TEST(Fingerprint, IsTheSameForLongValuesInlineAndByAVariable) {
    for (const std::size_t size : {10U, 127U, 128U, 129U, 5000U}) {
        const std::string text = "\"" + std::string(size, 'a') + "\"";
        EXPECT_EQ(read(pay("x:" + text))->fingerprint, read(pay_by("String", text))->fingerprint) << size;
        const std::string list = "[" + text + "," + text + ",[" + text + "]]";
        EXPECT_EQ(read(pay("x:" + list))->fingerprint, read(pay_by("[String]", list))->fingerprint) << size;
        EXPECT_EQ(read(pay("x:[" + text + "," + text + "]"))->fingerprint,
                  read(many_times(2, size))->fingerprint);
    }
}

TEST(Fingerprint, DependsOnTheRulesOnlyForKeysOfHeaders) {
    auto settings = settings_with();
    settings.transactions.rules[2].repeats = config::Repeats::replay;
    const Identifier more{secret(), settings};
    const std::string body = request("mutation{pay(ref:\"k\"){id} note(ref:\"n\"){id}}");
    const auto before = read(body);
    const auto after = more.read(view_of(body));
    EXPECT_EQ(before->fingerprint, after->fingerprint);
    EXPECT_EQ(before->header_rules, after->header_rules);
    EXPECT_TRUE(more.fingerprint_of(identifier().text_of(before->fingerprint)));
    settings.transactions.rules.pop_back();
    const Identifier without{secret(), settings};
    EXPECT_NE(without.read(view_of(body))->header_rules, before->header_rules);
    EXPECT_FALSE(without.fingerprint_of(identifier().text_of(before->fingerprint)));
}

TEST(Identity, NamesUpstreamUserFieldAndKey) {
    const Digest one = identifier().identity("pay", "k");
    EXPECT_EQ(one, Identifier(secret(), settings_with()).identity("pay", "k"));
    EXPECT_NE(one, identifier().identity("refund", "k"));
    EXPECT_NE(one, identifier().identity("pay", "K"));
    EXPECT_NE(one, Identifier(secret(), settings_with("other")).identity("pay", "k"));
    auto elsewhere = settings_with();
    elsewhere.upstream.url.text = "https://other.example.com/graphql";
    EXPECT_NE(one, Identifier(secret(), elsewhere).identity("pay", "k"));
    EXPECT_NE(one, Identifier(random_secret(), settings_with()).identity("pay", "k"));
}

TEST(Reading, HoldsTheKeysOfFieldsWhoseRuleReplaysRepeats) {
    const std::pair<const char*, std::size_t> cases[] = {
        {"mutation{pay(ref:\"a\"){id}}", 1},
        {"mutation{pay(ref:7){id}}", 1},
        {"mutation{pay(ref:\"a\\r\"){id}}", 1},
        {"mutation{pay(ref:\"a\"){id} refund(ref:\"a\"){id}}", 2},
        {"mutation{pay(ref:\"a\"){id} note(ref:\"a\"){id}}", 1},
        {"mutation{note(ref:\"a\"){id}}", 0},
        {"mutation{pay(ref:\" \"){id}}", 0},
        {"mutation{pay(ref:true){id}}", 0},
        {"mutation{pay{id}}", 0},
        {"query{pay(ref:\"a\"){id}}", 0},
        {"mutation{pay(ref:\"a\"){id}", 0},
    };
    for (const auto& [document, count] : cases) {
        const auto reading = read(request(document));
        EXPECT_EQ(reading ? reading->identities.size() : 0, count) << document;
    }
}

TEST(Reading, TakesAKeyFromAHeader) {
    const std::string body = request("mutation{head(x:1){id}}");
    graphql::RequestView view = view_of(body);
    EXPECT_FALSE(identifier().read(view));
    const std::vector<std::string_view> keys{"", "", "", "key-1"};
    const auto reading = identifier().read(view, keys);
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->identities.front(), identifier().identity("head", "key-1"));
}

TEST(Reading, SaysIfATransactionStandsThereTwice) {
    EXPECT_TRUE(read(request("mutation{a:pay(ref:\"k\"){id} b:pay(ref:\"k\"){id}}"))->doubled);
    EXPECT_FALSE(read(request("mutation{a:pay(ref:\"k\"){id} b:refund(ref:\"k\"){id}}"))->doubled);
    const std::string one = request("mutation{pay(ref:\"k\"){id}}");
    EXPECT_TRUE(read("[" + one + "," + one + "]")->doubled);
}

TEST(MayConcern, MissesNoGuardedMutation) {
    EXPECT_TRUE(identifier().may_concern(request("mutation{pay(ref:1)}")));
    EXPECT_TRUE(identifier().may_concern("{\"query\":\"mutation{\\u0070ay(ref:1)}\"}"));
    EXPECT_FALSE(identifier().may_concern(request("{cards{id}}")));
    EXPECT_FALSE(identifier().may_concern(request("mutation{note(ref:1)}")));
}

TEST(FingerprintText, IsReadAgainOnlyWithTheSameSecret) {
    const Digest print = read(pay("x:1"))->fingerprint;
    const std::string text = identifier().text_of(print);
    EXPECT_EQ(identifier().fingerprint_of(text), print);
    EXPECT_EQ(Identifier(random_secret(), settings_with()).fingerprint_of(text), std::nullopt);
    EXPECT_EQ(identifier().fingerprint_of(""), std::nullopt);
    EXPECT_EQ(identifier().fingerprint_of(text + "0"), std::nullopt);
}

} // namespace
} // namespace bearerd::transaction
