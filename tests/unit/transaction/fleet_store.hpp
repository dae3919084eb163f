#pragma once

#include "fleet_scripts.hpp"
#include "support/socket.hpp"

#include <bearerd/fleet/store.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Stores of a fleet for tests.
namespace bearerd::transaction::fleet_test {

using fleet::Command;
using Presence = fleet::Store::Presence;
using fleet::Value;

inline Value text_value(std::string text) {
    Value value;
    value.kind = Value::Kind::text;
    value.text = std::move(text);
    return value;
}

inline Value integer_value(std::int64_t integer) {
    Value value;
    value.kind = Value::Kind::integer;
    value.integer = integer;
    return value;
}

inline Value list_value(std::initializer_list<std::string> texts) {
    Value value;
    value.kind = Value::Kind::list;
    for (const std::string& text : texts)
        value.list.push_back(text_value(text));
    return value;
}

/// What the scripts do, in memory, with a clock that the test sets. Shared by the stores of several replicas.
struct FakeDatabase {
    struct Entry {
        std::string state, owner, fingerprint, request, at, found, freed, doubt;
        std::int64_t lease = 0;
        std::int64_t expires = 0;
    };

    Value run(const Command& command) {
        if (command.at(0) == "FLUSHALL") {
            entries.clear();
            return text_value("OK");
        }
        const std::string& key = command.at(3);
        const std::vector<std::string> argv{command.begin() + 4, command.end()};
        if (const auto found = entries.find(key); found != entries.end() && found->second.expires <= now_ms)
            entries.erase(found);
        return command.at(1) == claim_script ? claim(key, argv) : settle(key, argv);
    }

    std::map<std::string, Entry> entries;
    std::int64_t now_ms = 1'000'000;

private:
    static bool holds(const std::string& list, const std::string& who) {
        return (" " + list).find(" " + who + " ") != std::string::npos;
    }

    static std::string without(const std::string& list, const std::string& who) {
        const std::size_t from = (" " + list).find(" " + who + " ");
        return from == std::string::npos ? list : list.substr(0, from) + list.substr(from + who.size() + 1);
    }

    static std::string first_in(const std::string& list, const std::string& who) {
        return (who + " " + list).substr(0, 4000);
    }

    Value claim(const std::string& key, const std::vector<std::string>& argv) {
        const std::string& owner = argv.at(0);
        const std::string& known = argv.at(6);
        const std::int64_t lease = now_ms + std::stoll(argv.at(1));
        const std::int64_t expires = now_ms + std::stoll(argv.at(2));
        const bool is_new = !entries.contains(key);
        Entry& entry = entries[key];
        const bool mine = entry.owner == owner;
        if ((mine && entry.state == "no") || holds(entry.freed, owner))
            return list_value({"freed"});
        if (mine && entry.state == "in_flight") {
            entry.lease = lease;
            entry.expires = expires;
            return list_value({"ours"});
        }
        std::string freed = entry.freed;
        if (entry.state == "no")
            freed = first_in(freed, entry.owner);
        const bool known_freed = !known.empty() && holds(freed, known);
        if (is_new || entry.state == "no") {
            if (!known.empty() && !known_freed) {
                if (is_new)
                    entries.erase(key);
                return list_value({"lost"});
            }
            entry = {"in_flight", owner, argv.at(3), argv.at(4), argv.at(5), "", freed, "", lease, expires};
            return list_value({"ours"});
        }
        if (!argv.at(7).empty() && !mine && entry.state != "executed")
            doubt(entry, owner, expires);
        const bool over = entry.state == "in_flight" && entry.lease <= now_ms;
        return list_value({over ? "unknown" : entry.state, entry.owner, entry.fingerprint, entry.request,
                           entry.at, entry.found, known_freed ? "1" : ""});
    }

    static void doubt(Entry& entry, const std::string& owner, std::int64_t expires) {
        if (!holds(entry.doubt, owner))
            entry.doubt += owner + " ";
        entry.expires = expires;
    }

    Value settle(const std::string& key, const std::vector<std::string>& argv) {
        const std::string& owner = argv.at(0);
        const std::string& verdict = argv.at(1);
        const std::int64_t expires = now_ms + std::stoll(argv.at(2));
        const bool is_new = !entries.contains(key);
        Entry& entry = entries[key];
        const bool mine = entry.owner == owner;
        const std::string state = entry.state;
        if (state == "executed" && !mine && verdict != "no")
            return integer_value(1);
        const bool ended = mine && (state == "executed" || state == "no");
        if (verdict != "executed" && (ended || holds(entry.freed, owner)))
            return integer_value(1);
        if (verdict == "no" && !is_new && !mine) {
            entry.doubt = without(entry.doubt, owner);
            entry.freed = first_in(entry.freed, owner);
            return integer_value(1);
        }
        if (verdict == "no" && !entry.doubt.empty()) {
            const std::size_t gap = entry.doubt.find(' ');
            entry = {"unknown",
                     entry.doubt.substr(0, gap),
                     "",
                     "",
                     "0",
                     "",
                     first_in(entry.freed, owner),
                     entry.doubt.substr(gap + 1),
                     0,
                     entry.expires};
            return integer_value(1);
        }
        if (verdict == "unknown" && !is_new && state != "no" && !mine) {
            doubt(entry, owner, expires);
            return integer_value(1);
        }
        const std::string freed = state == "no" && !mine ? first_in(entry.freed, entry.owner) : entry.freed;
        entry = {verdict,    owner,      argv.at(3), argv.at(4),
                 argv.at(5), argv.at(6), freed,      verdict == "unknown" ? entry.doubt : "",
                 0,          expires};
        return integer_value(1);
    }
};

/// One replica's connection to a FakeDatabase.
class FakeStore final : public fleet::Store {
public:
    explicit FakeStore(FakeDatabase& database) : database_{database} {}

