#include <bearerd/graphql/arguments.hpp>
#include <bearerd/journal/record.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iomanip>
#include <ostream>
#include <sstream>

namespace bearerd::journal {

std::ostream& operator<<(std::ostream& out, const Record& record) {
    return out << encode(record);
}

namespace {

using outcome::Executed;
using testing::ElementsAre;
using testing::IsEmpty;

const Intent sale{17, 1'764'041'031'123, "id-1", "Redeem", 0x9f3a0001, {{"redeem", "reference", "sale-1"}}};
const Outcome answered{17, 1'764'041'032'000, Executed::yes, 200, "ok", Source::answer};
const Start begun{17, 1'764'041'030'000};

std::vector<Record> read(std::string_view bytes, Damage expected = {}) {
    std::vector<Record> records;
    const Damage damage =
        read_records(bytes, [&records](Record record) { records.push_back(std::move(record)); });
    EXPECT_EQ(damage, expected) << damage.records << ", " << damage.torn_bytes;
    return records;
}

TEST(Record, IsALineOfJsonBehindItsSum) {
    EXPECT_EQ(
        encode(sale),
        "899cbd79 {\"type\":\"intent\",\"n\":17,\"at\":1764041031123,\"id\":\"id-1\",\"op\":\"Redeem\","
        "\"to\":\"9f3a0001\",\"fields\":[{\"name\":\"redeem\",\"arg\":\"reference\",\"key\":\"sale-1\"}]}\n");
}

TEST(Record, HasTheTraceIdIfTheAppSentOne) {
    Intent traced = sale;
    traced.trace_id = "63011900199906406626301190019990"; // digits alone: not masked
    EXPECT_THAT(encode(traced), testing::HasSubstr(",\"trace\":\"63011900199906406626301190019990\"}\n"));
    EXPECT_THAT(read(encode(traced)), ElementsAre(Record{traced}));
    EXPECT_THAT(encode(sale), testing::Not(testing::HasSubstr("trace"))); // as records were before
}

TEST(Record, IsReadAsItWasWritten) {
    const Intent bare{18, 0, "", "", 0, {}};
    const Intent several{19, 5, "\"\n\x01", "Two", 1, {{"a", "", ""}, {"b", "key", "\xC3\xA9\"\n"}}};
    const Outcome looked_up{18, 6, Executed::yes, 504, "outcome_unknown", Source::lookup};
    const Outcome recovered{19, 7, Executed::unknown, 0, "", Source::recovery};
    const Outcome refused{17, 7, Executed::no, 503, "overloaded", Source::answer};
    std::string bytes;
    const std::vector<Record> all{begun, sale, bare, several, answered, looked_up, recovered, refused};
    for (const Record& record : all)
        bytes += encode(record);
    EXPECT_EQ(read(bytes), all);
}

TEST(Record, TakesNoMoreOfTheAppsTextThanItsBounds) {
    Intent intent = sale;
    intent.request_id = std::string(500, 'i');
    intent.operation = std::string(500, 'o');
    intent.fields = {{std::string(500, 'n'), std::string(500, 'a'), std::string(256, 'k')}};
    intent.request_id += "\xff";
    const auto records = read(encode(intent));
    ASSERT_EQ(records.size(), 1U);
    const auto& got = std::get<Intent>(records[0]);
    EXPECT_EQ(got.request_id, std::string(max_text, 'i'));
    EXPECT_EQ(got.operation, std::string(max_text, 'o'));
    EXPECT_EQ(got.fields[0].name, std::string(max_text, 'n'));
    EXPECT_EQ(got.fields[0].argument, std::string(max_text, 'a'));
    EXPECT_EQ(got.fields[0].key, std::string(256, 'k'));
}

TEST(Record, FitsALineHoweverMuchEscapingItTakes) {
    Intent intent = sale;
    intent.request_id = std::string(max_text, '\x01');
    intent.fields.assign(graphql::max_root_fields,
                         {std::string(max_text, '\x01'), std::string(max_text, '\x01'),
                          std::string(graphql::max_key_size, '\x01')});
    const std::string line = encode(intent);
    EXPECT_LE(line.size(), max_record);
    EXPECT_EQ(read(line).size(), 1U);
}

TEST(Record, KeepsAKeyWhateverCharactersItHolds) {
    for (const std::string key : {"A-1\r", "A-1\t", "A-1\n", "\r\nA\n\n", "\x1b[2J", "\x7f", "\xC2\x9b",
                                  "\xE2\x80\xAE", "\"\\", "{}"}) {
        Intent intent = sale;
        intent.fields = {{"f", "a", key}};
        const std::string line = encode(intent);
        EXPECT_EQ(line.find('\n'), line.size() - 1) << "one record a line";
        EXPECT_THAT(read(line), ElementsAre(Record{intent}));
    }
}

TEST(Journal, IsReadToWhereACrashToreIt) {
    const std::string last = encode(answered);
    for (std::size_t size = 1; size < last.size(); ++size)
        EXPECT_THAT(read(encode(sale) + last.substr(0, size), {0, size}), ElementsAre(Record{sale}));
    EXPECT_THAT(read(""), IsEmpty());
}

TEST(Journal, IsReadPastDamageWhereverItIs) {
    const std::string middle = encode(sale);
    for (std::size_t i = 0; i < middle.size(); ++i) {
        std::string bytes = middle;
        bytes[i] = static_cast<char>(bytes[i] ^ 4);
        std::vector<Record> records;
        const Damage damage = read_records(encode(begun) + bytes + encode(answered),
                                           [&](Record record) { records.push_back(std::move(record)); });
        const bool joined = i + 1 == middle.size(); // without its end the line takes the next one with it
        EXPECT_EQ(damage.records, 1U) << i;
        EXPECT_EQ(records.size(), joined ? 1U : 2U) << i;
        EXPECT_EQ(records[0], Record{begun});
    }
    EXPECT_THAT(read(std::string(4096, '\0') + "\n\n" + middle, {2, 0}), ElementsAre(Record{sale}));
}

/// A line whose sum is right, whatever it says.
std::string line(const std::string& text) {
    std::uint32_t sum = 0xFFFF'FFFFU;
    for (const char c : text) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xEDB8'8320U : 0U);
    }
    std::ostringstream made;
    made << std::hex << std::setw(8) << std::setfill('0') << ~sum << ' ' << text << '\n';
    return made.str();
}

TEST(Journal, PassesOverWhatALaterVersionWrites) {
    EXPECT_THAT(read(line(R"({"type":"weather","n":1})") + encode(sale)), ElementsAre(Record{sale}));
}

TEST(Journal, BelievesNoRecordThatLacksAPart) {
    const char* const cases[] = {
        R"([])",
        R"({})",
        R"({"type":"start","n":1})",
        R"({"type":"start","n":-1,"at":1})",
        R"({"type":"start","n":1,"at":9223372036854775808})",
        R"({"type":"outcome","n":1,"at":1,"executed":"perhaps","status":200,"code":"ok","by":"answer"})",
        R"({"type":"outcome","n":1,"at":1,"executed":"yes","status":65536,"code":"ok","by":"answer"})",
        R"({"type":"outcome","n":1,"at":1,"executed":"yes","status":200,"code":"ok","by":"guess"})",
        R"({"type":"intent","n":1,"at":1,"id":"","op":"","to":"xyz","fields":[]})",
        R"({"type":"intent","n":1,"at":1,"id":"","op":"","to":"00000001","fields":{}})",
        R"({"type":"intent","n":1,"at":1,"id":"","op":"","to":"00000001","fields":[7]})",
        R"({"type":"intent","n":1,"at":1,"id":"","op":"","to":"00000001","fields":[{"name":"a","key":"k"}]})",
        R"({"type":"intent","n":1,"at":1,"id":"","op":"","to":"00000001","fields":[[[[[[[]]]]]]]})",
        R"({"type":"intent","n":1.5,"at":1,"id":"","op":"","to":"00000001","fields":[]})",
        R"({"type":)",
    };
    for (const char* const text : cases)
        EXPECT_THAT(read(line(text), {1, 0}), IsEmpty()) << text;
}

TEST(Account, TellsUpstreamsAndUsersApart) {
    EXPECT_EQ(account_of("https://a/", "till"), account_of("https://a/", "till"));
    EXPECT_NE(account_of("https://a/", "till"), account_of("https://b/", "till"));
    EXPECT_NE(account_of("https://a/", "till"), account_of("https://a/", "till2"));
}

TEST(Record, OfATransactionComesBackAsItWas) {
    Intent intent;
    intent.number = 3;
    intent.request_id = "id";
    intent.fields = {{"pay", "ref", "k\r"}};
    intent.fingerprint = "0a1b2c3d.00112233445566778899aabbccddeeff";
    Outcome outcome;
    outcome.number = 3;
    outcome.executed = outcome::Executed::answered;
    outcome.code = "graphql_error";
    outcome.source = Source::repeat;
    outcome.nothing_ran = true;
    outcome.unheard = true;
    outcome.boot = "0a1b2c3d";
    outcome.up_s = 77;
    const std::vector<Record> records{
        intent, outcome, Close{3, 5, outcome::Executed::no, "maria", "not in the back \"office\"\n"},
        Heard{3, 6}};
    std::string bytes;
    for (const Record& record : records)
        bytes += encode(record);
    std::vector<Record> found;
    EXPECT_EQ(read_records(bytes, [&found](Record record) { found.push_back(std::move(record)); }), Damage{});
    EXPECT_EQ(found, records);
}

} // namespace
} // namespace bearerd::journal
