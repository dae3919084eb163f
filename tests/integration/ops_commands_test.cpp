#include "scenario.hpp"

#include "support/secrets.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace bearerd::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A configuration file without a daemon.
class Commands : public testing::Test {
protected:
    /// `more` is YAML at the top level.
    std::string write(const std::string& url, const std::string& more = "", const std::string& tls = "") {
        directory_.write("password", std::string{password} + "\n");
        return directory_.write("bearerd.yaml", "upstream:\n  url: " + url + "\n" + tls +
                                                    "credentials:\n  username: till-042\n  password_file: " +
                                                    path("password") + "\n" + more);
    }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }

    TemporaryDirectory directory_;
};

TEST_F(Commands, HelpIsAManualForEachCommand) {
    for (const std::string command : {"run", "check", "login", "status", "wait", "journal"}) {
        const Finished help = run_bearerd({command, "--help"});
        EXPECT_EQ(help.exit.code, 0) << command;
        EXPECT_THAT(help.standard_output,
                    AllOf(HasSubstr("--config"), HasSubstr("/etc/bearerd/bearerd.yaml")));
        EXPECT_GT(help.standard_output.size(), 400U) << "more than a list of options is due for " << command;
    }
    const Finished help = run_bearerd({"--help"});
    EXPECT_EQ(help.exit.code, 0);
    EXPECT_THAT(help.standard_output,
                AllOf(HasSubstr("Exit status"), HasSubstr("Examples"), HasSubstr("login")));
}

TEST_F(Commands, ManualAndCompletionKnowEachCommandAndItsOptions) {
    const auto contents = [](const std::string& file) {
        std::ifstream stream{BEARERD_SOURCE_DIR "/" + file};
        return std::string{std::istreambuf_iterator<char>{stream}, {}};
    };
    const std::string manual = contents("man/bearerd.1");
    const std::string completion = contents("completion/bearerd");
    const std::string others[] = {contents("completion/_bearerd"), contents("completion/bearerd.fish")};
    for (const std::string command : {"run", "check", "login", "status", "wait", "journal"}) {
        EXPECT_THAT(manual, HasSubstr(".B " + command + "\n"));
        EXPECT_THAT(completion, testing::ContainsRegex("compgen -W '([a-z]+ )*" + command + "[ ']"));
        for (const std::string& other : others)
            EXPECT_THAT(other, testing::ContainsRegex("(-a |')" + command + "[: ]"));
    }
    for (const std::string option :
         {"config", "help", "version", "timeout", "unresolved", "json", "settings", "service"}) {
        for (const std::string& other : others)
            EXPECT_THAT(other, testing::ContainsRegex("(--|-l )" + option));
        EXPECT_THAT(manual, HasSubstr("\\-\\-" + option));
        EXPECT_THAT(completion, HasSubstr("--" + option));
    }
}

