#include "fixture.hpp"

#include "environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace bearerd::config {

Settings settings_of(std::string_view text, const FakeWorld& world) {
    ParseResult result = parse(text, world.environment());
    if (auto* const valid = std::get_if<ValidConfig>(&result))
        return std::move(valid->settings);
    ADD_FAILURE() << testing::PrintToString(faults_of(text, world));
    return {};
}

std::vector<std::string> warnings_of(std::string_view text, const Environment& environment) {
    const ParseResult result = parse(text, environment);
    const auto* const valid = std::get_if<ValidConfig>(&result);
    EXPECT_NE(valid, nullptr) << text;
    std::vector<std::string> lines;
    if (valid != nullptr)
        for (const ConfigError& warning : valid->warnings)
            lines.push_back(format_warning("f", warning).substr(1 + (warning.line > 0 ? 1 : 0)));
    return lines;
}

namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

/// A text, and all that is to be said of it.
struct Case {
    std::string_view text;
    std::vector<std::string> faults;
};

void expect_faults(const std::vector<Case>& cases, std::string_view rest) {
    for (const Case& each : cases)
        EXPECT_THAT(faults_of(std::string{each.text} + "\n" + std::string{rest}),
                    ElementsAreArray(each.faults))
            << each.text;
}

void expect_faults_with_minimal(const std::vector<Case>& cases) {
    expect_faults(cases, minimal);
}

TEST(Parse, EmptyTextNamesWhatIsNeeded) {
    const std::vector<std::string> needed{
        "1:1: upstream.url: is missing: write the address of the GraphQL API, such as "
        "https://api.example.com/graphql",
        "1:1: credentials.username: is missing: write the user's name, or email: and the user's address",
        "1:1: credentials.password: is missing: write password_file: PATH, or password: ${VARIABLE}, or give "
        "the systemd credential \"password\"; by hand, as root, bearerd check and bearerd login take it as "
        "the "
        "service would with --service bearerd, or --service bearerd@NAME for /etc/bearerd/NAME.yaml (without "
        "systemd: CREDENTIALS_DIRECTORY=/etc/bearerd)",
    };
    for (const std::string_view text : {"", "\n", "# nothing\n", "---\n", "~", "{}"})
        EXPECT_THAT(faults_of(text), ElementsAreArray(needed)) << text;
}

TEST(Parse, FaultOfAMissingKeyStandsAtItsSection) {
    EXPECT_THAT(faults_of("threads: 1\nupstream:\n  connect_timeout: 1s\ncredentials:\n"),
                ElementsAre(HasSubstr("2:1: upstream.url: is missing"),
                            HasSubstr("4:1: credentials.username: is missing"),
                            HasSubstr("4:1: credentials.password: is missing")));
}

TEST(Parse, AllFaultsAreListedInTheOrderOfTheFile) {
    EXPECT_THAT(
        faults_of("threads: 0\n"
                  "log: {level: loud}\n"
                  "limits:\n"
                  "  header_timeout: 10\n"
                  "  bodytimeout: 5s\n"
                  "upstream: {url: ftp://example.com}\n"
                  "credentials: {username: \"\"}\n"),
        ElementsAre("1:10: threads: must be a whole number from 1 to 64",
                    "2:14: log.level: must be debug, info, warning or error",
                    "4:19: limits.header_timeout: must be a duration from 1ms to 24h, a whole number and "
                    "ms, s, m or h, such as 30s",
                    "5:3: limits.bodytimeout: is not a known key: did you mean body_timeout?",
                    "6:17: upstream.url: must begin with https://",
                    HasSubstr("7:1: credentials.password: is missing"),
                    "7:25: credentials.username: must not be empty"));
}

TEST(Parse, UnknownKeysNameTheNearestKnownOne) {
    expect_faults_with_minimal({
        {"thread: 2", {"1:1: thread: is not a known key: did you mean threads?"}},
        {"listen: {address: \"127.0.0.1:1\"}",
         {"1:10: listen.address: is not a known key: did you mean addresses?"}},
        {"auth: {unauthorised: {}}",
         {"1:8: auth.unauthorised: is not a known key: did you mean unauthorized?"}},
        {"auth: {unauthorized: {status: [401]}}",
         {"1:23: auth.unauthorized.status: is not a known key: did you mean statuses?"}},
        {"url: https://x.example",
         {"1:1: url: is not a known key here: did you mean upstream.url, under upstream?"}},
        {"limits: {threads: 2}",
         {"1:10: limits.threads: is not a known key here: did you mean threads, at the top level?"}},
        {"access: {ca-file: x}",
         {"1:10: access.ca-file: is not a known key here: did you mean upstream.tls.ca_file, under "
          "upstream.tls?"}},
        {"polling: {every: 5m}", {"1:1: polling: is not a known key: the nearest known one is admin"}},
        {"Listen: {}", {"1:1: Listen: is not a known key: did you mean listen?"}},
    });
}

TEST(Parse, DoubledKeysAreFaultsAndTheFirstOneCounts) {
    expect_faults_with_minimal({
        {"threads: 1\nlog: {}\nthreads: 99",
         {"3:1: threads: stands twice, first on line 1: leave one of the two"}},
        {"log: {level: info, level: loud}",
         {"1:20: log.level: stands twice, first on line 1: leave one of the two"}},
        {"access: {}\naccess: {}", {"2:1: access: stands twice, first on line 1: leave one of the two"}},
    });
}

