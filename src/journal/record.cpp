#include <bearerd/journal/record.hpp>

#include <bearerd/base/hex.hpp>

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <array>
#include <optional>

namespace bearerd::journal {
namespace {

using Json = nlohmann::ordered_json;
using outcome::Executed;

constexpr std::size_t sum_digits = 8;
constexpr int deepest = 4; // fields hold objects of strings
constexpr std::array executed_values{Executed::no, Executed::yes, Executed::unknown, Executed::answered};
constexpr std::array source_values{Source::answer, Source::lookup, Source::recovery, Source::repeat};

std::uint32_t sum_of(std::string_view bytes) noexcept {
    const auto* const data = reinterpret_cast<const Bytef*>(bytes.data());
    return static_cast<std::uint32_t>(::crc32_z(0, data, bytes.size()));
}

std::string hex(std::uint32_t value) {
    std::string text(sum_digits, '0');
    for (std::size_t i = sum_digits; i-- > 0; value >>= 4U)
        text[i] = hex_digits[value & 0xFU];
    return text;
}

std::string shortened(std::string_view text) {
    return std::string{text.substr(0, max_text)};
}

Json to_json(const Intent& intent) {
    Json fields = Json::array();
    for (const MutationField& field : intent.fields) {
        Json entry{{"name", shortened(field.name)}};
        if (!field.key.empty()) {
            entry["arg"] = shortened(field.argument);
            entry["key"] = field.key;
        }
        fields.push_back(std::move(entry));
    }
    Json json{{"type", "intent"},
              {"n", intent.number},
              {"at", intent.at_ms},
              {"id", shortened(intent.request_id)},
              {"op", shortened(intent.operation)},
              {"to", hex(intent.account)},
              {"fields", std::move(fields)}};
    if (!intent.trace_id.empty())
        json["trace"] = shortened(intent.trace_id);
    if (!intent.fingerprint.empty())
        json["print"] = shortened(intent.fingerprint);
    return json;
}

void add_uptime(Json& json, std::string_view boot, std::uint64_t up_s) {
    if (boot.empty())
        return;
    json["boot"] = shortened(boot);
    json["up"] = up_s;
}

Json to_json(const Outcome& outcome) {
    Json json{{"type", "outcome"},
              {"n", outcome.number},
              {"at", outcome.at_ms},
              {"executed", outcome::to_string(outcome.executed)},
              {"status", outcome.status},
              {"code", shortened(outcome.code)},
              {"by", to_string(outcome.source)}};
    if (outcome.nothing_ran)
        json["null"] = true;
    if (outcome.unheard)
        json["unheard"] = true;
    add_uptime(json, outcome.boot, outcome.up_s);
    return json;
}

Json to_json(const Close& close) {
    Json json{{"type", "close"},
              {"n", close.number},
              {"at", close.at_ms},
              {"executed", outcome::to_string(close.executed)},
              {"user", shortened(close.user)},
              {"reason", close.reason.substr(0, max_reason)}};
    add_uptime(json, close.boot, close.up_s);
    return json;
}

Json to_json(const Heard& heard) {
    return {{"type", "heard"}, {"n", heard.number}, {"at", heard.at_ms}};
}

Json to_json(const Start& start) {
    return {{"type", "start"}, {"n", start.number}, {"at", start.at_ms}};
}

/// Reads members one by one; the first one that is missing or of another type makes the record invalid.
class Reader {
public:
    explicit Reader(const Json& object) : object_{object} {}

    [[nodiscard]] std::string text(const char* name) {
        const Json* const value = member(name);
        const auto* const string = value != nullptr ? value->get_ptr<const std::string*>() : nullptr;
        good_ = good_ && string != nullptr;
        return string != nullptr ? *string : std::string{};
    }

    template<class T>
    [[nodiscard]] T number(const char* name) {
        const Json* const value = member(name);
        std::uint64_t number = 0;
        if (const auto* const found =
                value != nullptr ? value->get_ptr<const Json::number_unsigned_t*>() : nullptr)
            number = *found;
        else
            good_ = false;
        good_ = good_ && std::in_range<T>(number);
        return good_ ? static_cast<T>(number) : T{};
    }

    template<class T, std::size_t Size>
    [[nodiscard]] T one_of(const char* name, const std::array<T, Size>& values) {
        const std::string word = text(name);
        for (const T value : values)
            if (to_string(value) == word)
                return value;
        good_ = false;
        return values[0];
    }

    [[nodiscard]] const Json* list(const char* name) {
        const Json* const value = member(name);
        good_ = good_ && value != nullptr && value->is_array();
        return good_ ? value : nullptr;
    }