TEST_F(Commands, VersionIsOneLineOnStandardOutput) {
    const Finished version = run_bearerd({"--version"});
    EXPECT_EQ(version.exit.code, 0);
    EXPECT_THAT(version.standard_output, testing::MatchesRegex("bearerd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(Commands, WrongUsageIs64AndSaysWhatToDo) {
    const std::vector<std::vector<std::string>> wrong{{"--nonsense"},
                                                      {"serve"},
                                                      {"check", "--config"},
                                                      {"check", "login"},
                                                      {"run", "extra"},
                                                      {"wait", "extra"},
                                                      {"wait", "--timeout"},
                                                      {"wait", "--timeout", "5"},
                                                      {"wait", "--timeout=soon"},
                                                      {"wait", "--timeout=-1s"},
                                                      {"status", "--timeout", "5s"}};
    for (const auto& arguments : wrong) {
        const Finished ended = run_bearerd(arguments);
        EXPECT_EQ(ended.exit.code, 64) << arguments.front();
        EXPECT_EQ(ended.standard_output, "");
        EXPECT_THAT(ended.output, HasSubstr("--help"));
    }
}

TEST_F(Commands, WrongUsageSuggestsWhatWasMeant) {
    const std::pair<std::vector<std::string>, std::string> cases[] = {
        {{"check", "bearerd.yaml"}, "did you mean bearerd check --config bearerd.yaml?"},
        {{"chekc"}, "did you mean bearerd check?"},
        {{"help"}, "did you mean bearerd --help?"},
        {{"journal", "--key", ""}, "--key: must not be empty"},
        {{"journal", "close", "id", "--number", "z"}, "--number: must be a whole number from 1 on"}};
    for (const auto& [arguments, suggestion] : cases) {
        const Finished ended = run_bearerd(arguments);
        EXPECT_EQ(ended.exit.code, 64);
        EXPECT_THAT(ended.output, AllOf(testing::StartsWith("bearerd: "), HasSubstr(suggestion)));
    }
}

TEST_F(Commands, CheckListsAMissingPasswordAndAMissingCertificateInOneRun) {
    const std::string file = write("https://api.example.com/graphql", "token_store: {key_file: no-key}\n",
                                   "  tls: {ca_file: no-ca.pem}\n");
    std::filesystem::remove(path("password"));
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_EQ(ended.exit.code, 78);
    EXPECT_THAT(ended.output, AllOf(HasSubstr(file + ":3:18: upstream.tls.ca_file: " + path("no-ca.pem") +
                                              " can't be used"),
                                    HasSubstr(file + ":6:18: credentials.password_file: " + path("password") +
                                              " can't be read: No such file"),
                                    HasSubstr("token_store.key_file: " + path("no-key") + " can't be read")));
}

TEST_F(Commands, CheckOfTheSettingsOpensNothingAndFindsMistakes) {
    const std::string file =
        write("https://api.example.com/graphql", "token_store: {key_file: \"${NOT_SET_HERE}/key\"}\n");
    std::filesystem::remove(path("password"));
    EXPECT_EQ(run_bearerd({"check", "--settings", "--config", file}).exit.code, 0);
    const std::string bad = write("https://api.example.com/graphql", "thread: 2\n");
    const Finished ended = run_bearerd({"check", "--settings", "--config", bad});
    EXPECT_EQ(ended.exit.code, 78);
    EXPECT_THAT(ended.output, HasSubstr(":6:1: thread: is not a known key"));
}

TEST_F(Commands, TheOnesThatReadNoSecretTakeEachSecretsFile) {
    const std::string secrets =
        "token_store: {key_file: no-key}\n"
        "fleet: {url: \"rediss://valkey\", user: till, password_file: none, key_file: none}\n"
        "admin: {address: \"127.0.0.1:1\"}\n";
    const std::string file = write("https://api.example.com/graphql", secrets);
    std::filesystem::remove(path("password"));
    EXPECT_EQ(run_bearerd({"check", "--settings", "--config", file}).exit.code, 0);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"status"}, {"wait", "--timeout", "1ms"}, {"journal"}}) {
        auto arguments = command;
        arguments.insert(arguments.end(), {"--config", file});
        EXPECT_THAT(run_bearerd(arguments).output, Not(HasSubstr("fleet.")));
    }
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_THAT(ended.output, AllOf(HasSubstr("fleet.key_file: " + path("none") + " can't be read"),
                                    HasSubstr("token_store.key_file: " + path("no-key") + " can't be read")));
}

TEST_F(Commands, CheckRefusesCredentialsThatCanNotWork) {
    const std::string file =
        write("https://api.example.com/graphql", "auth: {login_query: \"{ login( }\"}\n");
    directory_.write("password", " pass\nword\n");
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_EQ(ended.exit.code, 78);
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr(file + ":5:18: credentials.password_file: "), HasSubstr("must hold one line"),
                      HasSubstr("auth.login_query: can't be read"), Not(HasSubstr("word\n"))));
}

TEST_F(Commands, TheFileMayBeNamedBeforeOrAfterTheCommand) {
    const std::string file = write("https://api.example.com/graphql");
    EXPECT_EQ(run_bearerd({"--config", file, "check"}).exit.code, 0);
    EXPECT_EQ(run_bearerd({"check", "-c", file}).exit.code, 0);
}