TEST(Parse, WrongKindsOfNodesAreFaults) {
    const std::string scalar = "must be a single value, not a list or mapping";
    const std::string list = "must be a list, such as [one, two], or [] for none";
    const std::string mapping = "must be a mapping: keys of its own, indented below it";
    const std::string none =
        "has no value: write one, or leave the key out (a value that begins with # must be quoted)";
    expect_faults_with_minimal({
        {"threads: [1]", {"1:10: threads: " + scalar}},
        {"threads: {a: 1}", {"1:10: threads: " + scalar}},
        {"threads:", {"1:1: threads: " + none}},
        {"log: [level]", {"1:6: log: " + mapping}},
        {"log: loud", {"1:6: log: " + mapping}},
        {"access: {allowed_hosts: a.example}", {"1:25: access.allowed_hosts: " + list}},
        {"access: {allowed_hosts: {a: b}}", {"1:25: access.allowed_hosts: " + list}},
        {"access: {allowed_hosts: [[a.example]]}", {"1:26: access.allowed_hosts: " + scalar}},
        {"access: {allowed_hosts: ~}", {"1:10: access.allowed_hosts: " + list}},
        {"[a, b]: 1", {"1:1: a key must be a single word, followed by a colon"}},
        {"~: 1", {"1:1: a key must be a single word, followed by a colon"}},
        {"log: {level: *info}", {"1:14: a value that begins with * must be quoted"}},
        {"log: {level: !info x}",
         {"1:14: log.level: a tag (!) is not understood: leave it out, or quote a value that begins with !"}},
        {"log: {level: &a info}",
         {"1:14: log.level: an anchor (&) is not understood: leave it out, or quote a value that begins with "
          "&"}},
        {"log: {level: &a info, format: *a}",
         {"1:14: log.level: an anchor (&) is not understood: leave it out, or quote a value that begins with "
          "&",
          "1:31: log.format: an alias (*) is not understood: write the value itself, in quotes if it begins "
          "with *"}},
        {"log: &log {levl: 1}",
         {"1:6: log: an anchor (&) is not understood: leave it out, or quote a value that begins with &"}},
    });
    for (const std::string_view text : {"[1, 2]", "word"})
        EXPECT_EQ(faults_of(text).front(),
                  "1:1: the file must be a mapping of keys, such as upstream:, to values");
}

TEST(Parse, EmptySectionsAreFine) {
    expect_faults_with_minimal({{"listen:\naccess: ~\nlog: {}\nauth:\n  backoff:\n", {}}});
}

TEST(Parse, TextThatIsNotYamlIsOneFaultAtItsPlace) {
    const auto one = [](std::string_view text, const std::string& fault) {
        EXPECT_THAT(faults_of(text), ElementsAre(fault)) << text;
    };
    one("log:\n\tlevel: info\n", "2:1: there is a tab in the indentation: use blanks");
    one("log: level: info\n",
        "1:11: a colon does not fit here: check the indentation, and quote a value that holds "
        "\": \"");
    one("log: {level: info\n", "2:1: a { is not closed: add the }, or a comma between its entries, and quote "
                               "a value that holds { or }");
    one("a: [1, 2\n", "2:1: a [ is not closed: add the ], or a comma between its items");
    one("a: \"b\n", "1:4: a quoted value is not closed: add the quotation mark");
    one("a: ]\n", "1:4: a closing bracket has no opening one: remove it, or quote the value");
    one("a: @b\n", "1:4: a value can't begin like this: quote it");
    one("a: \"\\q\"\n", "1:7: a backslash in double quotes is not understood: use single quotes");
    one("a: 1\n  b: 2\n",
        "2:4: a colon does not fit here: check the indentation, and quote a value that holds \": \"");
    one("a: 1\n---\nb: 2\n", "2:1: a second document begins here: leave only one");
    one("a: 1\xff\n", "1:5: this is not UTF-8: save the file in that encoding");
    one("a: \xed\xa0\x80\n", "1:4: this is not UTF-8: save the file in that encoding");
    one("a: 1\nb: \x01\n", "2:4: there is a control character here: remove it");
    one(std::string_view{"a\0b", 3}, "1:2: there is a control character here: remove it");
    one(std::string((1 << 20) + 1, ' '), ": the file must not be larger than 1 MiB");
}

TEST(Parse, UnclosedQuotesAreFaultsEvenAtTheEndOfTheFile) {
    const std::string fault = "a quoted value is not closed: add the quotation mark";
    EXPECT_THAT(faults_of("\xef\xbb\xbfé: 'it''s\n"), ElementsAre("1:5: " + fault));
    EXPECT_THAT(faults_of("a: 1\r\nb: \"x\\\""), ElementsAre("2:8: " + fault));
    EXPECT_THAT(faults_of("\"a"), ElementsAre("1:3: " + fault));
    EXPECT_EQ(settings_of("# é\r\ntoken_store: {directory: 'it''s', key_file: \"a\\\"b\"}\r\n" +
                          std::string{minimal})
                  .token_store.directory,
              "it's");
}

