#include <bearerd/base/log.hpp>
#include <bearerd/fleet/client.hpp>

#include "reply_reader.hpp"
#include "unit/run_task.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bearerd::fleet {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;

constexpr Duration long_enough = 30s;

/// A server on the same loop that answers each command with what the test says; an empty answer is none.
class FakeServer {
public:
    using Answer = std::function<std::string(const std::vector<std::string>& command)>;

    explicit FakeServer(asio::io_context& context)
        : acceptor_{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}} {
        accept();
    }

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    /// Sends bytes on every open connection.
    void say(const std::string& bytes) {
        for (const auto& peer : peers_)
            peer->send(bytes);
    }

    void close_connections() {
        for (const auto& peer : peers_)
            peer->socket.close();
        peers_.clear();
    }

    void stop() {
        acceptor_.close();
        close_connections();
    }

    Answer answer = [](const auto& command) { return "+" + command.front() + "\r\n"; };
    std::vector<std::vector<std::string>> commands; ///< received; of an EVAL its key only
    int connections = 0;

private:
    struct Peer : std::enable_shared_from_this<Peer> {
        explicit Peer(tcp::socket accepted) : socket{std::move(accepted)} {}

        void send(const std::string& bytes) { asio::write(socket, asio::buffer(bytes)); }

        tcp::socket socket;
        std::array<char, 4096> buffer{};
        ReplyReader reader; // a command has the form of an answer that is a list
    };

    void accept() {
        acceptor_.async_accept([this](error_code code, tcp::socket socket) {
            if (code)
                return;
            ++connections;
            peers_.push_back(std::make_shared<Peer>(std::move(socket)));
            read(peers_.back());
            accept();
        });
    }

    void read(const std::shared_ptr<Peer>& peer) {
        peer->socket.async_read_some(
            asio::buffer(peer->buffer), [this, peer](error_code code, std::size_t size) {
                if (code)
                    return;
                peer->reader.feed({peer->buffer.data(), size});
                while (const auto value = peer->reader.next()) {
                    std::vector<std::string> command;
                    for (const Value& part : value->list)
                        command.push_back(part.text);
                    const bool is_script = command.front() == "EVAL";
                    commands.push_back(is_script ? std::vector{command[0], command[3]} : command);
                    if (const std::string bytes = answer(command); !bytes.empty() && peer->socket.is_open())
                        peer->send(bytes);
                }
                if (peer->socket.is_open())
                    read(peer);
            });
    }

    tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<Peer>> peers_;
};

/// Why the store is away, by the log.
class ReasonsOfAStore final : public log::Sink {
public:
    ReasonsOfAStore() { log::install(this, log::Level::warning); }

    ~ReasonsOfAStore() override { log::install(nullptr, log::Level::warning); }

    ReasonsOfAStore(const ReasonsOfAStore&) = delete;
    ReasonsOfAStore& operator=(const ReasonsOfAStore&) = delete;

    void write(log::Level /*level*/, std::string_view /*message*/,
               std::span<const log::Field> fields) noexcept override {
        for (const log::Field& field : fields)
            if (field.key == "reason")
                text = std::get<std::string_view>(field.value);
    }

    std::string text;
};

class FleetClient : public testing::Test {
protected:
    ~FleetClient() override {
        if (client)
            client->stop();
        server.stop();
        clock.stop();
        bearerd::test::settle(context);
    }

    void start() {
        settings.url.text = "redis://127.0.0.1";
        settings.url.host = "127.0.0.1";
        settings.url.tls = false;
        settings.url.port = server.port();
        Client::Hooks hooks;
        hooks.jitter = [] { return 0.5; };
        hooks.now = [this] { return now; };
        shared = std::make_shared<Server>(settings);
        client = std::make_unique<Client>(context, clock, shared, stats, hooks);
        client->start();
    }

    void start_up() {
        start();
        ASSERT_TRUE(until([this] { return client->up(); }));
    }

    /// Makes the connection old enough to count as idle.
    void age() { now += 1h; }

    bool until(const std::function<bool()>& done) { return bearerd::test::turn_until(context, done); }

    std::optional<Value> call(Command command, Duration within = long_enough) {
        return bearerd::test::run_task(context, client->call_all({std::move(command)}, within)).front();
    }