TEST_F(Commands, EveryCommandReportsEveryFaultByPositionWith78) {
    const std::string file = write("https://api.example.com/graphql", "thread: 2\nshutdown_grace: soon\n");
    for (const std::string command : {"run", "check", "login", "status", "wait"}) {
        const Finished ended = run_bearerd({command, "--config", file});
        EXPECT_EQ(ended.exit.code, 78) << command;
        EXPECT_THAT(ended.output, AllOf(HasSubstr(file + ":6:1: thread: "), HasSubstr("threads"),
                                        HasSubstr(file + ":7:17: shutdown_grace: ")));
    }
    EXPECT_EQ(run_bearerd({"check", "--config", path("nowhere.yaml")}).exit.code, 78);
}

TEST_F(Commands, CheckOpensTheTlsFiles) {
    directory_.write("ca.pem", "this is no certificate\n");
    const std::string file =
        write("https://api.example.com/graphql", "", "  tls:\n    ca_file: " + path("ca.pem") + "\n");
    for (const std::string command : {"run", "check", "login"}) {
        const Finished ended = run_bearerd({command, "--config", file});
        EXPECT_EQ(ended.exit.code, 78) << command;
        EXPECT_THAT(ended.output, HasSubstr(file + ":4:14: upstream.tls.ca_file: " + path("ca.pem")));
    }
}

TEST_F(Commands, CheckListsEachTlsFileThatCanNotBeUsed) {
    directory_.write("key.pem", "this is no key\n");
    const std::string file =
        write("https://api.example.com/graphql", "",
              "  tls:\n    ca_file: no-ca.pem\n    client_certificate_file: no-client.pem\n"
              "    client_key_file: key.pem\n");
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_EQ(ended.exit.code, 78);
    EXPECT_THAT(ended.output, AllOf(HasSubstr(file + ":4:14: upstream.tls.ca_file: "),
                                    HasSubstr(file + ":5:30: upstream.tls.client_certificate_file: "),
                                    HasSubstr(file + ":6:22: upstream.tls.client_key_file: ")));
}

TEST_F(Commands, AFileThatCanNotBeOpenedIsToldInTheSystemsWords) {
    const std::string file =
        write("https://api.example.com/graphql", "", "  tls:\n    ca_file: " + path("no-ca.pem") + "\n");
    EXPECT_THAT(run_bearerd({"check", "--config", file}).output,
                HasSubstr(path("no-ca.pem") + " can't be used: No such file or directory"));
}

TEST_F(Commands, TroubleThatMayPassIs1SoThatSystemdTriesAgain) {
#ifdef BEARERD_SANITIZED
    GTEST_SKIP() << "a sanitizer needs descriptors of its own, and takes their lack for a fault of ours";
#endif
    const std::string file = write("https://api.example.com/graphql");
    // Descriptors that this test has inherited would disturb the loader.
    const Finished ended = run("/bin/sh", {"-c", "exec 3>&- 4>&-; exec prlimit --nofile=4:4 \"$@\"", "sh",
                                           BEARERD_PROGRAM, "run", "--config", file});
    EXPECT_EQ(ended.exit.code, 1) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("Too many open files"));
}

TEST_F(Commands, CheckTriesTheTokenStore) {
    const std::string plain_file = directory_.write("plain", "x");
    const std::vector<std::pair<std::string, std::string>> cases{
        {"token_store:\n  directory: " + plain_file + "\n", ":7:14: token_store.directory: "},
        {"token_store:\n  directory: " + path("missing/deeply") + "\n", ":7:14: token_store.directory: "},
        {"token_store:\n  key_file: " + path("no-key") + "\n", ":7:13: token_store.key_file: "},
        {"token_store:\n  key_file: " + directory_.write("empty-key", "") + "\n", "is empty"}};
    for (const auto& [section, complaint] : cases) {
        const std::string file = write("https://api.example.com/graphql", section);
        const Finished ended = run_bearerd({"check", "--config", file});
        EXPECT_EQ(ended.exit.code, 78) << section;
        EXPECT_THAT(ended.output, HasSubstr(complaint));
    }
    const std::string file = write("https://api.example.com/graphql",
                                   "token_store:\n  directory: " + path("made-later") +
                                       "\n  key_file: " + directory_.write("key", "0123456789abcdef") + "\n");
    const Finished fine = run_bearerd({"check", "--config", file});
    EXPECT_EQ(fine.exit.code, 0) << fine.output;
    EXPECT_FALSE(std::filesystem::exists(path("made-later"))) << "check changes nothing";
}

