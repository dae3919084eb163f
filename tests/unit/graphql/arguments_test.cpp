#include <bearerd/graphql/arguments.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <ostream>

namespace bearerd::graphql {
namespace {

const std::array<KeyRule, 2> rules{{{"createBalanceAdjustment", "reference"}, {"createReversal", "line"}}};

RequestView json_request(std::string_view body) {
    return {false, "", "application/json", body};
}

/// "field=key field=key"; "?" if that is uncertain.
std::string read(const RequestView& request) {
    const auto fields = mutation_fields(request, rules);
    if (!fields)
        return "?";
    std::string text;
    for (const RootField& field : *fields) {
        text += (text.empty() ? "" : " ") + field.name + (field.rule ? std::to_string(*field.rule) : "") +
                "=" + field.key;
    }
    return text;
}

std::string body_of(const std::string& document, const std::string& variables, const char* operation = "") {
    nlohmann::json body{{"query", document}};
    if (!variables.empty())
        body["variables"] = nlohmann::json::parse(variables, nullptr, false);
    if (*operation != '\0')
        body["operationName"] = operation;
    return body.dump();
}

struct Case {
    const char* claim;
    const char* document;
    const char* variables;
    const char* expected;

    friend std::ostream& operator<<(std::ostream& out, const Case& value) { return out << value.claim; }
};

class MutationFields : public testing::TestWithParam<Case> {};

TEST_P(MutationFields, AreReadAsAServerReadsThem) {
    const Case& c = GetParam();
    EXPECT_EQ(read(json_request(body_of(c.document, c.variables))), c.expected) << c.document;
}

constexpr Case values[] = {
    {"Inline", R"(mutation{createBalanceAdjustment(value:-10,reference:"A-1",x:2){id}})", "",
     "createBalanceAdjustment0=A-1"},
    {"Escaped", R"(mutation{createBalanceAdjustment(reference:"A\"\u00e9\\"){id}})", "",
     "createBalanceAdjustment0=A\"\xC3\xA9\\"},
    {"Bytes16", R"(mutation{createBalanceAdjustment(reference:"""
        A-1
      """){id}})",
     "", "createBalanceAdjustment0=A-1"},
    {"Integer", "mutation{createReversal(line:42){id}}", "", "createReversal1=42"},
    {"Fraction", "mutation{createReversal(line:4.2){id}}", "", "createReversal1="},
    {"Enumerator", "mutation{createReversal(line:ABC){id}}", "", "createReversal1="},
    {"List", R"(mutation{createReversal(line:["A"]){id}})", "", "createReversal1="},
    {"Object", R"(mutation{createReversal(line:{line:"A"}){id}})", "", "createReversal1="},
    {"Null", "mutation{createReversal(line:null){id}}", "", "createReversal1="},
    {"Empty", R"(mutation{createReversal(line:""){id}})", "", "createReversal1="},
    {"Blank", R"(mutation{createReversal(line:"  "){id}})", "", "createReversal1="},
    {"WhiteSpaceOnly", R"(mutation{createReversal(line:"\r\n\t \u000B\u0000"){id}})", "", "createReversal1="},
    {"EndsInCr", R"(mutation{createReversal(line:"A\r"){id}})", "", "createReversal1=A\r"},
    {"EndsInCrLf", R"(mutation{createReversal(line:"A\r\n"){id}})", "", "createReversal1=A\r\n"},
    {"EndsInTab", "mutation{createReversal(line:\"A\t\"){id}}", "", "createReversal1=A\t"},
    {"BeginsWithLf", R"(mutation{createReversal(line:"\nA"){id}})", "", "createReversal1=\nA"},
    {"SeparatorsOfABarcode", R"(mutation{createReversal(line:"A\u001DB\u0004"){id}})", "",
     "createReversal1=A\x1D"
     "B\x04"},
    {"Delete", R"(mutation{createReversal(line:"A\u007F"){id}})", "", "createReversal1=A\x7F"},
    {"Surrogate", R"(mutation{createReversal(line:"\uD83D\uDE00"){id}})", "", "createReversal1="},
    {"Absent", "mutation{createReversal{id}}", "", "createReversal1="},
    {"OtherArgument", R"(mutation{createReversal(other:"A"){id}})", "", "createReversal1="},
    {"Nested", R"(mutation{createReversal(a:{line:"A"},b:[{line:"B"}]){line(line:"C")}})", "",
     "createReversal1="},
    {"Doubled", R"(mutation{createReversal(line:"A",line:"B"){id}})", "", "createReversal1="},
    {"WithoutRule", R"(mutation{transfer(line:"A"){id}})", "", "transfer="},
};

constexpr Case variables[] = {
    {"String", "mutation($r:String!){createReversal(line:$r){id}}", R"({"r":"A-1"})", "createReversal1=A-1"},
    {"EscapedString", "mutation($r:String!){createReversal(line:$r){id}}", "{\"r\":\"\xC3\xA9\\\"\"}",
     "createReversal1=\xC3\xA9\""},
    {"CrGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":"A-1\r"})", "createReversal1=A-1\r"},
    {"TabAndLfGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":"\tA-1\n"})",
     "createReversal1=\tA-1\n"},
    {"WhiteSpaceOnlyGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":"\r\n"})",
     "createReversal1="},
    {"IntegerGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":42})", "createReversal1=42"},
    {"FractionGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":4.5})", "createReversal1="},
    {"NullGiven", R"(mutation($r:ID="A"){createReversal(line:$r){id}})", R"({"r":null})", "createReversal1="},
    {"ListGiven", "mutation($r:ID!){createReversal(line:$r){id}}", R"({"r":["A"]})", "createReversal1="},
    {"NotGiven", "mutation($r:ID){createReversal(line:$r){id}}", "{}", "createReversal1="},
    {"NoVariables", "mutation($r:ID){createReversal(line:$r){id}}", "", "createReversal1="},
    {"NotDeclared", "mutation{createReversal(line:$r){id}}", R"({"r":"A"})", "createReversal1="},
    {"DeclaredTwice", "mutation($r:ID $r:ID){createReversal(line:$r){id}}", R"({"r":"A"})",
     "createReversal1="},
    {"Default", R"(mutation($o:[In!]={a:[1]} $r:ID="A"@d(x:[1])){createReversal(line:$r){id}})", "{}",
     "createReversal1=A"},
    {"DefaultWithNullVariables", R"(mutation($r:ID="A"){createReversal(line:$r){id}})", "null",
     "createReversal1=A"},
    {"DefaultOfManyTokens", R"(mutation($r:ID=["A"]){createReversal(line:$r){id}})", "{}",
     "createReversal1="},
    {"DefaultOverruled", R"(mutation($r:ID="A"){createReversal(line:$r){id}})", R"({"r":"B"})",
     "createReversal1=B"},
    {"VariablesInAList", R"(mutation($r:ID="A"){createReversal(line:$r){id}})", "[]", "createReversal1="},
};

constexpr Case selections[] = {
    {"Alias", R"(mutation{createReversal:createBalanceAdjustment(reference:"A"){id}})", "",
     "createBalanceAdjustment0=A"},
    {"Several", R"(mutation{a:createReversal(line:"A"){id}b:createReversal(line:"B"){id}other})", "",
     "createReversal1=A createReversal1=B other="},
    {"SameResponseName", R"(mutation{createReversal(line:"A"){id}createReversal(line:"A"){id}})", "", "?"},
    {"TypeName", R"(mutation{__typename createReversal(line:"A"){__typename}})", "", "createReversal1=A"},
    {"InlineFragments", R"(mutation{...on Mutation{...{createReversal(line:"A"){id}}}})", "",
     "createReversal1=A"},
    {"Fragments",
     R"(fragment F on Mutation{...G x} mutation{...F} fragment G on Mutation{createReversal(line:"A"){id}})",
     "", "createReversal1=A x="},
    {"FragmentSpreadTwice", R"(mutation{...F ...F} fragment F on Mutation{createReversal(line:"A"){id}})", "",
     "createReversal1=A"},
    {"FragmentOfItself", R"(mutation{...F} fragment F on Mutation{createReversal(line:"A"){id}...F})", "",
     "createReversal1=A"},
    {"FragmentNotDefined", R"(mutation{...F createReversal(line:"A"){id}})", "", "?"},
    {"FragmentDefinedTwice", "mutation{...F} fragment F on M{a} fragment F on M{b}", "", "?"},
    {"FragmentBelowTheRoot", R"(mutation{createReversal(line:"A"){...F}} fragment F on R{x(line:"B")})", "",
     "createReversal1=A"},
    {"Skipped", R"(mutation{a@skip(if:true)createReversal(line:"A")@skip(if:false){id}})", "",
     "createReversal1=A"},
    {"Included", R"(mutation{a@include(if:false)createReversal(line:"A")@include(if:true){id}})", "",
     "createReversal1=A"},
    {"SkippedByVariable", R"(mutation($s:Boolean!){a@skip(if:$s)createReversal(line:"A"){id}})",
     R"({"s":true})", "createReversal1=A"},
    {"SkippedByDefault", R"(mutation($s:Boolean=true){a@skip(if:$s)createReversal(line:"A"){id}})", "{}",
     "createReversal1=A"},
    {"SkippedByWhoKnows", R"(mutation($s:Boolean!){a@skip(if:$s)createReversal(line:"A"){id}})", "{}", "?"},
    {"SkippedByAString", R"(mutation($s:Boolean!){a@skip(if:$s)createReversal(line:"A"){id}})",
     R"({"s":"true"})", "?"},
    {"SkippedFragments",
     R"(mutation{...@skip(if:true){...{a}b@include(if:true)}...F@include(if:false)...F} )"
     R"(fragment F on M{createReversal(line:"A"){id}})",
     "", "createReversal1=A"},
    {"NothingLeft", "mutation{a@skip(if:true)}", "", ""},
    {"OtherDirective", R"(mutation{createReversal(line:"A")@client{id}})", "", "?"},
    {"BadCondition", R"(mutation{createReversal(line:"A")@skip(unless:true){id}})", "", "?"},
    {"Query", R"({createReversal(line:"A"){id}})", "", ""},
    {"Subscription", R"(subscription{createReversal(line:"A"){id}})", "", "?"},
    {"NoDocument", "mutation{", "", "?"},
    {"TwoOperations", "mutation A{a} mutation B{b}", "", "?"},
};

const auto name_of = [](const testing::TestParamInfo<Case>& info) { return std::string{info.param.claim}; };

INSTANTIATE_TEST_SUITE_P(Value, MutationFields, testing::ValuesIn(values), name_of);
INSTANTIATE_TEST_SUITE_P(Variable, MutationFields, testing::ValuesIn(variables), name_of);
INSTANTIATE_TEST_SUITE_P(Selection, MutationFields, testing::ValuesIn(selections), name_of);

TEST(MutationFields, AreThoseOfTheNamedOperation) {
    const std::string document = R"(query Q{a} mutation B($r:ID){createReversal(line:$r){id}} mutation C{c})";
    EXPECT_EQ(read(json_request(body_of(document, R"({"r":"A"})", "B"))), "createReversal1=A");
    EXPECT_EQ(read(json_request(body_of(document, R"({"r":"A"})", "C"))), "c=");
    EXPECT_EQ(read(json_request(body_of(document, R"({"r":"A"})", "D"))), "?");
}

TEST(MutationFields, OfABatchAreThoseOfAllItsMutations) {
    const auto element = [](const char* key) {
        return R"({"query":"mutation($r:ID){createReversal(line:$r){id}}","variables":{"r":")" +
               std::string{key} + R"("}})";
    };
    const std::string query = R"({"query":"{a}"})";
    EXPECT_EQ(read(json_request("[" + element("A") + "," + query + "," + element("B") + "]")),
              "createReversal1=A createReversal1=B");
    EXPECT_EQ(read(json_request("[" + element("A") + R"(,{"query":"mutation{"}])")), "?");
    EXPECT_EQ(read(json_request("[" + query + "]")), "");
}

TEST(MutationFields, AreNotToldWhereTheVariablesAreDoubtful) {
    const char* const document = R"({"query":"mutation($r:ID){createReversal(line:$r){id}}",)";
    const auto with = [&](const char* rest) { return read(json_request(document + std::string{rest})); };
    EXPECT_EQ(with(R"("variables":{"r":"A","r":"B"}})"), "createReversal1=");
    EXPECT_EQ(with(R"("variables":{"r":"A","\u0072":"A"}})"), "createReversal1=");
    EXPECT_EQ(with(R"("variables":{"\u0072":"A"}})"), "createReversal1=A");
    EXPECT_EQ(with(R"("variables":"{\"r\":\"A\"}"})"), "createReversal1=");
    EXPECT_EQ(with(R"("variables":{"r":"A"},"Variables":{"r":"B"}})"), "?");
}

TEST(MutationFields, AreNotToldWhereTheUrlMayGiveVariables) {
    const std::string body = body_of("mutation($r:ID){createReversal(line:$r){id}}", R"({"r":"A"})");
    const auto at = [&](std::string_view query) { return read({false, query, "application/json", body}); };
    EXPECT_EQ(at("shop=7"), "createReversal1=A");
    EXPECT_EQ(at("shop=7&variables={}"), "?");
    EXPECT_EQ(at("shop=7&VARIABLES[r]=B"), "?");
    for (const char* in_doubt :
         {"%76ariables={}", "a=b&%56ariables[r]=B", "variable%73=", "my+variables[]=1", "a;variables=1",
          "a=1;%76ariables=1", "%2576ariables={}", "a%", "a%zz=1", "%00variables=1"})
        EXPECT_EQ(at(in_doubt), "?") << in_doubt;
    for (const char* harmless :
         {"shop=K%C3%B6ln", "k%C3%B6ln=7&x", "a=b%20c", "a=variables", "variable=1", "%20=&&=", "var=iables"})
        EXPECT_EQ(at(harmless), "createReversal1=A") << harmless;
}

TEST(MutationFields, AreFoundInOtherFormsOfRequests) {
    EXPECT_EQ(read({false, "", "application/graphql", R"(mutation{createReversal(line:"A"){id}})"}),
              "createReversal1=A");
    EXPECT_EQ(read({false, "", "multipart/form-data; boundary=b",
                    "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n"
                    R"({"query":"mutation{createReversal(line:\"A\"){id}}"})"
                    "\r\n--b--\r\n"}),
              "createReversal1=A");
    EXPECT_EQ(read({true, "query={a}", "", ""}), "?");
}

TEST(MutationFields, AreBounded) {
    std::string document = "mutation{";
    for (std::size_t i = 0; i < max_root_fields; ++i)
        document += "f" + std::to_string(i) + " ";
    EXPECT_NE(read(json_request(body_of(document + "}", ""))), "?");
    EXPECT_EQ(read(json_request(body_of(document + "last}", ""))), "?");

    const std::string key(max_key_size, 'k');
    const auto with_key = [](const std::string& text) {
        return read(json_request(body_of("mutation{createReversal(line:\"" + text + "\"){id}}", "")));
    };
    EXPECT_EQ(with_key(key), "createReversal1=" + key);
    EXPECT_EQ(with_key(key + "k"), "createReversal1=");

    std::string deep = "mutation{";
    for (int i = 0; i < 100; ++i)
        deep += "...{";
    deep += "a" + std::string(101, '}');
    EXPECT_EQ(read(json_request(body_of(deep, ""))), "?");
}

TEST(MutationFields, TakeNoKeyFromVariablesThatOnlySomeServersRead) {
    for (const char* const name :
         {"Variables", "VARIABLES", "variables ", "variable\xC5\xBF", "variables[]"}) {
        const auto with = [name](const std::string& argument) {
            return read(json_request(R"({"query":"mutation($r:String=\"D\"){createReversal(line:)" +
                                     argument + R"(){id}}",")" + name + R"(":{"r":"A"}})"));
        };
        EXPECT_EQ(with("$r"), "createReversal1=") << name;
        EXPECT_EQ(with("7"), "createReversal1=7") << name;
    }
    EXPECT_EQ(read(json_request(
                  R"({"query":"mutation($r:ID){createReversal(line:$r){id}}","variables":{"r":"A"}})")),
              "createReversal1=A");
}

TEST(Keys, AreGoodOnlyWhereEachFieldHasItsOwn) {
    const RootField a{"f", 0, "A"};
    const RootField lower{"f", 0, "a"};
    const RootField b{"g", 1, "B"};
    const RootField scanned{"f", 0, "A\r"};
    const RootField none{"h", std::nullopt, ""};
    const auto good = [](std::vector<RootField> fields) { return each_has_its_key(fields); };
    EXPECT_TRUE(good({a}));
    EXPECT_TRUE(good({a, b}));
    EXPECT_FALSE(good({}));
    EXPECT_FALSE(good({a, none}));
    EXPECT_FALSE(good({a, b, a}));
    EXPECT_FALSE(good({a, lower}));
    EXPECT_FALSE(good({a, scanned})) << "the same to a server that trims";
}

TEST(Keys, AreLackingOnlyIfARuleNamesOne) {
    const RootField with{"f", 0, "A"};
    const RootField without{"f", 0, ""};
    const RootField no_rule{"h", std::nullopt, ""};
    const auto lacking = [](std::vector<RootField> fields) { return lacks_its_key(fields); };
    EXPECT_FALSE(lacking({}));
    EXPECT_FALSE(lacking({with, no_rule}));
    EXPECT_TRUE(lacking({with, without}));
}

TEST(AsksByKey, TakesAQueryOfTheVariableKeyAlone) {
    EXPECT_TRUE(asks_by_key("query($key:String!){a(b:$key){id}}"));
    EXPECT_TRUE(asks_by_key("query Q($key:ID=\"\"){...F} fragment F on Q{a(b:[$key]){id}}"));
    for (const char* const document :
         {"", "query", "{a}", "query($key:String!){a}", "query($id:String!){a(b:$id)}",
          "query($key:String!,$x:Int){a(b:$key)}", "query($key:String!){a(b:$key,c:$x)}",
          "query($key:String!,$key:String!){a(b:$key)}", "mutation($key:String!){a(b:$key)}",
          "subscription($key:String!){a(b:$key)}", "query A($key:ID){a(b:$key)} query B{a}",
          "{a(b:$key,c:$key)}", "query($key:String!){a(b:\"$key\")}"})
        EXPECT_FALSE(asks_by_key(document)) << document;
}

// Each of these reads some 10^11 bytes, which takes minutes, if every use is looked up again.
std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    out.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        out += text;
    return out;
}

constexpr std::size_t many = 200'000;

TEST(MutationFieldsOfLargeRequests, LookAtTheVariablesOnceHoweverOftenOneIsUsed) {
    std::string others;
    for (std::size_t i = 0; i < many; ++i)
        others += "\"x" + std::to_string(i) + "\":0,";
    const std::string uses = repeated("a:$r,", many);
    const std::string skips = repeated("@include(if:$b)", many / 4);
    EXPECT_EQ(
        read(json_request(R"({"query":"mutation($r:String,$b:Boolean){createReversal()" + uses + "line:$r)" +
                          skips + R"({id}}","variables":{)" + others + R"("b":true,"r":"A-1"}})")),
        "createReversal1=A-1");
}

TEST(MutationFieldsOfLargeRequests, ReadAValueOrADefaultOnceHoweverOftenItIsUsed) {
    const std::string large(1U << 20U, 'v');
    const std::string uses = repeated("a:$v,b:$d,", many);
    EXPECT_EQ(read(json_request(R"({"query":"mutation($v:String,$d:String=\")" + large +
                                R"(\",$r:ID){createReversal()" + uses +
                                R"(line:$r){id}}","variables":{"r":7,"v":")" + large + R"("}})")),
              "createReversal1=7");
    EXPECT_EQ(
        read(json_request(R"({"query":"mutation($v:String){createReversal()" + repeated("line:$v,", many) +
                          R"(line:$v){id}}","variables":{"v":")" + large + R"("}})")),
        "createReversal1=");
}

TEST(MutationFieldsOfLargeRequests, FindAFragmentOnceHoweverOftenItIsSpread) {
    std::string fragments;
    std::string spreads;
    const std::string prefix(4000, 'f');
    for (int i = 100; i < 340; ++i) {
        fragments += " fragment " + prefix + std::to_string(i) + " on M{__typename}";
        spreads += "..." + prefix + std::to_string(i) + " ";
    }
    const std::string element =
        R"({"query":"mutation{)" + repeated(spreads, 4) + "createReversal(line:1){id}}" + fragments + R"("})";
    EXPECT_EQ(read(json_request(element)), "createReversal1=1");
    EXPECT_EQ(read(json_request("[" + element + "," + element + "]")), "createReversal1=1 createReversal1=1");
}

TEST(MutationFieldsOfLargeRequests, KnowADoubledVariableFromOneThatIsGivenOnce) {
    std::string declarations;
    std::string given;
    for (int i = 0; i < 200; ++i) {
        declarations += "$v" + std::to_string(i) + ":ID=" + std::to_string(i) + ",";
        if (i % 2 == 0)
            given += "\"\\u0076" + std::to_string(i) + "\":\"given" + std::to_string(i) + "\",";
    }
    const auto with = [&](const std::string& name) {
        return read(json_request(R"({"query":"mutation()" + declarations +
                                 "$twice:ID,$twice:ID){createReversal(line:$" + name +
                                 R"(){id}}","variables":{)" + given + R"("twice":1,"v8":"again"}})"));
    };
    EXPECT_EQ(with("v198"), "createReversal1=given198");
    EXPECT_EQ(with("v199"), "createReversal1=199");
    EXPECT_EQ(with("v0"), "createReversal1=given0");
    EXPECT_EQ(with("v8"), "createReversal1=");
    EXPECT_EQ(with("twice"), "createReversal1=");
    EXPECT_EQ(with("v200"), "createReversal1=");
}

} // namespace
} // namespace bearerd::graphql
