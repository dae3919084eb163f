#include "faults.hpp"

#include <algorithm>
#include <array>

namespace bearerd::sim {
namespace {

using Kind = Fault::Kind;

struct Name {
    Kind kind;
    std::string_view text;
};

constexpr std::array name_table{
    Name{Kind::delay, "delay"},
    Name{Kind::delay_after, "delay_after"},
    Name{Kind::reject, "reject"},
    Name{Kind::reject_401, "reject_401"},
    Name{Kind::close_before, "close_before"},
    Name{Kind::close_after, "close_after"},
    Name{Kind::half_answer, "half_answer"},
    Name{Kind::half_answer_rst, "half_answer_rst"},
    Name{Kind::half_header, "half_header"},
    Name{Kind::garbage, "garbage"},
    Name{Kind::stale_fin, "stale_fin"},
    Name{Kind::stale_rst, "stale_rst"},
    Name{Kind::tls_stall, "tls_stall"},
    Name{Kind::tls_hold, "tls_hold"},
    Name{Kind::hold, "hold"},
    Name{Kind::bad_login, "bad_login"},
    Name{Kind::login_no_token, "login_no_token"},
    Name{Kind::account_locked, "account_locked"},
    Name{Kind::status, "status"},
    Name{Kind::trickle, "trickle"},
    Name{Kind::unauthorized_in_data, "unauthorized_in_data"},
    Name{Kind::unauthorized_beside_data, "unauthorized_beside_data"},
    Name{Kind::deep_path, "deep_path"},
    Name{Kind::chunked, "chunked"},
    Name{Kind::chunked_trailer, "chunked_trailer"},
    Name{Kind::close_delimited, "close_delimited"},
    Name{Kind::close_delimited_truncated, "close_delimited_truncated"},
    Name{Kind::early_hints, "early_hints"},
    Name{Kind::huge, "huge"},
    Name{Kind::older_token, "older_token"},
    Name{Kind::foreign_token, "foreign_token"},
    Name{Kind::new_token, "new_token"},
    Name{Kind::gzip, "gzip"},
    Name{Kind::deflate, "deflate"},
    Name{Kind::reorder, "reorder"},
    Name{Kind::down, "down"},
};

/// Reads one fault; throws std::string, the reason, which `add` returns.
class FaultReader {
public:
    explicit FaultReader(const Json& json) : json_(json) {
        if (!json_.is_object())
            throw std::string("a fault is an object, or the list is one of objects");
        for (const auto& [key, value] : json_.items())
            if (std::find(keys.begin(), keys.end(), key) == keys.end())
                throw "unknown key \"" + key + "\"";
    }

    Fault fault() const {
        Fault fault;
        fault.kind = kind();
        if (const auto& value = member(json_, "probability"); !value.is_null()) {
            if (!value.is_number() || value.get<double>() < 0.0 || value.get<double>() > 1.0)
                throw std::string("\"probability\" is a number from 0 to 1");
            fault.probability = value.get<double>();
        }
        fault.next = number("next", fault.next);
        fault.after = number("after", fault.after);
        fault.every = std::max<std::int64_t>(1, number("every", fault.every));
        fault.delay = std::chrono::milliseconds(number("delay_ms", 0));
        fault.status = static_cast<unsigned>(number("status", fault.status));
        fault.retry_after = number("retry_after", fault.retry_after);
        fault.bytes = number("bytes", fault.bytes);
        fault.executes = is_true(member(json_, "executes"));
        if (fault.status < 200 || fault.status > 599)
            throw std::string("\"status\" is a number from 200 to 599");
        operations(fault);
        return fault;
    }

private:
    static constexpr std::array<std::string_view, 12> keys{
        "kind",       "probability", "next",        "after",    "every", "delay_ms",
        "operations", "status",      "retry_after", "executes", "bytes", "seed"};