TEST(Parse, DeepNestingIsOneFault) {
    for (const std::string_view opening : {"[", "{", "- ", "? ", "{a: ", "[a: "}) {
        std::string text;
        while (text.size() < 200'000)
            text += opening;
        EXPECT_EQ(faults_of(text).size(), 1U) << opening;
    }
    EXPECT_THAT(faults_of(std::string(100, '[')).front(), HasSubstr("nested too deeply"));
}

TEST(Parse, AByteOrderMarkIsFine) {
    EXPECT_EQ(settings_of("\xef\xbb\xbfthreads: 2\n" + std::string{minimal}).threads, 2U);
}

TEST(Parse, AThousandFaultsAreEnough) {
    std::string text;
    for (int i = 0; i < 60'000; ++i)
        text += "k" + std::to_string(i) + ": 1\n";
    EXPECT_EQ(faults_of(text).size(), 1'000U);
}

TEST(Parse, VariablesAreReplacedInsideOfValues) {
    const Settings settings =
        settings_of("upstream: {url: \"https://${HOST}/${EMPTY}graphql\", headers: {X-Y: "
                    "\"${YAML}\"}}\n"
                    "credentials: {username: \"a$b{c}\", password: \"${PASSWORD}\"}\n");
    EXPECT_EQ(settings.upstream.url.text, "https://api.example.com/graphql");
    EXPECT_THAT(settings.upstream.headers, ElementsAre(testing::Pair("X-Y", "x: [1, 2]")));
    EXPECT_EQ(settings.credentials.user, "a$b{c}");
    EXPECT_TRUE(settings.credentials.password.equals(Secret{std::string_view{"from-environment"}}));
}

TEST(Parse, AVariableInAKeyIsNotReplaced) {
    EXPECT_THAT(faults_of("${HOST}: 1\n" + std::string{minimal}),
                ElementsAre(HasSubstr("1:1: ${HOST}: is not a known")));
}

TEST(Parse, FaultsOfVariables) {
    expect_faults_with_minimal({
        {"log: {level: \"${NOPE}${NADA}\"}",
         {"1:14: log.level: holds ${NOPE}, which is not set: set that environment variable",
          "1:14: log.level: holds ${NADA}, which is not set: set that environment variable"}},
        {"log: {level: \"${NOPE\"}",
         {"1:14: log.level: holds a ${ without a variable's name and a } after it: write ${NAME}"}},
        {"log: {level: \"${}\"}",
         {"1:14: log.level: holds a ${ without a variable's name and a } after it: write ${NAME}"}},
        {"log: {level: \"${1A}\"}",
         {"1:14: log.level: holds a ${ without a variable's name and a } after it: write ${NAME}"}},
        {"log: {level: \"${HO ST}\"}",
         {"1:14: log.level: holds a ${ without a variable's name and a } after it: write ${NAME}"}},
        {"token_store: {directory: \"${LINES}\"}",
         {"1:26: token_store.directory: must be one line without control characters"}},
        {"token_store: {directory: \"${NOT_UTF8}\"}", {"1:26: token_store.directory: must be UTF-8"}},
    });
}

TEST(Parse, WhoNeedsOneKeyMissesNoVariableOfAnother) {
    const FakeWorld world;
    Environment environment = world.environment();
    environment.may_be_left_out = [](const std::string& key) { return key != "admin.address"; };
    const std::string text = "upstream: {url: \"${NOPE}\", tls: {client_certificate_file: \"${NOPE}\", "
                             "client_key_file: key}}\n"
                             "credentials: {username: \"${NOPE}\", password: \"${NOPE}\"}\n"
                             "access: {allow_remote: \"${NOPE}\"}\n"
                             "listen: {addresses: [\"${NOPE}\", \"${NOPE}\"]}\n"
                             "auth: {backoff: {rejected: \"${NOPE}\", max: 1s}}\n"
                             "journal: {directory: \"${NOPE}\", required: true}\n";
    const ParseResult read = parse(text + "admin: {address: \"0.0.0.0:9180\"}\n", environment);
    const auto* const valid = std::get_if<ValidConfig>(&read);
    ASSERT_NE(valid, nullptr) << format_error("f", std::get<std::vector<ConfigError>>(read).front());
    EXPECT_EQ(valid->settings.admin.address->text(), "0.0.0.0:9180");

    const ParseResult needed = parse(text + "thread: 2\nadmin: {address: \"${NOPE}\"}\n", environment);
    const auto* const faults = std::get_if<std::vector<ConfigError>>(&needed);
    ASSERT_NE(faults, nullptr);
    ASSERT_EQ(faults->size(), 2U);
    EXPECT_EQ(faults->front().key, "thread");
    EXPECT_EQ(faults->back().key, "admin.address");
    EXPECT_THAT(faults->back().message, HasSubstr("${NOPE}, which is not set"));
}

/// Every way in which a secret's text could get into a sentence about it.
TEST(Parse, NoFaultQuotesASecret) {
    FakeWorld world;
    world.variables["PASSWORD"] = "hunter2";
    world.files["/hunter"] = "hunter2\xff";
    for (const std::string_view text : {
             "upstream: {proxy: \"http://u:hunter2@proxy\"}",
             "upstream: {proxy: \"http://u:${PASSWORD}@proxy:1/x\"}",
             "upstream: {url: \"https://u:hunter2@api.example.com/\"}",
             "upstream: {headers: {X-Key: \"hunter2\\x01\"}}",
             "credentials: {password: \"hunter2${NOPE}\"}",
             "credentials: {password: \"hunter2${NOPE\"}",
             "credentials: {password: [hunter2]}",
             "credentials: {password: *hunter2}",
             "credentials: {password: &hunter2 x}",
             "credentials: {password: !hunter2 x}",
             "credentials: {password: \"hunter2\\q\"}",
             "credentials: {password: hunter2: x}",
             "credentials: {password: \"hunter2}",
             "credentials: {password: hunter2, password_file: /hunter}",
             "credentials: {password_file: /hunter}",
             "listen: {addresses: [\"${PASSWORD}\"]}",
             "access: {allowed_users: [\"${PASSWORD}\"], allowed_hosts: [\"${PASSWORD}:1\"]}",
         }) {
        const auto faults = faults_of(text, world);
        EXPECT_FALSE(faults.empty()) << text;
        for (const std::string& fault : faults)
            EXPECT_THAT(fault, testing::Not(HasSubstr("hunter2"))) << text;
    }
}

TEST(Parse, ListenFaults) {
    const std::string forms = "must be host:port, \"[::1]:8080\", unix:/path or systemd";
    const std::string remote =
        "can be reached from other machines: use 127.0.0.1, or set access.allow_remote to true";
    const std::string port = "must end with a port from 0 to 65535, as in 127.0.0.1:8080";
    const std::string name =
        "must name this machine by an IP address, as 127.0.0.1, \"[::1]\" or 0.0.0.0, or be localhost";
    const auto at = [](const std::string& message) {
        return std::vector<std::string>{"1:22: listen.addresses: " + message};
    };
    expect_faults_with_minimal({
        {"listen: {addresses: []}",
         {"1:21: listen.addresses: must hold at least one item, or be left out for the "
          "default"}},
        {"listen: {addresses: [\"0.0.0.0:8080\"]}", at(remote)},
        {"listen: {addresses: [\"[::]:8080\"]}", at(remote)},
        {"listen: {addresses: [\"192.168.1.5:8080\"]}", at(remote)},
        {"listen: {addresses: [\"[::ffff:127.0.0.1]:8080\"]}", at(remote)},
        {"listen: {addresses: [\"till.example:8080\"]}", at(name)},
        {"listen: {addresses: [\"127.1:8080\"]}", at(name)},
        {"listen: {addresses: [\"0177.0.0.1:8080\"]}", at(name)},
        {"listen: {addresses: [\"[127.0.0.1]:8080\"]}", at(name)},
        {"listen: {addresses: [\"[fe80::1%eth0]:8080\"]}", at(name)},
        {"listen: {addresses: [\"*:8080\"]}", at(name)},
        {"listen: {addresses: [\"127.0.0.1:65536\"]}", at(port)},
        {"listen: {addresses: [\"127.0.0.1:-1\"]}", at(port)},
        {"listen: {addresses: [\"127.0.0.1:\"]}", at(port)},
        {"listen: {addresses: [\"127.0.0.1:80 \"]}", at(port)},
        {"listen: {addresses: [\"::1:8080\"]}",
         at("must have brackets around an IPv6 address and a port after it, as in \"[::1]:8080\"")},
        {"listen: {addresses: [\":8080\"]}", at("must name a host before the colon, such as 127.0.0.1:8080")},
        {"listen: {addresses: [\"8080\"]}", at(forms)},
        {"listen: {addresses: [\"[::1]\"]}", at(forms)},
        {"listen: {addresses: [\"unix:bearerd.sock\"]}",
         at("must have an absolute path after unix:, such as unix:/run/bearerd/bearerd.sock")},
        {"listen: {addresses: [systemd, \"[::1]:81\", \"[0::1]:81\"]}",
         {"1:21: listen.addresses: holds [::1]:81 twice: leave one of the two"}},
        {"listen: {paths: []}",
         {"1:17: listen.paths: must hold at least one item, or be left out for the default"}},
        {"listen: {paths: [graphql]}", {"1:18: listen.paths: must begin with /"}},
        {"listen: {paths: [/, \"/a?b\"]}",
         {"1:21: listen.paths: must be a path as it stands on the request line, without ? or #, and with %XX "
          "for "
          "blanks and for what is not ASCII"}},
        {"listen: {unix_mode: rw}",
         {"1:21: listen.unix_mode: must be an octal file mode from 0000 to 0777, such as 0660"}},
        {"listen: {unix_mode: 0990}",
         {"1:21: listen.unix_mode: must be an octal file mode from 0000 to 0777, such as 0660"}},
        {"listen: {unix_mode: 01777}",
         {"1:21: listen.unix_mode: must be an octal file mode from 0000 to 0777, such as 0660"}},
    });
    EXPECT_THAT(
        faults_of("listen: {addresses: [\"unix:/" + std::string(107, 'a') + "\"]}\n" + std::string{minimal}),
        ElementsAre(HasSubstr("must have a path of at most 107 bytes after unix:")));
    std::string many = "listen: {addresses: [";
    for (int i = 1; i <= 65; ++i)
        many += "\"127.0.0.1:" + std::to_string(i) + "\",";
    EXPECT_THAT(faults_of(many + "]}\n" + std::string{minimal}),
                ElementsAre("1:21: listen.addresses: must hold at most 64 addresses"));
}

TEST(Parse, ListenAddresses) {
    const Settings settings = settings_of("listen:\n"
                                          "  addresses: [LocalHost:0, \"127.255.0.1:1\", \"[0:0::1]:65535\", "
                                          "\"unix:/run/a b\", systemd, \"127.0.0.1:0\", \"127.0.0.1:0\"]\n"
                                          "  paths: [/v2/graphql]\n"
                                          "  unix_mode: 0600\n" +
                                          std::string{minimal});
    using Kind = Address::Kind;
    EXPECT_THAT(settings.listen.addresses,
                ElementsAre(Address{Kind::tcp, "localhost", 0, {}}, Address{Kind::tcp, "127.255.0.1", 1, {}},
                            Address{Kind::tcp, "::1", 65535, {}},
                            Address{Kind::unix_socket, {}, 0, "/run/a b"}, Address{Kind::systemd, {}, 0, {}},
                            Address{Kind::tcp, "127.0.0.1", 0, {}}, Address{Kind::tcp, "127.0.0.1", 0, {}}));
    std::vector<std::string> texts;
    for (const Address& address : settings.listen.addresses)
        texts.push_back(address.text());
    EXPECT_THAT(texts, ElementsAre("localhost:0", "127.255.0.1:1", "[::1]:65535", "unix:/run/a b", "systemd",
                                   "127.0.0.1:0", "127.0.0.1:0"));
    EXPECT_THAT(settings.listen.paths, ElementsAre("/v2/graphql"));
    EXPECT_EQ(settings.listen.unix_mode, 0600U);
}

TEST(Parse, AllowRemoteOpensOtherAddressesWhereverItStands) {
    const Settings settings = settings_of("listen: {addresses: [\"0.0.0.0:80\", \"[::]:80\"]}\n"
                                          "admin: {address: \"10.0.0.1:9180\"}\n"
                                          "access: {allow_remote: true}\n" +
                                          std::string{minimal});
    EXPECT_EQ(settings.listen.addresses.size(), 2U);
    EXPECT_EQ(settings.admin.address->host, "10.0.0.1");
}

TEST(Parse, Access) {
    const Settings settings =
        settings_of("access:\n"
                    "  allowed_hosts: [Till.Example.COM, \"[FE80::0:1]\", \"::2\", 10.0.0.1]\n"
                    "  allowed_origins: [HTTPS://Till.Example:443, \"http://[::1]:3000\", "
                    "http://a:80, https://b:80, capacitor://localhost]\n"
                    "  allowed_users: [till, 33, 0]\n"
                    "listen: {addresses: [\"unix:/s\"]}\n" +
                    std::string{minimal});
    EXPECT_THAT(settings.access.allowed_hosts, ElementsAre("till.example.com", "fe80::1", "::2", "10.0.0.1"));
    EXPECT_THAT(settings.access.allowed_origins,
                ElementsAre("https://till.example", "http://[::1]:3000", "http://a", "https://b:80",
                            "capacitor://localhost"));
    EXPECT_THAT(settings.access.allowed_users, ElementsAre(1042U, 33U, 0U));
}

TEST(Parse, AllowedUsersTakeAUnixSocket) {
    const std::string users = "access: {allowed_users: [till]}\n";
    EXPECT_THAT(
        faults_of(users + std::string{minimal}),
        ElementsAre("1:25: access.allowed_users: would keep nobody out: users are only known on a unix "
                    "socket, and listen.addresses has none (such as unix:/run/bearerd/bearerd.sock)"));
    EXPECT_THAT(faults_of("access: {allowed_users: []}\n" + std::string{minimal}), ElementsAre());
    for (const std::string there :
         {"listen: {addresses: [\"unix:/s\"]}\n", "listen: {addresses: [\"127.0.0.1:1\", \"unix:/s\"]}\n",
          "listen: {addresses: [systemd]}\n", "admin: {address: \"unix:/a\"}\n"})
        EXPECT_THAT(faults_of(users + there + std::string{minimal}), ElementsAre()) << there;
}

TEST(Parse, AllowedUsersBesideATcpListenerAreAWarning) {
    const std::string users = "access: {allowed_users: [till]}\n";
    const std::string rest = " because users are not known over TCP: every user of this machine may connect "
                             "there; remove that address unless this is intended";
    const FakeWorld world;
    const std::vector<std::pair<std::string, std::vector<std::string>>> table{
        {"listen: {addresses: [\"unix:/s\"]}\n", {}},
        {"listen: {addresses: [systemd]}\n", {}},
        {"listen: {addresses: [\"127.0.0.1:1\", \"unix:/s\"]}\n",
         {"1:25: warning: access.allowed_users: does not cover 127.0.0.1:1," + rest}},
        {"listen: {addresses: [systemd, \"[::1]:2\", \"127.0.0.1:1\"]}\n",
         {"1:25: warning: access.allowed_users: does not cover [::1]:2," + rest}},
        {"admin: {address: \"unix:/a\"}\n",
         {"1:25: warning: access.allowed_users: does not cover 127.0.0.1:8080," + rest}}};
    for (const auto& [there, warnings] : table) {
        EXPECT_THAT(warnings_of(users + there + std::string{minimal}, world.environment()),
                    ElementsAreArray(warnings))
            << there;
        EXPECT_THAT(warnings_of(there + std::string{minimal}, world.environment()), ElementsAre()) << there;
    }
}

TEST(Parse, AccessFaults) {
    const std::string host = "must be a host name or an IP address, without scheme, port, path or wildcard";
    const std::string origin =
        "must be an origin as browsers send it, scheme://host[:port] and nothing after it, "
        "such as https://till.example.com";
    const std::string user = "must be the name of a user of this machine, or a uid";
    expect_faults_with_minimal({
        {"access: {allow_remote: yes}", {"1:24: access.allow_remote: must be true or false"}},
        {"access: {allowed_hosts: [\"a:80\", \"*.a\", \"http://a\", \"\", \"a.\", \"127.1\", \"-a\"]}",
         {"1:26: access.allowed_hosts: " + host, "1:34: access.allowed_hosts: " + host,
          "1:41: access.allowed_hosts: " + host, "1:53: access.allowed_hosts: " + host,
          "1:57: access.allowed_hosts: " + host, "1:63: access.allowed_hosts: " + host,
          "1:72: access.allowed_hosts: " + host}},
        {"access: {allowed_origins: [\"null\", \"*\", a.example, \"https://a/\", \"https://u@a\"]}",
         {"1:28: access.allowed_origins: must not be null: any web page can send that; name the page's own "
          "origin",
          "1:36: access.allowed_origins: must not be *: any web page could spend through it; name each "
          "origin",
          "1:41: access.allowed_origins: " + origin, "1:52: access.allowed_origins: " + origin,
          "1:66: access.allowed_origins: " + origin}},
        {"access: {allowed_origins: [\"https://a?b\", \"https://a#b\", \"file:///a\", \"https://a:99999\"]}",
         {"1:28: access.allowed_origins: " + origin, "1:43: access.allowed_origins: " + origin,
          "1:58: access.allowed_origins: " + origin, "1:71: access.allowed_origins: " + origin}},
        {"access: {allowed_users: [nobody-here, 4294967295, \"\", -1]}",
         {"1:26: access.allowed_users: " + user,
          "1:39: access.allowed_users: must be a whole number from 0 to 4294967294",
          "1:51: access.allowed_users: " + user, "1:55: access.allowed_users: " + user}},
    });
}

TEST(Parse, RangesOfNumbersSizesAndDurations) {
    const std::string duration = ", a whole number and ms, s, m or h, such as 30s";
    const std::string size = ", a whole number and B, KiB, MiB or GiB, such as 64KiB";
    expect_faults_with_minimal({
        {"threads: 65", {"1:10: threads: must be a whole number from 1 to 64"}},
        {"threads: 1.5", {"1:10: threads: must be a whole number from 1 to 64"}},
        {"threads: 99999999999999999999", {"1:10: threads: must be a whole number from 1 to 64"}},
        {"shutdown_grace: 2h", {"1:17: shutdown_grace: must be a duration from 0s to 1h" + duration}},
        {"shutdown_grace: -1s", {"1:17: shutdown_grace: must be a duration from 0s to 1h" + duration}},
        {"limits: {request_body: 0B}", {"1:24: limits.request_body: must be a size from 1B to 1GiB" + size}},
        {"limits: {request_body: 1MB}", {"1:24: limits.request_body: must be a size from 1B to 1GiB" + size}},
        {"limits: {request_header: 65KiB}",
         {"1:26: limits.request_header: must be a size from 1KiB to 64KiB" + size}},
        {"limits: {client_connections: 0}",
         {"1:30: limits.client_connections: must be a whole number from 1 to 1000000"}},
        {"limits: {idle_timeout: 0s}",
         {"1:24: limits.idle_timeout: must be a duration from 1ms to 24h" + duration}},
        {"limits: {body_timeout: 25h}",
         {"1:24: limits.body_timeout: must be a duration from 1ms to 24h" + duration}},
        {"auth: {login_timeout: 0ms}",
         {"1:23: auth.login_timeout: must be a duration from 1ms to 24h" + duration}},
        {"auth: {refresh_before: 25h}",
         {"1:24: auth.refresh_before: must be a duration from 0s to 24h" + duration}},
        {"auth: {unauthorized: {inspect_limit: 2MiB}}",
         {"1:38: auth.unauthorized.inspect_limit: must be a size from 1KiB to 1MiB" + size}},
    });
}

TEST(Parse, AuthFaults) {
    const std::string reserved =
        "must not be a header that bearerd writes itself or that concerns one connection "
        "only";
    expect_faults_with_minimal({
        {"auth: {login_query: \" \"}",
         {"1:21: auth.login_query: must be a GraphQL document, such as the default"}},
        {"auth: {login_query: \"query($password:String!){loginUser(password:$password){id}\"}",
         {"1:21: auth.login_query: can't be read as GraphQL: look for a bracket, brace or quote too many or "
          "too "
          "few"}},
        {"auth: {login_query: \"{a} query($password:String!){b(c:$password)}\"}",
         {"1:21: auth.login_query: must hold one operation: a server could not tell which one to run"}},
        {"auth: {login_query: \"fragment f on q { a }\"}",
         {"1:21: auth.login_query: must hold one operation: a server could not tell which one to run"}},
        {"auth: {login_query: \"subscription($password:String!){a(b:$password)}\"}",
         {"1:21: auth.login_query: must be a query or a mutation"}},
        {"auth: {login_query: \"query($username:String){loginUser(username:$username){id}}\"}",
         {"1:21: auth.login_query: must declare and use the variable $password, which brings the password"}},
        {"auth: {login_field: 1st}",
         {"1:21: auth.login_field: must be a GraphQL name: letters, digits and _, not beginning with a "
          "digit"}},
        {"auth: {token_headers: []}",
         {"1:23: auth.token_headers: must hold at least one item, or be left out for the default"}},
        {"auth: {token_headers: [\"X Token\", Content-Length]}",
         {"1:24: auth.token_headers: must be a header name: letters, digits and -, without colon or blanks",
          "1:35: auth.token_headers: " + reserved}},
        {"auth: {unauthorized: {statuses: [403, 399, 600, x]}}",
         {"1:34: auth.unauthorized.statuses: must not hold 403: that is a denied permission, which no new "
          "token "
          "would change",
          "1:39: auth.unauthorized.statuses: must be an HTTP status from 400 to 499",
          "1:44: auth.unauthorized.statuses: must be an HTTP status from 400 to 499",
          "1:49: auth.unauthorized.statuses: must be an HTTP status from 400 to 499"}},
        {"auth: {unauthorized: {messages: [\"\"]}}", {"1:34: auth.unauthorized.messages: must not be empty"}},
        {"auth: {backoff: {max: 10s}}", {"1:23: auth.backoff.max: must not be less than rejected (30s)"}},
        {"auth: {backoff: {rejected: 1h}}", {"1:8: auth.backoff.max: must not be less than rejected (1h)"}},
    });
}

TEST(Parse, ALoginQueryWithoutTheLoginFieldIsAWarning) {
    const FakeWorld world;
    const std::string query = "login_query: \"mutation($password:String!){signIn(password:$password){id}}\"";
    EXPECT_THAT(warnings_of(std::string{minimal} + "auth: {" + query + "}", world.environment()),
                ElementsAre(HasSubstr("warning: auth.login_query: has no field loginUser at its root")));
    EXPECT_THAT(
        warnings_of(std::string{minimal} + "auth: {" + query + ", login_field: signIn}", world.environment()),
        testing::IsEmpty());
}

TEST(Parse, SecretsFileIsReadWithoutBomAndOneNewline) {
    const std::string_view text = "upstream: {url: \"https://a.example\"}\n"
                                  "credentials: {username: u, password_file: /p}\n";
    const std::string_view by_systemd =
        "upstream: {url: \"https://a.example\"}\ncredentials: {username: u}\n";
    FakeWorld world;
    world.variables["CREDENTIALS_DIRECTORY"] = "/c";
    for (const auto& [content, secret] : std::vector<std::pair<std::string, std::string_view>>{
             {"pw", "pw"},
             {"\xef\xbb\xbfpw", "pw"},
             {"\xef\xbb\xbfpw\n", "pw"},
             {"\xef\xbb\xbfpw\r\n", "pw"},
             {"\xef\xbb\xbf\xef\xbb\xbfpw\n", "\xef\xbb\xbfpw"},
             {"p w", "p w"},
             {"p\xef\xbb\xbfw", "p\xef\xbb\xbfw"}}) {
        world.files["/p"] = content;
        world.files["/c/password"] = content;
        EXPECT_EQ(settings_of(text, world).credentials.password.reveal(), secret);
        EXPECT_EQ(settings_of(by_systemd, world).credentials.password.reveal(), secret);
    }
    world.files["/p"] = "\xef\xbb\xbf\r\n";
    EXPECT_THAT(faults_of(text, world), ElementsAre(HasSubstr("holds no password: the file is empty")));
}

TEST(Parse, StatusThatProvesNothingIsNoRejection) {
    for (const std::string status : {"408", "409", "425", "429", "500", "502", "503", "504", "599"})
        EXPECT_THAT(
            faults_of("auth: {unauthorized: {statuses: [401, " + status + "]}}\n" + std::string{minimal}),
            ElementsAre("1:39: auth.unauthorized.statuses: must not hold " + status +
                        ": it does not prove that the token was refused, and a mutation that was "
                        "executed would be executed again"));
    for (const std::string status : {"0", "200", "302", "399", "600", "-401", "401.0", "65937"})
        EXPECT_THAT(faults_of("auth: {unauthorized: {statuses: [" + status + "]}}\n" + std::string{minimal}),
                    ElementsAre("1:34: auth.unauthorized.statuses: must be an HTTP status from 400 to 499"));
    for (const std::string status : {"400", "401", "419", "440", "498", "499"})
        EXPECT_THAT(faults_of("auth: {unauthorized: {statuses: [" + status + "]}}\n" + std::string{minimal}),
                    ElementsAre());
}

TEST(Parse, AdminErrorsAndLog) {
    expect_faults_with_minimal({
        {"admin: {address: systemd}", {"1:18: admin.address: must be host:port, unix:/path or off"}},
        {"admin: {address: on}", {"1:18: admin.address: must be host:port, unix:/path or off"}},
        {"admin: {address: \"0.0.0.0:9180\"}",
         {"1:18: admin.address: can be reached from other machines: use 127.0.0.1, or set "
          "access.allow_remote to "
          "true"}},
        {"admin: {address: \"127.0.0.1:8080\"}",
         {"1:18: admin.address: must not be one of listen.addresses: choose another port or path, or off"}},
        {"listen: {addresses: [\"127.0.0.1:9180\"]}",
         {"1:1: admin.address: must not be one of listen.addresses: choose another port or path, or off"}},
        {"errors: {status: 500}", {"1:18: errors.status: must be natural or 200"}},
        {"log: {format: xml, requests: 1}",
         {"1:15: log.format: must be text, json or journald", "1:30: log.requests: must be true or false"}},
    });
    for (const std::string_view off : {"off", "\"off\""})
        EXPECT_EQ(
            settings_of("admin: {address: " + std::string{off} + "}\n" + std::string{minimal}).admin.address,
            std::nullopt);
    const Settings settings = settings_of("admin: {address: \"unix:/run/admin\"}\nerrors: {status: 200}\n"
                                          "log: {level: debug, format: json, requests: false}\n" +
                                          std::string{minimal});
    EXPECT_EQ(settings.admin.address->text(), "unix:/run/admin");
    EXPECT_TRUE(settings.errors.always_200);
    EXPECT_EQ(settings.log.level, Log::Level::debug);
    EXPECT_EQ(settings.log.format, Log::Format::json);
    EXPECT_EQ(settings_of("log: {format: journald}\n" + std::string{minimal}).log.format,
              Log::Format::journald);
    EXPECT_FALSE(settings.log.requests);
}

TEST(Load, ReadsAFileAndTellsWhyItCannot) {
    const auto folder =
        std::filesystem::path{testing::TempDir()} / ("bearerd_config_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const std::string password = (folder / "password").string();
    const std::string file = (folder / "bearerd.yaml").string();
    std::ofstream{password} << "from-file\r\n";
    std::ofstream{file}
        << "upstream: {url: \"https://a.example\"}\ncredentials: {email: a@b.example, password_file: "
        << password << "}\n";
    const ParseResult good = load(file, Environment::system());
    const ParseResult missing = load((folder / "none").string(), Environment::system());
    const ParseResult directory = load(folder.string(), Environment::system());
    std::filesystem::resize_file(file, (1 << 20) + 1);
    const ParseResult large = load(file, Environment::system());
    std::filesystem::resize_file(password, 64 * 1024 + 1);
    const auto large_secret = Environment::system().read_file(password);
    std::filesystem::remove_all(folder);

    ASSERT_TRUE(std::holds_alternative<ValidConfig>(good));
    EXPECT_TRUE(std::get<ValidConfig>(good).settings.credentials.password.equals(
        Secret{std::string_view{"from-file"}}));
    const auto text_of = [](const ParseResult& result) {
        return format_error("f", std::get<std::vector<ConfigError>>(result).at(0));
    };
    EXPECT_EQ(text_of(missing), "f: can't be read: No such file or directory");
    EXPECT_EQ(text_of(directory), "f: can't be read: Is a directory");
    EXPECT_EQ(text_of(large), "f: can't be read: it is larger than 1024 KiB");
    EXPECT_EQ(std::get<std::string>(large_secret), "it is larger than 64 KiB");
}

TEST(Load, DoesNotWaitForEverForAPipesWriter) {
    const auto folder =
        std::filesystem::path{testing::TempDir()} / ("bearerd_pipe_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const std::string pipe = (folder / "pipe").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer{[&] { std::ofstream{pipe} << "from-pipe\n"; }}; // its open waits for the reader
    const auto written = read_small_file(pipe, 64 * 1024, std::chrono::minutes{1});
    writer.join();
    const auto nobody = read_small_file(pipe, 64 * 1024, std::chrono::milliseconds{1});
    std::filesystem::remove_all(folder);

    ASSERT_TRUE(std::holds_alternative<Secret>(written));
    EXPECT_TRUE(std::get<Secret>(written).equals(Secret{std::string_view{"from-pipe\n"}}));
    EXPECT_EQ(std::get<std::string>(nobody),
              "it is a pipe that nobody has written to and closed in time; write a file instead");
}

TEST(Load, StartsRelativePathsFromTheFilesFolder) {
    const auto folder =
        std::filesystem::path{testing::TempDir()} / ("bearerd_relative_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream{folder / "password"} << "from-file\n";
    const std::string file = (folder / "bearerd.yaml").string();
    std::ofstream{file}
        << "upstream: {url: \"https://a.example\", tls: {ca_file: ca.pem}}\n"
           "credentials: {username: u, password_file: password}\n"
           "token_store: {directory: tokens, key_file: /key}\njournal: {directory: journal}\n";
    ParseResult loaded = load(file, Environment::system());
    auto* const valid = std::get_if<ValidConfig>(&loaded);
    ASSERT_NE(valid, nullptr);
    const Settings& settings = valid->settings;
    EXPECT_EQ(settings.upstream.tls.ca_file, (folder / "ca.pem").string());
    EXPECT_EQ(settings.upstream.tls.client_key_file, "");
    EXPECT_EQ(settings.credentials.password_file, (folder / "password").string());
    EXPECT_TRUE(settings.credentials.password.equals(Secret{std::string_view{"from-file"}}));
    EXPECT_EQ(settings.token_store.directory, (folder / "tokens").string());
    EXPECT_EQ(settings.token_store.key_file, "/key");
    EXPECT_EQ(settings.journal.directory, (folder / "journal").string());
    std::filesystem::remove_all(folder);
}

TEST(Load, TakesAnInstancesOwnPasswordFromItsFolder) {
    const auto folder =
        std::filesystem::path{testing::TempDir()} / ("bearerd_instance_" + std::to_string(::getpid()));
    const auto credentials = folder / "credentials";
    std::filesystem::create_directories(credentials);
    std::ofstream{folder / "password"} << "of bearerd";
    std::ofstream{folder / "shop.password"} << "of shop";
    std::ofstream{credentials / "password"} << "handed over";
    Environment environment = Environment::system();
    std::string directory;
    environment.environment = [&directory](const std::string& name) {
        return name == "CREDENTIALS_DIRECTORY" ? std::optional{directory} : std::nullopt;
    };
    const auto password_of = [&](const std::string& name) -> std::string {
        std::ofstream{folder / name}
            << "upstream: {url: \"https://a.example\"}\ncredentials: {username: u}\n";
        ParseResult loaded = load((folder / name).string(), environment);
        if (auto* const faults = std::get_if<std::vector<ConfigError>>(&loaded))
            return faults->front().message;
        return std::string{std::get<ValidConfig>(loaded).settings.credentials.password.reveal()};
    };
    directory = folder.string() + "/";
    EXPECT_EQ(password_of("bearerd.yaml"), "of bearerd");
    EXPECT_EQ(password_of("shop.yaml"), "of shop");
    EXPECT_THAT(password_of("other.yaml"), HasSubstr("other.password can't be read"))
        << "another account's password is not tried";
    directory = credentials.string();
    EXPECT_EQ(password_of("shop.yaml"), "handed over") << "as systemd does it for an instance";
    std::filesystem::remove_all(folder);
}

TEST(Environment, KnowRootAndTheEnvironment) {
    const Environment system = Environment::system();
    EXPECT_EQ(system.uid_of("root"), 0U);
    EXPECT_EQ(system.uid_of("no such user"), std::nullopt);
    EXPECT_EQ(system.environment("BEARERD_NO_SUCH_VARIABLE"), std::nullopt);
    ASSERT_EQ(::setenv("BEARERD_TEST_VARIABLE", "x", 1), 0);
    EXPECT_EQ(system.environment("BEARERD_TEST_VARIABLE"), "x");
}

} // namespace
} // namespace bearerd::config