TEST_F(Commands, CheckPrintsWarningsAndSucceeds) {
    const std::string key = directory_.write("key", "0123456789abcdef");
    std::filesystem::permissions(key, std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    const std::string file =
        write("https://api.example.com/graphql", "token_store:\n  key_file: " + key + "\n");
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr(file + ":7:13: warning: token_store.key_file: " + key +
                                        " can be changed by every user"));
}

/// Programs that stand in for systemd's: `systemctl cat` prints the unit, systemd-run what it was called
/// with.
class AsService : public Commands {
protected:
    AsService() {
        std::filesystem::create_directory(path("bin"));
        program("systemctl", "[ \"$*\" = 'cat --no-pager -- bearerd@shop.service' ] && cat " + path("unit"));
        program("systemd-run", "printf '%s\\n' \"$@\"; exit 77");
        directory_.write("unit", "[Service]\nExecStart=/usr/bin/bearerd run --config /etc/bearerd/%i.yaml\n"
                                 "LoadCredential=password:/etc/bearerd/%i.password\nDynamicUser=yes\n");
    }

    void program(const std::string& name, const std::string& text) {
        const std::string file = directory_.write("bin/" + name, "#!/bin/sh\n" + text + "\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    }

    [[nodiscard]] Finished bearerd(const std::vector<std::string>& arguments) const {
        return run(BEARERD_PROGRAM, arguments, {{"PATH", path("bin") + ":/usr/bin:/bin"}});
    }
};

TEST_F(AsService, CheckAndLoginRunAsTheUnitSaysAndEndAsThatDoes) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "it takes root";
    for (const std::string command : {"check", "login"}) {
        const Finished ended = bearerd({command, "--service", "bearerd@shop"});
        EXPECT_EQ(ended.exit.code, 77) << ended.output;
        EXPECT_THAT(ended.standard_output,
                    AllOf(HasSubstr("-p\nLoadCredential=password:/etc/bearerd/shop.password\n"),
                          HasSubstr("-p\nUser=bearerd\n"),
                          HasSubstr("/bearerd\n" + command + "\n--config\n/etc/bearerd/shop.yaml\n")));
    }
    const Finished other = bearerd({"check", "--settings", "--service", "bearerd@shop", "-c", "/f.yaml"});
    EXPECT_THAT(other.standard_output, HasSubstr("\ncheck\n--settings\n--config\n/f.yaml\n"));
}

TEST_F(AsService, SaysWhyItCanNotRunSo) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "it takes root";
    EXPECT_EQ(bearerd({"check", "--service", "--all"}).exit.code, 64);
    for (const std::string wrong : {"a b", "--", "@shop"})
        EXPECT_EQ(bearerd({"check", "--service=" + wrong}).exit.code, 64) << wrong;
    const Finished unknown = bearerd({"login", "--service", "bearerd"});
    EXPECT_EQ(unknown.exit.code, 1);
    EXPECT_THAT(unknown.output, HasSubstr("bearerd: systemctl cat bearerd.service fails"));
}

TEST_F(Commands, CheckAsRootWarnsOfWhatAServiceOfAnotherUserCanNotRead) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "it takes root";
    const std::string file = write("https://api.example.com/graphql");
    std::filesystem::permissions(path("password"), std::filesystem::perms::owner_read);
    const Finished ended = run_bearerd({"check", "--config", file});
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    EXPECT_THAT(ended.output, AllOf(HasSubstr(":5:18: warning: credentials.password_file: "),
                                    HasSubstr("can't be read by a service that does not run as root"),
                                    HasSubstr("bearerd check --service UNIT")));
}

