#pragma once

#include <bearerd/fleet/store.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bearerd::fleet::test {

/// A store in memory with the few commands that logins use. It knows their scripts by what they call.
class FakeStore final : public Store {
public:
    explicit FakeStore(std::function<TimePoint()> clock) : clock_{std::move(clock)} {}

    net::Task<std::vector<std::optional<Value>>> call_all(std::vector<Command> all,
                                                          Duration within) override {
        ++trips;
        longest_wait = std::max(longest_wait, within);
        return run_all(std::move(all));
    }

    [[nodiscard]] Presence presence() const noexcept override {
        if (!reached)
            return Presence::starting;
        return away ? Presence::away : Presence::ready;
    }

    /// The value of the one key whose name has this part; empty if there is none.
    [[nodiscard]] std::string value(const std::string& part) const {
        for (const auto& [name, entry] : entries_)
            if (name.find(part) != std::string::npos && alive(name))
                return entry.fields.contains("") ? entry.fields.at("") : "a hash";
        return {};
    }

    [[nodiscard]] std::size_t count(const std::string& name) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            commands, [&name](const Command& command) { return command.front() == name; }));
    }

    void clear() { entries_.clear(); }

    /// Changes one byte of the sealed token.
    void damage(const std::string& part) {
        for (auto& [name, entry] : entries_)
            if (name.find(part) != std::string::npos)
                entry.fields["token"].back() ^= 1;
    }

    /// Everything that is stored, for a search.
    [[nodiscard]] std::string dump() const {
        std::string all;
        for (const auto& [name, entry] : entries_) {
            all += name;
            for (const auto& [field, content] : entry.fields)
                all += field + content;
        }
        return all;
    }

    /// Puts a plain value, or fields, under the one key whose name has this part.
    void put(const std::string& part, const std::string& field, const std::string& content) {
        for (auto& [name, entry] : entries_)
            if (name.find(part) != std::string::npos)
                entry.fields[field] = content;
    }

    /// The field of the one key whose name has this part.
    [[nodiscard]] std::string field(const std::string& part, const std::string& name) {
        for (auto& [key, entry] : entries_)
            if (key.find(part) != std::string::npos && alive(key))
                return entry.fields[name];
        return {};
    }

    /// What is left of the life of the one key whose name has this part.
    [[nodiscard]] Duration life(const std::string& part) const {
        for (const auto& [key, entry] : entries_)
            if (key.find(part) != std::string::npos && alive(key))
                return entry.until - clock_();
        return {};
    }

    /// Gives that key a life from now on.
    void keep(const std::string& part, Duration life) {
        for (auto& [key, entry] : entries_)
            if (key.find(part) != std::string::npos)
                entry.until = clock_() + life;
    }

    bool away = false;                           ///< it does not answer
    bool reached = true;                         ///< since the start
    std::function<bool(const Command&)> refuses; ///< answers these by an error
    std::vector<Command> commands;
    int trips = 0;
    Duration longest_wait{};

