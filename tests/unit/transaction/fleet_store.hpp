#pragma once

#include "fleet_scripts.hpp"
#include "support/socket.hpp"

#include <bearerd/fleet/store.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

/// Stores of a fleet for tests.
namespace bearerd::transaction::fleet_test {

using fleet::Command;
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
        std::string state, owner, fingerprint, request, at, found, freed;
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
    static void add_freed(Entry& entry, const std::string& owner) {
        entry.freed = (owner + " " + entry.freed).substr(0, 500);
    }

    Value claim(const std::string& key, const std::vector<std::string>& argv) {
        const std::string& owner = argv.at(0);
        const std::string& known = argv.at(6);
        const std::int64_t lease = now_ms + std::stoll(argv.at(1));
        const std::int64_t expires = now_ms + std::stoll(argv.at(2));
        Entry& entry = entries[key];
        if (entry.owner == owner && entry.state == "no")
            return list_value({"freed"});
        if (entry.owner == owner && entry.state == "in_flight") {
            entry.lease = lease;
            entry.expires = expires;
            return list_value({"ours"});
        }
        std::string freed = entry.freed;
        if (entry.state == "no")
            freed = (entry.owner + " " + freed).substr(0, 500);
        const bool known_freed = !known.empty() && freed.find(known + " ") != std::string::npos;
        if (entry.state.empty() || entry.state == "no") {
            if (!known.empty() && !known_freed) {
                if (entry.state.empty())
                    entries.erase(key);
                return list_value({"lost"});
            }
            entry = {"in_flight", owner, argv.at(3), argv.at(4), argv.at(5), "", freed, lease, expires};
            return list_value({"ours"});
        }
        const bool over = entry.state == "in_flight" && entry.lease <= now_ms;
        return list_value({over ? "unknown" : entry.state, entry.owner, entry.fingerprint, entry.request,
                           entry.at, entry.found, known_freed ? "1" : ""});
    }

    Value settle(const std::string& key, const std::vector<std::string>& argv) {
        const std::string& owner = argv.at(0);
        const std::string& state = argv.at(1);
        Entry& entry = entries[key];
        std::string freed = entry.freed;
        if (!entry.state.empty() && entry.owner != owner) {
            if (entry.state != "no" || state == "no")
                return integer_value(0);
            freed = (entry.owner + " " + freed).substr(0, 500);
        }
        if (entry.owner == owner && (entry.state == "executed" || entry.state == "no") && state != "executed")
            return integer_value(1);
        entry = {state,      owner,      argv.at(3),
                 argv.at(4), argv.at(5), argv.at(6),
                 freed,      0,          now_ms + std::stoll(argv.at(2))};
        return integer_value(1);
    }
};

/// One replica's connection to a FakeDatabase.
class FakeStore final : public fleet::Store {
public:
    explicit FakeStore(FakeDatabase& database) : database_{database} {}

    net::Task<std::optional<Value>> call(Command command, Duration within) override {
        longest = std::max(longest, within);
        ++calls;
        if (before_call)
            before_call(command);
        if (away)
            co_return std::nullopt;
        Value value = database_.run(command);
        if (loses_answers)
            co_return std::nullopt;
        co_return value;
    }

    bool away = false;          ///< nothing reaches the database
    bool loses_answers = false; ///< all reaches it, and nothing comes back
    std::function<void(const Command&)> before_call;
    int calls = 0;
    Duration longest{};

private:
    FakeDatabase& database_;
};

/// Blocks until the answer is there.
class RedisStore final : public fleet::Store {
public:
    explicit RedisStore(std::uint16_t port) : socket_{test::Socket::connect(port)} {}

    net::Task<std::optional<Value>> call(Command command, Duration /*within*/) override {
        std::string text = "*" + std::to_string(command.size()) + "\r\n";
        for (const std::string& part : command)
            text += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
        socket_.send(text);
        Value value = read();
        co_return value;
    }

private:
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