TEST_F(Commands, LoginTellsUpstreamIdentityTlsAndTokenLife) {
    const Simulator upstream;
    directory_.write("ca.pem", upstream.ca_pem());
    const std::string file =
        write(upstream.url() + "?key=a-key-of-the-api", "", "  tls:\n    ca_file: " + path("ca.pem") + "\n");
    const Finished ended = run_bearerd({"login", "--config", file});
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    EXPECT_THAT(ended.standard_output, AllOf(HasSubstr(upstream.url()), HasSubstr("till-042"),
                                             HasSubstr("TLSv1.3"), HasSubstr("TLS_"), HasSubstr("1h")));
    EXPECT_THAT(ended.standard_output, Not(HasSubstr("a-key-of-the-api")));
    EXPECT_EQ(upstream.stat("logins_ok"), 1);
    expect_no_secrets(ended.output, {std::string{password}, "eyJhbGci"}, "the output of bearerd login");
}

TEST_F(Commands, LoginTakesThePasswordOfTheSystemdCredential) {
    const Simulator upstream;
    directory_.write("password", std::string{password});
    directory_.write("ca.pem", upstream.ca_pem());
    const std::string file = directory_.write("bearerd.yaml", "upstream: {url: \"" + upstream.url() +
                                                                  "\", tls: {ca_file: " + path("ca.pem") +
                                                                  "}}\ncredentials: {username: till-042}\n");
    const Finished ended =
        run_bearerd({"login", "--config", file}, {{"CREDENTIALS_DIRECTORY", directory_.path().string()}});
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    EXPECT_EQ(run_bearerd({"login", "--config", file}).exit.code, 78);
}

TEST_F(Commands, ARejectedLoginIs77AndSaysWhatToDo) {
    Simulator upstream;
    upstream.change_password("something-else-entirely");
    directory_.write("ca.pem", upstream.ca_pem());
    const std::string file = write(upstream.url(), "", "  tls:\n    ca_file: " + path("ca.pem") + "\n");
    const Finished ended = run_bearerd({"login", "--config", file});
    EXPECT_EQ(ended.exit.code, 77) << ended.output;
    EXPECT_EQ(ended.standard_output, "");
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr("rejected"), HasSubstr("till-042"), HasSubstr("may lock the account")));
}

TEST_F(Commands, ALoginThatCanNotBeCarriedOutIs69AndSaysWhatToDo) {
    const std::string nobody = "http://127.0.0.1:" + std::to_string(free_port()) + "/graphql";
    const Finished refused = run_bearerd({"login", "--config", write(nobody + "?key=a-key-of-the-api")});
    EXPECT_EQ(refused.exit.code, 69) << refused.output;
    EXPECT_THAT(refused.output, AllOf(HasSubstr("can't log in at " + nobody),
                                      HasSubstr("Connection refused. Nothing listens there"),
                                      Not(HasSubstr("a-key-of-the-api"))));

    const Simulator upstream; // nobody gave us its authority
    const Finished untrusted = run_bearerd({"login", "--config", write(upstream.url())});
    EXPECT_EQ(untrusted.exit.code, 69) << untrusted.output;
    EXPECT_THAT(untrusted.output, HasSubstr("certificate"));
}

constexpr std::string_view healthy =
    R"({"version":"0.1.0","uptime_s":7265,"token":{"state":"valid","expires_in_s":2460,"identity":"till-042"},)"
    R"("login":{"last_result":"ok","next_try_s":null},)"
    R"("upstream":{"url":"https://api.example.com/graphql","reachable":true,"last_error":null},)"
    R"("requests":{"total":12,"in_flight":1,"by_outcome":{"ok":11,"rejected":0,"graphql_error":1}}})";