    /// Calls without waiting; the answer is added to `answers`.
    void begin(std::string name, Duration within = long_enough) {
        auto task = keep(client.get(), {std::move(name)}, within, &answers);
        asio::co_spawn(context, std::move(task), [](const std::exception_ptr& failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
    }

    static net::Task<void> keep(Client* client, Command command, Duration within,
                                std::vector<std::optional<Value>>* answers) {
        std::vector<Command> one;
        one.push_back(std::move(command));
        auto calling = client->call_all(std::move(one), within);
        auto values = co_await std::move(calling);
        answers->push_back(std::move(values.front()));
    }

    asio::io_context context;
    net::DeadlineClock clock{context};
    TimePoint now{100h}; ///< stands still, so that only the timers of commands measure time
    Stats stats;
    config::Fleet settings;
    FakeServer server{context};
    std::shared_ptr<Server> shared;
    std::unique_ptr<Client> client;
    std::vector<std::optional<Value>> answers;
};

using Commands = std::vector<std::vector<std::string>>;

TEST_F(FleetClient, GreetsByUserPasswordAndDatabaseAndProvesThatTheStoreAnswers) {
    settings.user = "till";
    settings.password = Secret{std::string_view{"open sesame"}};
    settings.database = 7;
    start_up();
    EXPECT_EQ(server.commands,
              (Commands{{"AUTH", "till", "open sesame"}, {"SELECT", "7"}, {"EVAL", "bearerd:greeting"}}));
    EXPECT_EQ(stats.fleet_store_up.get(), 1);
}

TEST_F(FleetClient, GreetsWithoutWhatIsNotConfigured) {
    settings.password = Secret{std::string_view{"open sesame"}};
    start_up();
    EXPECT_EQ(server.commands, (Commands{{"AUTH", "open sesame"}, {"EVAL", "bearerd:greeting"}}));
}

TEST_F(FleetClient, SendsWhatIsCalledWhileItConnects) {
    start();
    const auto value = call({"GET", "a"});
    ASSERT_TRUE(value);
    EXPECT_EQ(value->text, "GET");
    EXPECT_EQ(server.connections, 1);
}

TEST_F(FleetClient, AnswersConcurrentCallsInTheirOrderOverOneConnection) {
    start_up();
    for (const char* const name : {"A", "B", "C", "D"})
        begin(name);
    ASSERT_TRUE(until([this] { return answers.size() == 4; }));
    std::string words;
    for (const auto& answer : answers)
        words += answer ? answer->text : "-";
    EXPECT_EQ(words, "ABCD");
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(stats.fleet_store_errors.get(), 0U);
}

TEST_F(FleetClient, AStoreThatDoesNotAnswerInTimeIsNotAskedAgainUntilItAnswersInTheBackground) {
    start_up();
    server.answer = [](const auto&) { return ""; };
    EXPECT_FALSE(call({"GET", "a"}, 100ms));
    EXPECT_FALSE(client->up());
    EXPECT_EQ(stats.fleet_store_up.get(), 0);
    const auto sent = server.commands.size();
    EXPECT_FALSE(call({"GET", "b"})) << "at once";
    EXPECT_EQ(stats.fleet_store_errors.get(), 2U);
    EXPECT_EQ(server.commands.size(), sent);
    server.answer = [](const auto&) { return "+fine\r\n"; };
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_EQ(call({"GET", "c"}).value().text, "fine");
    for (const auto& command : server.commands)
        EXPECT_NE(command, (std::vector<std::string>{"GET", "b"})) << "is not sent later";
}

TEST_F(FleetClient, AStoreThatAnswersTooSlowlyIsNotBackUntilItAnswersInTime) {
    start_up();
    now += 1s;
    Duration delay{200ms};
    int greetings = 0;
    server.answer = [&](const std::vector<std::string>& command) -> std::string {
        if (command.front() == "GET")
            return {};
        ++greetings;
        now += delay;
        return "+OK\r\n";
    };
    EXPECT_FALSE(call({"GET", "a"}, 150ms));
    EXPECT_TRUE(until([&] { return greetings >= 4; }));
    EXPECT_TRUE(until([&] { return server.connections >= 4; }));
    EXPECT_FALSE(client->up());
    EXPECT_EQ(stats.fleet_store_up.get(), 0);
    delay = 80ms;
    EXPECT_TRUE(until([this] { return client->up(); }));
}

TEST_F(FleetClient, AnErrorIsTheCommandsAnswer) {
    start_up();
    server.answer = [](const auto& command) {
        return command.front() == "GET" ? "-WRONGTYPE of value\r\n" : "+fine\r\n";
    };
    const auto value = call({"GET", "a"});
    ASSERT_TRUE(value);
    EXPECT_EQ(value->kind, Value::Kind::error);
    EXPECT_TRUE(client->up());
    EXPECT_EQ(call({"SET", "a", "b"}).value().text, "fine");
    EXPECT_EQ(stats.fleet_store_errors.get(), 1U);
    EXPECT_EQ(server.connections, 1);
}

TEST_F(FleetClient, AServerThatCantServeAnyMoreIsAwayUntilItTakesAWriteAgain) {
    for (const std::string error : {
             "READONLY You can't write against a read only replica.",
             "LOADING Redis is loading the dataset in memory",
             "BUSY Redis is busy running a script.",
             "MISCONF Redis is configured to save RDB snapshots",
             "OOM command not allowed when used memory > 'maxmemory'.",
             "NOREPLICAS Not enough good replicas to write.",
             "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't",
             "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not",
         }) {
        server.answer = [](const auto&) { return "+fine\r\n"; };
        if (!client)
            start();
        ASSERT_TRUE(until([this] { return client->up(); }));
        ASSERT_TRUE(call({"GET", "a"})) << "so that the next look comes soon";
        age();
        server.answer = [&error](const auto& command) {
            return command.front() == "EVAL" ? "-" + error + "\r\n" : "+fine\r\n"; // GET and PING work
        };
        const auto value = call({"EVAL", "a script", "1", "bearerd:{0}:a"});
        ASSERT_TRUE(value) << error;
        EXPECT_EQ(value->kind, Value::Kind::error);
        EXPECT_FALSE(client->up()) << error;
        EXPECT_EQ(stats.fleet_store_up.get(), 0) << error;
        const auto before = server.connections;
        ASSERT_TRUE(until([this, before] { return server.connections > before; })) << error;
        EXPECT_FALSE(client->up()) << error;
    }
}

TEST_F(FleetClient, SaysWhetherACommandWouldBeSent) {
    using Presence = Store::Presence;
    start();
    EXPECT_EQ(client->presence(), Presence::starting);
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_EQ(client->presence(), Presence::ready);
    age();
    server.close_connections();
    ASSERT_TRUE(until([this] { return server.connections == 2; }));
    EXPECT_EQ(client->presence(), Presence::ready) << "it was idle";
    ASSERT_TRUE(until([this] { return client->up(); }));
    age();
    server.say("+surprise\r\n");
    ASSERT_TRUE(until([this] { return !client->up(); }));
    EXPECT_EQ(client->presence(), Presence::away);
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_EQ(client->presence(), Presence::ready);
    client->stop();
    EXPECT_EQ(client->presence(), Presence::away);
}

TEST_F(FleetClient, TellsItsServerWhetherItAnswersThisClient) {
    start_up();
    EXPECT_TRUE(shared->note_away()) << "another client";
    age();
    server.say("+surprise\r\n");
    ASSERT_TRUE(until([this] { return !client->up(); }));
    EXPECT_FALSE(shared->note_back()) << "this one is still without it";
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_TRUE(shared->note_away()) << "it answers all of them";
    EXPECT_FALSE(shared->note_away());
    EXPECT_FALSE(shared->note_back());
    EXPECT_TRUE(shared->note_back());
    server.say("+surprise\r\n");
    ASSERT_TRUE(until([this] { return !client->up(); }));
    client->stop();
    EXPECT_TRUE(shared->note_away()) << "one that has ended counts no more";
}

TEST_F(FleetClient, OnlyAPlainEndOfAnOldConnectionCountsAsIdle) {
    start_up();
    age();
    server.close_connections();
    ASSERT_TRUE(until([this] { return server.connections == 2; }));
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_EQ(stats.fleet_store_up.get(), 1) << "all the time";
    age();
    server.answer = [](const auto&) { return ""; };
    server.say("+surprise\r\n");
    ASSERT_TRUE(until([this] { return server.connections == 3; }));
    EXPECT_EQ(stats.fleet_store_up.get(), 0);
}

TEST_F(FleetClient, AShortWaitSaysNothingOfTheStore) {
    start_up();
    server.answer = [](const auto& command) { return command.front() == "GET" ? "" : "+fine\r\n"; };
    EXPECT_FALSE(call({"GET", "a"}, 5ms));
    EXPECT_TRUE(client->up());
    EXPECT_EQ(server.connections, 1);
    now += 90ms; // but by now it has not answered for so long
    EXPECT_FALSE(call({"GET", "b"}, 5ms));
    EXPECT_FALSE(client->up());
}

TEST_F(FleetClient, SeveralCommandsTakeOneRoundTrip) {
    start_up();
    server.answer = [this](const auto& command) {
        if (command.front() != "C")
            return std::string{}; // until all three are there
        return server.commands.size() == 4 ? std::string{"+a\r\n-ERR b\r\n:3\r\n"} : std::string{};
    };
    auto task = client->call_all({{"A"}, {"B"}, {"C"}}, long_enough);
    const auto values = bearerd::test::run_task(context, std::move(task));
    ASSERT_EQ(values.size(), 3U);
    EXPECT_EQ(values[0].value().text, "a");
    EXPECT_EQ(values[1].value().kind, Value::Kind::error);
    EXPECT_EQ(values[2].value().integer, 3);
}

TEST_F(FleetClient, SeveralCommandsAreEachUnansweredIfTheStoreIsAway) {
    start_up();
    server.answer = [](const auto& command) { return command.front() == "A" ? "+a\r\n" : ""; };
    auto task = client->call_all({{"A"}, {"B"}, {"C"}}, 100ms);
    const auto values = bearerd::test::run_task(context, std::move(task));
    ASSERT_EQ(values.size(), 3U);
    EXPECT_TRUE(values[0]);
    EXPECT_FALSE(values[1]);
    EXPECT_FALSE(values[2]);
    EXPECT_FALSE(client->up());
    EXPECT_EQ(stats.fleet_store_errors.get(), 2U);
    auto not_sent = client->call_all({{"A"}, {"B"}, {"C"}}, 100ms);
    static_cast<void>(bearerd::test::run_task(context, std::move(not_sent)));
    EXPECT_EQ(stats.fleet_store_errors.get(), 5U) << "each command counts";
}

TEST_F(FleetClient, TheGreetingWritesWhereTheKeysOfTheFleetAreAndToleratesAnotherSlotBefore) {
    server.answer = [](const auto& command) {
        const bool is_elsewhere = command.front() == "EVAL" && command[3] == "bearerd:greeting";
        return is_elsewhere ? "-MOVED 1234 node-b:6379\r\n" : "+fine\r\n";
    };
    start_up();
    EXPECT_EQ(call({"GET", "bearerd:{abc}:token"}).value().text, "fine");
    server.close_connections();
    ASSERT_TRUE(until([this] { return server.commands.size() == 3; }));
    EXPECT_EQ(server.commands.back(), (std::vector<std::string>{"EVAL", "bearerd:{abc}:greeting"}));
    ASSERT_TRUE(until([this] { return client->up(); }));
    server.answer = [](const auto&) { return "-MOVED 1234 node-b:6379\r\n"; };
    server.close_connections();
    ASSERT_TRUE(until([this] { return server.commands.size() == 4; }));
    EXPECT_FALSE(call({"GET", "bearerd:{abc}:token"}));
    EXPECT_FALSE(client->up());
}

TEST_F(FleetClient, StoppingSendsWhatWasCalledBeforeIt) {
    start_up();
    begin("RELEASE");
    asio::post(context, [this] { client->stop(); });
    ASSERT_TRUE(until([this] { return server.commands.size() == 2; }));
    EXPECT_EQ(server.commands.back().front(), "RELEASE");
}

TEST(FleetServer, NamesEachRefusalOnceInTenMinutes) {
    config::Fleet settings;
    Server server{settings};
    const TimePoint now{100h};
    EXPECT_TRUE(server.note_refused("NOPERM", now));
    EXPECT_FALSE(server.note_refused("NOPERM", now + 9min));
    EXPECT_TRUE(server.note_refused("WRONGTYPE", now + 9min));
    EXPECT_TRUE(server.note_refused("NOPERM", now + 10min));
}

TEST(FleetServer, FindsTheSlotOfAKeyOfTheFleetOnly) {
    const std::pair<Command, std::string_view> table[]{
        {{"GET", "bearerd:{1f}:token:2e"}, "bearerd:{1f}"},
        {{"EVAL", "return 1", "1", "bearerd:{1f}:token:2e", "bearerd:{2}"}, "bearerd:{1f}"},
        {{"EVALSHA", "0123", "1", "bearerd:{1f}:claim"}, "bearerd:{1f}"},
        {{"GET", "another:{1f}:token"}, ""},
        {{"GET", "bearerd:{1f"}, ""},
        {{"GET", "bearerd"}, ""},
        {{"TIME"}, ""},
    };
    const Server server{config::Fleet{}};
    for (const auto& [command, slot] : table)
        EXPECT_EQ(server.slot_of(command), slot) << command.back();
}

TEST_F(FleetClient, WhatIsNotInTheProtocolEndsTheConnection) {
    const std::string large = "$1000000\r\n" + std::string(max_reply_size + 1, 'x');
    for (const std::string& bytes : {std::string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, large}) {
        server.answer = [](const auto&) { return "+fine\r\n"; };
        if (!client)
            start();
        ASSERT_TRUE(until([this] { return client->up(); }));
        server.answer = [&bytes](const auto&) { return bytes; };
        EXPECT_FALSE(call({"GET", "a"}));
        EXPECT_FALSE(client->up());
    }
}

TEST_F(FleetClient, WhatNobodyAskedForEndsTheConnection) {
    start_up();
    server.say("+surprise\r\n");
    EXPECT_TRUE(until([this] { return server.connections > 1; }));
}

TEST_F(FleetClient, ACommandWhoseConnectionClosesIsNotAnswered) {
    start_up();
    server.answer = [this](const auto&) {
        server.close_connections();
        return std::string{};
    };
    EXPECT_FALSE(call({"GET", "a"}));
    server.answer = [](const auto&) { return "+fine\r\n"; };
    ASSERT_TRUE(until([this] { return client->up(); }));
    EXPECT_EQ(call({"GET", "a"}).value().text, "fine");
}

TEST_F(FleetClient, AStoreThatRefusesTheGreetingIsAway) {
    server.answer = [](const auto& command) {
        return command.front() == "EVAL" ? "-NOAUTH Authentication required.\r\n" : "+OK\r\n";
    };
    start();
    EXPECT_FALSE(call({"GET", "a"}));
    EXPECT_FALSE(client->up());
    EXPECT_EQ(server.commands, (Commands{{"EVAL", "bearerd:greeting"}})) << "the command is not sent";
}

/// As a server does that has too many clients, or that takes none from another machine.
TEST_F(FleetClient, SaysWhatTheStoreSaidBeforeItClosed) {
    const ReasonsOfAStore reasons;
    server.answer = [this](const auto&) {
        server.say("-DENIED Redis is running in protected mode\r\n");
        server.close_connections();
        return "";
    };
    start();
    EXPECT_FALSE(call({"GET", "a"}));
    EXPECT_EQ(reasons.text, "EVAL: DENIED; it closed the connection");
}

TEST_F(FleetClient, AStoreThatCantBeReachedIsAway) {
    server.stop();
    settings.url.port = 1; // of no service
    settings.url.text = "redis://127.0.0.1:1";
    settings.url.host = "127.0.0.1";
    settings.url.tls = false;
    client = std::make_unique<Client>(context, clock, std::make_shared<Server>(settings), stats);
    client->start();
    EXPECT_FALSE(call({"GET", "a"}));
    EXPECT_EQ(stats.fleet_store_up.get(), 0);
}

TEST_F(FleetClient, StoppingEndsEveryCallAndLeavesNoWork) {
    start_up();
    server.answer = [](const auto&) { return ""; };
    begin("A");
    ASSERT_TRUE(until([this] { return server.commands.size() == 2; }));
    client->stop();
    ASSERT_TRUE(until([this] { return answers.size() == 1; }));
    EXPECT_FALSE(answers.front());
    EXPECT_FALSE(call({"GET", "b"}));
    server.stop();
    clock.stop();
    context.restart();
    context.run(); // runs dry
}

} // namespace
} // namespace bearerd::fleet
