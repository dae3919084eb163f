#include "ops_load.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/stat.h>

// contract 3.9: what survives a restart, and what the store tolerates.
namespace bearerd::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view warning = "stored token ignored";

/// A simulator, and a store that outlives the daemons in front of it.
class TokenStore : public testing::Test {
protected:
    explicit TokenStore(const std::vector<std::string>& arguments = {}) : simulator{arguments} {}

    std::unique_ptr<Daemon> start(const std::string& more = "") const {
        return std::make_unique<Daemon>(
            DaemonOptions{.upstream_url = simulator.url(),
                          .ca_pem = simulator.ca_pem(),
                          .config = "token_store: {directory: " + store().string() + "}\n" + more});
    }

    fs::path store() const { return directory.path() / "store"; }

    /// Returns the names of the files in the store.
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator{store()})
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

    /// Returns the only file whose name begins with this prefix.
    fs::path file(std::string_view prefix = "token-") const {
        std::vector<std::string> names = files();
        std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
        EXPECT_EQ(names.size(), 1U);
        return names.empty() ? fs::path{} : store() / names.front();
    }

    /// Runs a daemon that logs in, stores its token, and ends.
    void fill() const {
        const auto daemon = start();
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
    }

    Simulator simulator;
    TemporaryDirectory directory;
};

class RotatingTokenStore : public TokenStore {
protected:
    RotatingTokenStore() : TokenStore{{"--rotate-every", "1"}} {}
};

std::size_t count(const std::string& text, std::string_view word) {
    std::size_t result = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
        ++result;
    return result;
}

/// Returns the warnings of a daemon that has answered a request. The log is written with a delay, and the
/// line of that request comes after them.
std::size_t warnings(const std::unique_ptr<Daemon>& daemon) {
    EXPECT_TRUE(daemon->process().wait_for_line("info request "));
    return count(daemon->output(), warning);
}

void overwrite(const fs::path& path, const std::string& bytes) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

mode_t mode_of(const fs::path& path) {
    struct stat status{};

    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
}

TEST_F(TokenStore, ServesARestartWithoutALogin) {
    const mode_t before = ::umask(0);
    fill();
    ::umask(before);
    EXPECT_EQ(mode_of(file()), 0600U) << "whatever the umask";
    EXPECT_EQ(mode_of(store()), 0700U);
    const auto daemon = start();
    EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
    EXPECT_TRUE(daemon->wait_for_metric(R"(bearerd_token_swaps_total{source="store"})", 1));
    EXPECT_EQ(simulator.stats().at("login_attempts_ms").size(), 1U);
    EXPECT_EQ(simulator.stat("unauthorized"), 0);
    EXPECT_EQ(warnings(daemon), 0U);
}

TEST_F(TokenStore, ThatIsDamagedIsIgnoredWithOneWarningAndOneLogin) {
    fill();
    const std::string good = read_file(file());
    std::string flipped = good;
    flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
    std::int64_t logins = 1;
    for (const std::string& bytes : {flipped, good.substr(0, good.size() / 2), good + "x", std::string{},
                                     std::string{"not ours\n"}, std::string(1 << 20, 'x')}) {
        overwrite(file(), bytes);
        const auto daemon = start();
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
        EXPECT_EQ(warnings(daemon), 1U) << bytes.size() << " bytes";
        EXPECT_EQ(simulator.stat("logins_ok"), ++logins) << bytes.size() << " bytes";
    }
    EXPECT_EQ(simulator.stat("unauthorized"), 0);
    const auto daemon = start(); // the token that the last login stored is valid again
    EXPECT_EQ(simulator.stat("logins_ok"), logins);
}

TEST_F(TokenStore, OfAnotherPasswordIsIgnored) {
    fill();
    const std::string changed = directory.write("changed", "another-password\n");
    simulator.change_password("another-password");
    const auto daemon = start("credentials: {password_file: " + changed + "}");
    EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
    EXPECT_EQ(warnings(daemon), 1U);
    EXPECT_EQ(simulator.stat("logins_ok"), 2);
}

TEST_F(TokenStore, OfAnotherUserIsIgnoredEvenUnderTheOwnName) {
    fill();
    const fs::path of_another = file();
    const std::string stranger = "credentials: {username: till-043}";
    expect_own_error(start(stranger)->post(balance_query()), 502, "LOGIN_REJECTED", "no");
    const std::string name = file("login-").filename().string().substr(sizeof "login" - 1);
    fs::copy_file(of_another, store() / ("token" + name));
    const auto daemon = start(stranger);
    expect_own_error(daemon->post(balance_query()), 502, "LOGIN_REJECTED", "no");
    EXPECT_EQ(warnings(daemon), 1U);
    EXPECT_EQ(simulator.stat("logins_rejected"), 1) << "the back-off outlived the restart";
}

TEST_F(RotatingTokenStore, SurvivesSigkillAtAnyMoment) {
    std::mt19937 dice{42}; // NOLINT(cert-msc51-cpp): the same moments in every run, as far as that goes
    std::uniform_int_distribution<std::uint64_t> moment{1, 200};
    for (int life = 0; life <= 12; ++life) {
        const auto daemon = start();
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "") << "life " << life;
        EXPECT_EQ(warnings(daemon), 0U) << "life " << life;
        Load load{daemon->port(), 2, true};
        // After there is a token in the store, no restart may need a login.
        ASSERT_TRUE(
            wait_until([&] { return fs::exists(store()) && !files().empty() && files().back()[0] == 't'; }));
        EXPECT_TRUE(load.wait_for_more(moment(dice)));
        EXPECT_LE(files().size(), 2U) << "the token, and what is being written: life " << life;
        daemon->process().signal(SIGKILL);
        const auto exit = daemon->stop();
        EXPECT_TRUE(exit && exit->signal == SIGKILL);
        static_cast<void>(load.end()); // what was in flight has failed, of course
    }
    overwrite(store() / ("." + file().filename().string() + ".tmp-4194304"), "half of a tok");
    fill();
    EXPECT_EQ(files().size(), 1U) << "what a killed one left is gone";
    EXPECT_EQ(simulator.stats().at("login_attempts_ms").size(), 1U) << "the stored token is always whole";
    EXPECT_EQ(simulator.stat("unauthorized"), 0);
}

TEST_F(RotatingTokenStore, ThatVanishesIsMadeAnew) {
    const auto daemon = start();
    EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
    ASSERT_TRUE(wait_until([&] { return fs::exists(store()); }));
    fs::rename(store(), directory.path() / "moved");
    EXPECT_TRUE(wait_until([&] {
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
        return fs::exists(store());
    }));
    EXPECT_EQ(mode_of(store()), 0700U);
}

TEST_F(RotatingTokenStore, ThatCannotBeWrittenIsToldOnceAndStopsNothing) {
    overwrite(store(), "a file in the folder's place stops even root");
    const auto daemon = start();
    const std::string failures = "bearerd_token_store_failures_total";
    EXPECT_TRUE(wait_until([&] {
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
        return daemon->metric(failures) >= 3;
    }));
    EXPECT_TRUE(daemon->process().wait_for_line("token store can't be written"));
    EXPECT_EQ(count(daemon->output(), "token store can't be written"), 1U);
    fs::remove(store());
    EXPECT_TRUE(wait_until([&] {
        EXPECT_EQ(Load::expect_data(daemon->post(balance_query())), "");
        return count(daemon->output(), "token store is written again") == 1;
    }));
    EXPECT_EQ(files().size(), 1U);
    EXPECT_EQ(simulator.stat("logins_ok"), 1);
}

} // namespace
} // namespace bearerd::test