/// Runs the command while the server at the admin address answers like this.
Finished ask_status(const TemporaryDirectory& directory, std::string_view body,
                    std::string_view status_line = "200 OK") {
    ScriptedUpstream admin{std::nullopt, [&](UpstreamConnection& connection) {
                               const UpstreamRequest request = connection.read();
                               EXPECT_EQ(request.target, "/status.json");
                               EXPECT_EQ(request.header("Host"), "localhost");
                               connection.write(http_answer(body, {}, status_line));
                           }};
    // Neither the password's file nor the variable exists, because status needs neither.
    const std::string file = directory.write(
        "bearerd.yaml",
        "upstream: {url: \"${BEARERD_TEST_NO_SUCH_NAME}\"}\n"
        "threads: \"${BEARERD_TEST_NO_SUCH_NAME}\"\n"
        "credentials: {username: \"${BEARERD_TEST_NO_SUCH_NAME}\", password_file: /nonexistent}\n"
        "admin: {address: \"127.0.0.1:" +
            std::to_string(admin.port()) + "\"}\n");
    return run_bearerd({"status", "--config", file});
}

TEST_F(Commands, StatusPrintsATableWithoutTouchingSecrets) {
    const Finished ended = ask_status(directory_, healthy);
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    for (const char* part :
         {"0.1.0", "2 h 1 min", "valid for till-042", "41 min", "https://api.example.com/graphql",
          "reachable", "12 in all, 1 in flight", "ok 11", "graphql_error 1"})
        EXPECT_THAT(ended.standard_output, HasSubstr(part));
}

TEST_F(Commands, StatusAsJsonIsTheDaemonsAnswer) {
    ScriptedUpstream admin{std::nullopt, [](UpstreamConnection& connection) {
                               connection.read();
                               connection.write(http_answer(healthy));
                           }};
    const std::string file = write("https://api.example.com/graphql",
                                   "admin: {address: \"127.0.0.1:" + std::to_string(admin.port()) + "\"}\n");
    const Finished ended = run_bearerd({"status", "--json", "--config", file});
    EXPECT_EQ(ended.exit.code, 0) << ended.output;
    EXPECT_EQ(nlohmann::json::parse(ended.standard_output), nlohmann::json::parse(healthy));
}

