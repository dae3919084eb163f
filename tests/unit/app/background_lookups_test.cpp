#include "background_lookups.hpp"

#include "unit/proxy/fakes.hpp"
#include "unit/run_task.hpp"

#include <bearerd/base/secret.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bearerd::app {
namespace {

using journal::JournalEntry;
using journal::MutationField;
using namespace std::chrono_literals;

/// Answers each question, and remembers when it came.
class AnsweringTransport final : public upstream::Transport {
public:
    net::Task<upstream::SendResult> send(upstream::OutgoingRequest request) override {
        asked_at.push_back(BootClock::now());
        patience.push_back(request.give_up - BootClock::now());
        bodies.emplace_back(request.body);
        inner_.steps.emplace_back(proxy::test::json(R"({"data":{"Items":)" + items + "}}"));
        auto sending = inner_.send(std::move(request));
        auto result = co_await std::move(sending);
        co_return result;
    }

    std::string items = "[]"; ///< nothing is found
    std::vector<TimePoint> asked_at;
    std::vector<Duration> patience; ///< until the question is given up
    std::vector<std::string> bodies;

private:
    proxy::test::FakeTransport inner_;
};

class BackgroundLookupsTest : public testing::Test {
protected:
    static constexpr std::uint32_t account = 7;

    BackgroundLookupsTest() {
        settings.upstream.url.host = "api.example.com";
        settings.upstream.url.target = "/graphql";
        settings.transactions.look_up_for = 0s;
        settings.transactions.rules = {{"pay", "ref", "", "query($key:String!){Items(ref:$key){id}}",
                                        "/data/Items/0/id", config::Repeats::replay}};
        plan.emplace(settings);
        identifier.emplace(secret, settings);
        asker.reconciler = std::make_shared<reconcile::Reconciler>(*plan, transport, tokens,
                                                                   loop.get_executor(), clock, group, stats);
        asker.account = account;
        asker.settle_for = 24h;
        lookups.emplace(nullptr, loop.get_executor(), clock, [this] { return asker; });
    }

    ~BackgroundLookupsTest() override {
        lookups->stop();
        bearerd::test::settle(loop);
    }

    /// Of a former process.
    static JournalEntry entry(std::uint64_t number, std::uint32_t whose = account) {
        JournalEntry left;
        left.intent.number = number;
        left.intent.at_ms = wall_ms();
        left.intent.account = whose;
        left.intent.fields = fields(number);
        return left;
    }

    static std::vector<MutationField> fields(std::uint64_t number) {
        return {{"pay", "ref", "k" + std::to_string(number)}};
    }

    static BackgroundLookups::Case left_unknown(std::uint64_t number, std::uint32_t whose = account) {
        BackgroundLookups::Case unknown;
        unknown.account = whose;
        unknown.fields = fields(number);
        return unknown;
    }

    /// Turns the loop until nothing is left to do; returns false if something is due even later than a second
    /// question about the same.
    bool run_dry() {
        loop.restart();
        loop.run_for(7s);
        return loop.stopped();
    }

    [[nodiscard]] std::size_t asked() const { return transport.bodies.size(); }

    config::Settings settings;
    Secret secret{std::string_view{"0123456789abcdef0123456789abcdef"}};
    AnsweringTransport transport;
    proxy::test::FakeTokens tokens;
    net::asio::io_context loop;
    net::DeadlineClock clock{loop};
    net::TaskGroup group;
    Stats stats;
    std::optional<reconcile::LookupPlan> plan;
    std::optional<transaction::Identifier> identifier;
    transaction::Table table{{.remember = 24h, .replay_memory = 1U << 20U}};
    BackgroundLookups::Asker asker;
    std::optional<BackgroundLookups> lookups;
};

TEST_F(BackgroundLookupsTest, AsksAtMostOnceASecond) {
    const TimePoint begin = BootClock::now();
    lookups->start({entry(1), entry(2), entry(3)});
    ASSERT_TRUE(bearerd::test::turn_until(loop, [this] { return asked() == 3; }));
    EXPECT_GE(transport.asked_at[1] - begin, 1s);
    EXPECT_GE(transport.asked_at[2] - begin, 2s);
    for (const Duration patience : transport.patience)
        EXPECT_GE(patience, 1s) << "the upstream may take its time";
}

TEST_F(BackgroundLookupsTest, AsksOnceMoreAfterWhatIsOlderThanItSettlesFor) {
    JournalEntry old = entry(1);
    old.intent.at_ms -= std::chrono::milliseconds{49h}.count(); // a day of it is doubt
    lookups->start({old});
    EXPECT_TRUE(run_dry());
    EXPECT_EQ(asked(), 1U);
}

TEST_F(BackgroundLookupsTest, DoesNotAskAfterWhatIsKnownMeanwhile) {
    asker.settle_for = 0s; // one question each
    lookups->start({entry(1), entry(2), entry(3)});
    ASSERT_TRUE(bearerd::test::turn_until(loop, [this] { return asked() == 1; }));
    for (std::uint64_t number = 1; number <= 3; ++number)
        lookups->remove(fields(number), account);
    EXPECT_TRUE(run_dry());
    EXPECT_EQ(asked(), 1U);
}

TEST_F(BackgroundLookupsTest, AsksForTheMutationsOfOneRequestWithTheSamePause) {
    JournalEntry both = entry(1);
    both.intent.fields.push_back(fields(2).front());
    transport.items = R"([{"id":7}])";
    lookups->start({both, entry(3)});
    EXPECT_TRUE(run_dry());
    ASSERT_EQ(asked(), 3U);
    EXPECT_GE(transport.asked_at[1] - transport.asked_at[0], 1s);
    EXPECT_GE(transport.asked_at[2] - transport.asked_at[1], 1s);
}

TEST_F(BackgroundLookupsTest, AsksOnceAReloadHasBroughtBackTheAccount) {
    lookups->start({entry(1, account + 1)});
    loop.restart();
    loop.run_for(10ms); // it can't be asked for now
    asker.account = account + 1;
    EXPECT_TRUE(bearerd::test::turn_until(loop, [this] { return asked() == 1; }));
}

TEST_F(BackgroundLookupsTest, AsksNobodyAfterAnotherAccountsTransactions) {
    asker.settle_for = 0s;
    lookups->start({entry(1, account + 1), entry(2, account + 1)});
    lookups->add(left_unknown(3, account + 1));
    EXPECT_TRUE(run_dry());
    EXPECT_EQ(asked(), 0U);
}

TEST_F(BackgroundLookupsTest, LetsTheGuardKnowWhatItHasFound) {
    const transaction::Digest identity = identifier->identity("pay", "k1");
    transaction::Restored former;
    former.identities = {identity};
    ASSERT_EQ(table.restore({former}, BootClock::now()), 0U);
    asker.table = &table;
    asker.identifier = &*identifier;
    transport.items = R"([{"id":7}])";
    lookups->start({entry(1)});
    EXPECT_TRUE(run_dry());
    EXPECT_EQ(asked(), 1U);
    const auto seen = table.find(identity, BootClock::now());
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->state, transaction::Seen::State::executed);
    EXPECT_EQ(seen->reconciled, "7");
}

} // namespace
} // namespace bearerd::app