    Kind kind() const {
        const auto text = string_of(member(json_, "kind")).value_or("");
        const auto found =
            std::find_if(name_table.begin(), name_table.end(), [&text](Name n) { return n.text == text; });
        if (found == name_table.end())
            throw "unknown kind \"" + text + "\"";
        return found->kind;
    }

    std::int64_t number(std::string_view key, std::int64_t fallback) const {
        const auto& value = member(json_, key);
        if (value.is_null())
            return fallback;
        const auto read = integer_of(value);
        if (!read || *read < 0 || *read > (std::int64_t{1} << 40))
            throw "\"" + std::string(key) + "\" is a whole number, not negative";
        return *read;
    }

    void operations(Fault& fault) const {
        const auto& value = member(json_, "operations");
        if (value.is_null())
            return;
        const auto text = string_of(value).value_or("");
        const bool any = text == "any";
        if (!any && text != "query" && text != "mutation" && text != "login")
            throw std::string("\"operations\" is query, mutation, login or any");
        fault.queries = any || text == "query";
        fault.mutations = any || text == "mutation";
        fault.logins = any || text == "login";
    }

    const Json& json_;
};

bool fits(const Fault& fault, Traffic traffic) {
    const bool of_connections = fault.kind == Kind::tls_stall || fault.kind == Kind::tls_hold;
    switch (traffic) {
    case Traffic::connection:
        return of_connections;
    case Traffic::query:
        return fault.queries && !of_connections;
    case Traffic::mutation:
        return fault.mutations && !of_connections;
    case Traffic::login:
        return fault.logins && !of_connections;
    }
    return false;
}

} // namespace

std::string_view name_of(Kind kind) {
    return std::find_if(name_table.begin(), name_table.end(), [kind](Name n) { return n.kind == kind; })
        ->text;
}

std::vector<std::string_view> fault_names() {
    std::vector<std::string_view> list;
    for (const auto& name : name_table)
        list.push_back(name.text);
    return list;
}

std::string Faults::add(const Json& json) {
    std::vector<Fault> read;
    try {
        if (json.is_array()) {
            for (const auto& item : json)
                read.push_back(FaultReader(item).fault());
        } else {
            read.push_back(FaultReader(json).fault());
        }
    } catch (const std::string& reason) {
        return reason;
    }
    for (const auto& item : json.is_array() ? json : Json::array({json}))
        if (const auto seed = integer_of(member(item, "seed")))
            random_.seed(static_cast<std::uint64_t>(*seed));
    faults_.insert(faults_.end(), read.begin(), read.end());
    return {};
}

// Own arithmetic on the generator's bits: std::bernoulli_distribution may differ between libraries.
bool Faults::hit(double probability) {
    if (probability >= 1.0)
        return true;
    return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
}

std::vector<Fault> Faults::strike(Traffic traffic) {
    std::vector<Fault> struck;
    for (auto& fault : faults_) {
        if (!fits(fault, traffic) || fault.next == 0 || find(struck, fault.kind) != nullptr)
            continue;
        if (fault.after > 0) {
            --fault.after;
            continue;
        }
        if (fault.fitting++ % fault.every != 0 || !hit(fault.probability))
            continue;
        struck.push_back(fault);
        if (fault.next > 0)
            --fault.next;
    }
    std::erase_if(faults_, [](const Fault& fault) { return fault.next == 0; });
    return struck;
}

Json Faults::describe() const {
    Json list = Json::array();
    for (const auto& fault : faults_)
        list.push_back({{"kind", name_of(fault.kind)},
                        {"probability", fault.probability},
                        {"next", fault.next},
                        {"after", fault.after},
                        {"every", fault.every},
                        {"delay_ms", fault.delay.count()}});
    return list;
}

const Fault* find(const std::vector<Fault>& faults, Kind kind) {
    const auto found =
        std::find_if(faults.begin(), faults.end(), [kind](const Fault& fault) { return fault.kind == kind; });
    return found == faults.end() ? nullptr : &*found;
}

} // namespace bearerd::sim