TEST_F(Commands, StatusOfADaemonThatIsNotLoggedInIs69) {
    const Finished ended = ask_status(
        directory_, R"({"token":{"state":"rejected","identity":"till-042"},"login":{"next_try_s":30},)"
                    R"("upstream":{"reachable":false,"last_error":"refused\u001b[2J"}})");
    EXPECT_EQ(ended.exit.code, 69);
    EXPECT_THAT(ended.standard_output,
                AllOf(HasSubstr("rejected"), HasSubstr("in 30 s"), HasSubstr("refused")));
    EXPECT_EQ(ended.standard_output.find('\x1b'), std::string::npos);
}

TEST_F(Commands, StatusOfWhatIsNoBearerdIs69) {
    for (const std::string_view body : {"hello", "[]", "{", "{\"token\":7}", "{\"token\":[]}", ""})
        EXPECT_EQ(ask_status(directory_, body).exit.code, 69) << body;
    EXPECT_EQ(ask_status(directory_, healthy, "403 Forbidden").exit.code, 69);
}

TEST_F(Commands, StatusWithoutADaemonIs69AndSaysWhatToDo) {
    const std::string port = std::to_string(free_port());
    const std::string url = "https://api.example.com/graphql";
    const std::vector<std::string> addresses{"127.0.0.1:" + port, "\"[::1]:" + port + "\"",
                                             "unix:" + path("nobody.sock")};
    for (const std::string& address : addresses) {
        const Finished ended =
            run_bearerd({"status", "--config", write(url, "admin:\n  address: " + address + "\n")});
        EXPECT_EQ(ended.exit.code, 69) << address;
        EXPECT_THAT(ended.output, HasSubstr("Is it running?"));
    }
    const Finished off = run_bearerd({"status", "--config", write(url, "admin:\n  address: off\n")});
    EXPECT_EQ(off.exit.code, 69);
    EXPECT_THAT(off.output, HasSubstr("admin.address"));
}

/// Returns the configuration of a daemon whose admin listener is at this address.
std::string admin_at(const std::string& address) {
    return "admin: {address: \"" + address + "\"}\n";
}

TEST_F(Commands, WaitReturnsOnceTheDaemonIsThereAndReady) {
    const Simulator upstream;
    for (const std::string& address :
         {"127.0.0.1:" + std::to_string(free_port()), "[::1]:" + std::to_string(free_port()),
          "unix:" + path("admin.sock")}) {
        const std::string file = write("https://api.example.com/graphql", admin_at(address));
        Process waiting{BEARERD_PROGRAM, {"wait", "--config", file}};
        const Daemon daemon{
            {.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .config = admin_at(address)}};
        const auto exit = waiting.wait_exit();
        EXPECT_TRUE(exit && exit->code == 0) << address;
        EXPECT_EQ(waiting.output(), "");
        EXPECT_EQ(run_bearerd({"wait", "--timeout", "0s", "--config", file}).exit.code, 0) << "at once";
    }
}

TEST_F(Commands, WaitIsNotOverBeforeTheLogin) {
    Simulator upstream;
    upstream.set_faults(R"({"kind":"delay","operations":"login","delay_ms":300,"next":1})");
    const Daemon daemon{
        {.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem(), .wait_until_ready = false}};
    EXPECT_EQ(run_bearerd({"wait", "--config", daemon.config_file()}).exit.code, 0);
    EXPECT_EQ(upstream.stat("logins_ok"), 1);
    EXPECT_EQ(daemon.admin("/readyz").status, 200);
}

TEST_F(Commands, WaitIs69AfterItsTimeoutAndTellsWhyTheDaemonIsNotReady) {
    Simulator upstream;
    upstream.change_password("something-else-entirely");
    const Daemon daemon{{.upstream_url = upstream.url(), .ca_pem = upstream.ca_pem()}};
    const Finished ended = run_bearerd({"wait", "--timeout", "1ms", "--config", daemon.config_file()});
    EXPECT_EQ(ended.exit.code, 69);
    EXPECT_THAT(ended.output,
                testing::MatchesRegex("bearerd: not ready after 1ms: no token: login rejected[^\n]*\n"));
}

TEST_F(Commands, WaitTellsThatNothingListensOrThatTheAdminListenerIsOff) {
    const std::string url = "https://api.example.com/graphql";
    for (const std::string& address :
         {"127.0.0.1:" + std::to_string(free_port()), "unix:" + path("nobody.sock")}) {
        const Finished ended =
            run_bearerd({"wait", "--timeout", "1ms", "--config", write(url, admin_at(address))});
        EXPECT_EQ(ended.exit.code, 69);
        EXPECT_EQ(ended.output,
                  "bearerd: not ready after 1ms: nothing listens on " + address + " (admin.address)\n");
    }
    const Finished off = run_bearerd({"wait", "--config", write(url, admin_at("off"))});
    EXPECT_EQ(off.exit.code, 78) << "no waiting makes it ready";
    EXPECT_THAT(off.output, HasSubstr("admin.address"));
}

TEST_F(Commands, WaitTellsWhatElseAnswersAtTheAddress) {
    struct Other {
        const char* status;
        const char* body;
        std::string_view reason;
    };

    for (const Other& it : {
             Other{"503 Service Unavailable", R"({"ready":false,"reason":"draining\u001b[2J"})",
                   "draining [2J"},
             Other{"404 Not Found", "<html>", "no answer from 127.0.0.1:"},
             Other{"503 Service Unavailable", R"({"reason":7})", "the answer is 503 Service Unavailable"},
         }) {
        ScriptedUpstream other{std::nullopt, [&](UpstreamConnection& connection) {
                                   EXPECT_EQ(connection.read().target, "/readyz");
                                   connection.write(http_answer(it.body, {}, it.status));
                               }};
        const Finished ended = run_bearerd({"wait", "--timeout", "0s", "--config",
                                            write("https://api.example.com/graphql",
                                                  admin_at("127.0.0.1:" + std::to_string(other.port())))});
        EXPECT_EQ(ended.exit.code, 69);
        EXPECT_THAT(ended.output, HasSubstr(std::string{it.reason}));
    }
}

} // namespace
} // namespace bearerd::test