    net::Task<std::vector<std::optional<Value>>> call_all(std::vector<Command> commands,
                                                          Duration within) override {
        if (throws > 0 && throws-- > 0)
            throw std::bad_alloc{};
        return run_all(std::move(commands), within);
    }

    [[nodiscard]] Presence presence() const noexcept override { return present; }

    bool away = false;          ///< nothing reaches the database
    bool refuses = false;       ///< its answer is an error
    bool loses_answers = false; ///< all reaches it, and nothing comes back
    std::function<void(const Command&)> before_call;
    Presence present = Presence::ready;
    int calls = 0;
    int throws = 0; ///< so many of the next calls
    int most_at_once = 0;
    Duration longest{};
    int claims = 0;           ///< calls that are no renewals
    Duration longest_claim{}; ///< of those

private:
    net::Task<std::vector<std::optional<Value>>> run_all(std::vector<Command> commands, Duration within) {
        longest = std::max(longest, within);
        constexpr std::size_t sent = 11;
        const Command& first = commands.front();
        if (first.size() > sent && first[sent].empty()) {
            ++claims;
            longest_claim = std::max(longest_claim, within);
        }
        const int count = static_cast<int>(commands.size());
        calls += count;
        running_ += count;
        most_at_once = std::max(most_at_once, running_);
        co_await net::asio::post(net::asio::deferred); // others may call meanwhile
        running_ -= count;
        std::vector<std::optional<Value>> values;
        for (const Command& command : commands)
            values.push_back(answer(command));
        co_return values;
    }

    std::optional<Value> answer(const Command& command) {
        if (before_call)
            before_call(command);
        if (away)
            return std::nullopt;
        if (refuses) {
            Value error = text_value("OOM command not allowed");
            error.kind = Value::Kind::error;
            return error;
        }
        Value value = database_.run(command);
        return loses_answers ? std::nullopt : std::optional{std::move(value)};
    }

    FakeDatabase& database_;
    int running_ = 0;
};

/// Blocks until the answer is there.
class RedisStore final : public fleet::Store {
public:
    explicit RedisStore(std::uint16_t port) : socket_{test::Socket::connect(port)} {}

    net::Task<std::vector<std::optional<Value>>> call_all(std::vector<Command> commands,
                                                          Duration /*within*/) override {
        std::vector<std::optional<Value>> values;
        for (const Command& command : commands)
            values.push_back(call(command));
        co_return values;
    }

    [[nodiscard]] Presence presence() const noexcept override { return Presence::ready; }

private:
    Value call(const Command& command) {
        std::string text = "*" + std::to_string(command.size()) + "\r\n";
        for (const std::string& part : command)
            text += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
        socket_.send(text);
        return read();
    }

    std::string take(std::size_t size) {
        while (buffer_.size() < size)
            receive();
        std::string bytes = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return bytes;
    }

    std::string take_line() {
        while (buffer_.find("\r\n") == std::string::npos)
            receive();
        std::string line = take(buffer_.find("\r\n") + 2);
        line.resize(line.size() - 2);
        return line;
    }

    void receive() {
        const std::string bytes = socket_.receive_some();
        if (bytes.empty())
            throw std::runtime_error{"redis-server has closed the connection"};
        buffer_ += bytes;
    }

    Value read() {
        const std::string line = take_line();
        const std::string rest = line.substr(1);
        Value value;
        switch (line.front()) {
        case '+':
            return text_value(rest);
        case ':':
            return integer_value(std::stoll(rest));
        case '-':
            value.kind = Value::Kind::error;
            value.text = rest;
            return value;
        case '$':
            if (rest == "-1")
                return value;
            value = text_value(take(std::stoull(rest)));
            static_cast<void>(take_line());
            return value;
        default:
            value.kind = Value::Kind::list;
            for (long long i = std::stoll(rest); i > 0; --i)
                value.list.push_back(read());
            return value;
        }
    }

    test::Socket socket_;
    std::string buffer_;
};

} // namespace bearerd::transaction::fleet_test