private:
    struct Entry {
        std::map<std::string, std::string> fields; ///< of a plain value: one with an empty name
        TimePoint until = TimePoint::max();
    };

    static Value text(std::string value) {
        Value result;
        result.kind = Value::Kind::text;
        result.text = std::move(value);
        return result;
    }

    static Value number(std::int64_t value) {
        Value result;
        result.kind = Value::Kind::integer;
        result.integer = value;
        return result;
    }

    [[nodiscard]] bool alive(const std::string& key) const {
        const auto found = entries_.find(key);
        return found != entries_.end() && found->second.until > clock_();
    }

    Value left(const std::string& key) {
        if (!alive(key))
            return number(-2);
        return number(
            std::chrono::duration_cast<std::chrono::milliseconds>(entries_[key].until - clock_()).count());
    }

    TimePoint after(const std::string& ms) const {
        return clock_() + std::chrono::milliseconds{std::stoll(ms)};
    }

    net::Task<std::vector<std::optional<Value>>> run_all(std::vector<Command> all) {
        std::vector<std::optional<Value>> values;
        for (const Command& command : all)
            values.push_back(answer(command));
        co_return values;
    }

    std::optional<Value> answer(const Command& command) {
        commands.push_back(command);
        if (away)
            return std::nullopt;
        if (refuses && refuses(command))
            return error();
        return execute(command);
    }

    Value execute(const Command& c) {
        if (c[0] == "GET")
            return alive(c[1]) ? text(entries_[c[1]].fields[""]) : Value{};
        if (c[0] == "PTTL")
            return left(c[1]);
        if (c[0] == "DEL")
            return number(static_cast<std::int64_t>(entries_.erase(c[1])));
        if (c[0] == "TIME") {
            const auto us =
                std::chrono::duration_cast<std::chrono::microseconds>(clock_().time_since_epoch()).count();
            Value list;
            list.kind = Value::Kind::list;
            list.list = {text(std::to_string(us / 1'000'000)), text(std::to_string(us % 1'000'000))};
            return list;
        }
        if (c[0] == "SET")
            return set(c);
        return c[0] == "EVAL" ? script(c) : error();
    }

    static Value error() {
        Value result;
        result.kind = Value::Kind::error;
        result.text = "ERR unknown command";
        return result;
    }

    /// SET key value [NX] PX ms
    Value set(const Command& c) {
        const bool only_new = c[3] == "NX";
        if (only_new && alive(c[1]))
            return {};
        entries_[c[1]] = Entry{{{"", c[2]}}, after(c.back())};
        return text("OK");
    }

    Value script(const Command& c) {
        const auto calls = [&c](const char* what) { return c[1].find(what) != std::string::npos; };
        const std::string& key = c[3];
        if (calls("HSET"))
            return publish(c);
        if (calls("HMGET")) {
            Value list;
            list.kind = Value::Kind::list;
            for (const char* const field : {"era", "issued_at", "serial", "token", "ends"})
                list.list.push_back(alive(key) ? text(entries_[key].fields[field]) : Value{});
            list.list.push_back(left(key));
            return list;
        }
        if (calls("PTTL") && calls("DEL"))
            return forget(c);
        if (calls("PTTL")) {
            const auto whole = alive(key) ? std::stoll(entries_[key].fields[""]) : 0;
            const bool longer = left(key).integer >= std::stoll(c[4]) && left(key).integer <= whole + 1000;
            return longer ? number(0) : store_plain(key, c[4], c[4]);
        }
        if (calls("'SET'")) {
            const bool more = alive(key) && std::stoll(entries_[key].fields[""]) > std::stoll(c[4]);
            return store_plain(key, more ? entries_[key].fields[""] : c[4], c[5]);
        }
        if (!alive(key) || entries_[key].fields[""] != c[4])
            return number(0);
        if (calls("DEL"))
            entries_.erase(key);
        else
            entries_[key].until = after(c[5]);
        return number(1);
    }

    Value store_plain(const std::string& key, const std::string& content, const std::string& ms) {
        entries_[key] = Entry{{{"", content}}, after(ms)};
        return number(1);
    }

    /// The keys, the age of a success, and how long the first key is kept: else that is its value.
    Value forget(const Command& c) {
        const auto keys = static_cast<std::size_t>(std::stoll(c[2]));
        const std::string& first = c[3];
        const auto age = std::stoll(c[3 + keys]);
        if (alive(first)) {
            const auto whole = std::stoll(keys > 1 ? c[4 + keys] : entries_[first].fields[""]);
            const auto known_for = whole - left(first).integer;
            if (known_for >= 0 && known_for < age)
                return number(0);
        }
        for (std::size_t i = 0; i < keys; ++i)
            entries_.erase(c[3 + i]);
        return number(1);
    }

    Value publish(const Command& c) {
        const std::string& key = c[3];
        const std::vector<std::int64_t> offered{std::stoll(c[4]), std::stoll(c[5]), std::stoll(c[6])};
        if (alive(key) && (c[10].empty() || entries_[key].fields["token"] != c[10])) {
            auto& fields = entries_[key].fields;
            const std::vector<std::int64_t> stored{std::stoll(fields["era"]), std::stoll(fields["issued_at"]),
                                                   std::stoll(fields["serial"])};
            if (offered <= stored)
                return number(0);
        }
        entries_[key] =
            Entry{{{"era", c[4]}, {"issued_at", c[5]}, {"serial", c[6]}, {"token", c[7]}, {"ends", c[9]}},
                  after(c[8])};
        return number(1);
    }

    std::function<TimePoint()> clock_;
    std::map<std::string, Entry> entries_;
};

} // namespace bearerd::fleet::test