    [[nodiscard]] bool has(const char* name) const { return member(name) != nullptr; }

    void spoil() noexcept { good_ = false; }

    [[nodiscard]] bool good() const noexcept { return good_; }

private:
    [[nodiscard]] const Json* member(const char* name) const {
        const auto found = object_.is_object() ? object_.find(name) : object_.end();
        return found == object_.end() ? nullptr : &*found;
    }

    const Json& object_;
    bool good_ = true;
};

Intent intent_of(Reader& in) {
    Intent intent;
    intent.number = in.number<std::uint64_t>("n");
    intent.at_ms = in.number<std::int64_t>("at");
    intent.request_id = in.text("id");
    intent.operation = in.text("op");
    const auto account = parse_integer<std::uint32_t>(in.text("to"), 16);
    intent.account = account.value_or(0);
    if (!account)
        in.spoil();
    const Json* const fields = in.list("fields");
    for (const Json& entry : fields != nullptr ? *fields : Json::array()) {
        Reader field{entry};
        intent.fields.push_back({field.text("name"), {}, {}});
        if (field.has("key")) {
            intent.fields.back().argument = field.text("arg");
            intent.fields.back().key = field.text("key");
        }
        if (!field.good())
            in.spoil();
    }
    if (in.has("trace")) // older records have none
        intent.trace_id = in.text("trace");
    if (in.has("print"))
        intent.fingerprint = in.text("print");
    return intent;
}

Outcome outcome_of(Reader& in) {
    Outcome outcome;
    outcome.number = in.number<std::uint64_t>("n");
    outcome.at_ms = in.number<std::int64_t>("at");
    outcome.executed = in.one_of("executed", executed_values);
    outcome.status = in.number<std::uint16_t>("status");
    outcome.code = in.text("code");
    outcome.source = in.one_of("by", source_values);
    outcome.nothing_ran = in.has("null");
    outcome.unheard = in.has("unheard");
    if (in.has("boot")) {
        outcome.boot = in.text("boot");
        outcome.up_s = in.number<std::uint64_t>("up");
    }
    return outcome;
}

Close close_of(Reader& in) {
    Close close;
    close.number = in.number<std::uint64_t>("n");
    close.at_ms = in.number<std::int64_t>("at");
    close.executed = in.one_of("executed", executed_values);
    close.user = in.text("user");
    close.reason = in.text("reason");
    if (in.has("boot")) {
        close.boot = in.text("boot");
        close.up_s = in.number<std::uint64_t>("up");
    }
    return close;
}

/// Returns whether the line is whole. `record`: nullopt if it has a type of a later version.
bool decode(std::string_view line, std::optional<Record>& record) {
    if (line.size() <= sum_digits + 1 || line.size() > max_record || line[sum_digits] != ' ')
        return false;
    const std::string_view text = line.substr(sum_digits + 1);
    if (parse_integer<std::uint32_t>(line.substr(0, sum_digits), 16) != sum_of(text))
        return false;
    bool too_deep = false;
    const auto look = [&too_deep](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
    };
    const Json json = Json::parse(text, look, false);
    if (too_deep || !json.is_object())
        return false;
    Reader in{json};
    const std::string type = in.text("type");
    if (type == "intent")
        record = intent_of(in);
    else if (type == "outcome")
        record = outcome_of(in);
    else if (type == "start")
        record = Start{in.number<std::uint64_t>("n"), in.number<std::int64_t>("at")};
    else if (type == "close")
        record = close_of(in);
    else if (type == "heard")
        record = Heard{in.number<std::uint64_t>("n"), in.number<std::int64_t>("at")};
    return in.good();
}

} // namespace

std::uint32_t account_of(std::string_view upstream_url, std::string_view user) {
    return sum_of(std::string{upstream_url}.append("\n").append(user));
}

std::string_view to_string(Source source) noexcept {
    switch (source) {
    case Source::answer:
        return "answer";
    case Source::lookup:
        return "lookup";
    case Source::repeat:
        return "repeat";
    case Source::recovery:
        break;
    }
    return "recovery";
}

std::string encode(const Record& record) {
    const Json json = std::visit([](const auto& each) { return to_json(each); }, record);
    const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return hex(sum_of(text)) + " " + text + "\n";
}

Damage read_records(std::string_view bytes, const std::function<void(Record)>& each) {
    Damage damage;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) {
            damage.torn_bytes = bytes.size();
            break;
        }
        std::optional<Record> record;
        if (!decode(bytes.substr(0, end), record))
            ++damage.records;
        else if (record)
            each(std::move(*record));
        bytes.remove_prefix(end + 1);
    }
    return damage;
}

} // namespace bearerd::journal
