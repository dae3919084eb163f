#include "fixture.hpp"
#include "yaml_tree.hpp"

#include <bearerd/base/units.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace bearerd::config {
namespace {

std::string content_of(const std::string& name) {
    std::ifstream file{std::string{BEARERD_SOURCE_DIR} + "/config/" + name, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void flatten(const Node& node, const std::string& path, std::set<std::string>& keys) {
    if (!path.empty() && node.kind != Node::Kind::mapping)
        keys.insert(path);
    if (node.kind == Node::Kind::mapping && node.entries.empty())
        keys.insert(path);
    for (const Node::Entry& entry : node.entries)
        flatten(entry.value, path.empty() ? entry.key : path + "." + entry.key, keys);
}

template<class T>
std::string joined(const std::vector<T>& list) {
    std::ostringstream text;
    for (const T& each : list)
        text << '[' << each << ']';
    return text.str();
}

/// Every setting but the URL and the credentials, one a line.
std::string describe(const Settings& s) {
    std::ostringstream out;
    const auto line = [&out](std::string_view key, const auto& value) { out << key << '=' << value << '\n'; };
    const auto time = [&line](std::string_view key, Duration value) { line(key, format_duration(value)); };
    for (const Address& address : s.listen.addresses)
        line("listen.addresses", address.text());
    line("listen.paths", joined(s.listen.paths));
    line("listen.unix_mode", s.listen.unix_mode);
    line("access.allow_remote", s.access.allow_remote);
    line("access.allowed_hosts", joined(s.access.allowed_hosts));
    line("access.allowed_origins", joined(s.access.allowed_origins));
    line("access.allowed_users", joined(s.access.allowed_users));
    line("limits.request_body", s.limits.request_body);
    line("limits.request_header", s.limits.request_header);
    line("limits.client_connections", s.limits.client_connections);
    line("limits.pending_requests", s.limits.pending_requests);
    time("limits.header_timeout", s.limits.header_timeout);
    time("limits.body_timeout", s.limits.body_timeout);
    time("limits.idle_timeout", s.limits.idle_timeout);
    time("upstream.connect_timeout", s.upstream.connect_timeout);
    time("upstream.response_timeout", s.upstream.response_timeout);
    line("upstream.max_connections", s.upstream.max_connections);
    time("upstream.idle_timeout", s.upstream.idle_timeout);
    time("upstream.reuse_for_mutations", s.upstream.reuse_for_mutations);
    line("upstream.keep_warm.connections", s.upstream.keep_warm.connections);
    time("upstream.keep_warm.for", s.upstream.keep_warm.period);
    line("upstream.proxy", s.upstream.proxy.has_value());
    line("upstream.headers", s.upstream.headers.size());
    line("upstream.tls.ca_file", s.upstream.tls.ca_file);
    line("upstream.tls.client_certificate_file", s.upstream.tls.client_certificate_file);
    line("upstream.tls.client_key_file", s.upstream.tls.client_key_file);
    line("upstream.tls.server_name", s.upstream.tls.server_name);
    line("upstream.tls.min_version", static_cast<int>(s.upstream.tls.min_version));
    line("auth.kind", to_string(s.auth.kind));
    line("auth.login_query", s.auth.login_query);
    line("auth.login_field", s.auth.login_field);
    line("auth.token_headers", joined(s.auth.token_headers));
    line("auth.token_pointer", s.auth.token_pointer);
    line("auth.expires_pointer", s.auth.expires_pointer);
    time("auth.expires_unit", s.auth.expires_unit);
    line("auth.identity_pointer", s.auth.identity_pointer);
    line("auth.send.header", s.auth.send.header);
    line("auth.send.scheme", s.auth.send.scheme);
    line("auth.rejected_at", joined(s.auth.rejected_at));
    line("auth.unauthorized.messages", joined(s.auth.unauthorized.messages));
    line("auth.unauthorized.codes", joined(s.auth.unauthorized.codes));
    line("auth.unauthorized.statuses", joined(s.auth.unauthorized.statuses));
    line("auth.unauthorized.inspect_limit", s.auth.unauthorized.inspect_limit);
    line("auth.unauthorized.resend_mutations", s.auth.unauthorized.resend_mutations);
    time("auth.refresh_before", s.auth.refresh_before);
    time("auth.fresh_for", s.auth.fresh_for);
    time("auth.denied_for", s.auth.denied_for);
    time("auth.login_timeout", s.auth.login_timeout);
    time("auth.backoff.rejected", s.auth.backoff.rejected);
    time("auth.backoff.unavailable", s.auth.backoff.unavailable);
    time("auth.backoff.max", s.auth.backoff.max);
    line("token_store.directory", s.token_store.directory);
    line("token_store.key_file", s.token_store.key_file);
    time("transactions.look_up_for", s.transactions.look_up_for);
    time("transactions.settle_for", s.transactions.settle_for);
    time("transactions.remember", s.transactions.remember);
    line("transactions.replay_memory", s.transactions.replay_memory);
    line("transactions.rules", s.transactions.rules.size());
    line("journal.directory", s.journal.directory);
    line("journal.required", s.journal.required);
    line("journal.max_size", s.journal.max_size);
    line("fleet.url", s.fleet.url.text);
    line("fleet.user", s.fleet.user);
    line("fleet.password_file", s.fleet.password_file);
    line("fleet.tls.ca_file", s.fleet.tls.ca_file);
    line("fleet.tls.client_certificate_file", s.fleet.tls.client_certificate_file);
    line("fleet.tls.client_key_file", s.fleet.tls.client_key_file);
    line("fleet.tls.server_name", s.fleet.tls.server_name);
    line("fleet.tls.min_version", static_cast<int>(s.fleet.tls.min_version));
    line("fleet.prefix", s.fleet.prefix);
    time("fleet.lease", s.fleet.lease);
    line("fleet.key_file", s.fleet.key_file);
    line("fleet.required", s.fleet.required);
    line("admin.address", s.admin.address ? s.admin.address->text() : "off");
    line("errors.status", s.errors.always_200);
    line("log.level", static_cast<int>(s.log.level));
    line("log.format", static_cast<int>(s.log.format));
    line("log.requests", s.log.requests);
    time("shutdown_grace", s.shutdown_grace);
    line("threads", s.threads);
    return out.str();
}

TEST(ExampleFile, RepeatsTheDefaults) {
    const Settings example = settings_of(content_of("bearerd.example.yaml"));
    EXPECT_EQ(describe(example), describe(Settings{}));
    EXPECT_EQ(example.upstream.url.text, "https://api.example.com/graphql");
    EXPECT_EQ(example.credentials.user, "till-042");
}

TEST(ExampleFile, HoldsEveryKeyThatIsDescribedHere) {
    ConfigErrors errors;
    const auto root = parse_yaml(content_of("bearerd.example.yaml"), errors);
    ASSERT_TRUE(root);
    std::set<std::string> keys;
    flatten(*root, {}, keys);
    std::set<std::string> described{"upstream.url", "credentials.username", "credentials.password_file"};
    std::istringstream lines{describe(Settings{})};
    for (std::string line; std::getline(lines, line);)
        described.insert(line.substr(0, line.find('=')));
    EXPECT_EQ(keys, described);
}

TEST(MinimalFile, IsTheDefaultsInFiveLines) {
    const std::string text = content_of("bearerd.minimal.yaml");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
    EXPECT_EQ(describe(settings_of(text)), describe(Settings{}));
}

/// Each setting by a value that is not its default, so that none is read into another's place.
TEST(EveryKey, ReachesItsSetting) {
    FakeWorld world;
    world.files["/key"] = "sixteen bytes!!!";
    const Settings settings = settings_of(R"(
listen: {addresses: ["[::1]:1"], paths: [/a], unix_mode: "0600"}
access: {allow_remote: true, allowed_hosts: [h], allowed_origins: [http://o], allowed_users: [till]}
limits: {request_body: 2B, request_header: 3KiB, client_connections: 4, pending_requests: 5,
         header_timeout: 6s, body_timeout: 7s, idle_timeout: 8s}
upstream: {url: https://u, connect_timeout: 9s, response_timeout: 10s, max_connections: 11, idle_timeout: 12s,
           reuse_for_mutations: 13s, keep_warm: {connections: 0, for: 14s}, proxy: http://p:1, headers: {A: b},
           tls: {ca_file: ca, client_certificate_file: cert, client_key_file: key, server_name: sn, min_version: 1.3}}
credentials: {email: e, password: p}
auth: {login_query: "query($password:ID){f(p:$password)}", login_field: f, token_headers: [T],
       expires_pointer: /e, expires_unit: ms, identity_pointer: /i, send: {header: S, scheme: s}, rejected_at: [/data/r],
       unauthorized: {messages: [m], codes: [c], statuses: [498, 401], inspect_limit: 14KiB, resend_mutations: false},
       refresh_before: 15s, fresh_for: 16s, denied_for: 22s, login_timeout: 17s,
       backoff: {rejected: 18s, unavailable: 19s, max: 20s}}
token_store: {directory: d, key_file: k}
transactions: {look_up_for: 21s, settle_for: 61s, remember: 62s, replay_memory: 63KiB,
               rules: [{mutation: m, key: k, query: "query($key:ID){a(b:$key)}", found: /f}]}
journal: {directory: /journal, required: true, max_size: 1MiB}
fleet: {url: rediss://s/1, user: u, password_file: /etc/bearerd/password, prefix: p, lease: 64s,
        key_file: /key, required: true,
        tls: {ca_file: fca, client_certificate_file: fcert, client_key_file: fkey, server_name: fsn, min_version: 1.3}}
admin: {address: unix:/a}
errors: {status: 200}
log: {level: error, format: json, requests: false}
shutdown_grace: 0s
threads: 2
)",
                                          world);
    EXPECT_EQ(describe(settings), R"(listen.addresses=[::1]:1
listen.paths=[/a]
listen.unix_mode=384
access.allow_remote=1
access.allowed_hosts=[h]
access.allowed_origins=[http://o]
access.allowed_users=[1042]
limits.request_body=2
limits.request_header=3072
limits.client_connections=4
limits.pending_requests=5
limits.header_timeout=6s
limits.body_timeout=7s
limits.idle_timeout=8s
upstream.connect_timeout=9s
upstream.response_timeout=10s
upstream.max_connections=11
upstream.idle_timeout=12s
upstream.reuse_for_mutations=13s
upstream.keep_warm.connections=0
upstream.keep_warm.for=14s
upstream.proxy=1
upstream.headers=1
upstream.tls.ca_file=ca
upstream.tls.client_certificate_file=cert
upstream.tls.client_key_file=key
upstream.tls.server_name=sn
upstream.tls.min_version=1
auth.kind=graphql
auth.login_query=query($password:ID){f(p:$password)}
auth.login_field=f
auth.token_headers=[T]
auth.token_pointer=
auth.expires_pointer=/e
auth.expires_unit=1ms
auth.identity_pointer=/i
auth.send.header=S
auth.send.scheme=s
auth.rejected_at=[/data/r]
auth.unauthorized.messages=[m]
auth.unauthorized.codes=[c]
auth.unauthorized.statuses=[498][401]
auth.unauthorized.inspect_limit=14336
auth.unauthorized.resend_mutations=0
auth.refresh_before=15s
auth.fresh_for=16s
auth.denied_for=22s
auth.login_timeout=17s
auth.backoff.rejected=18s
auth.backoff.unavailable=19s
auth.backoff.max=20s
token_store.directory=d
token_store.key_file=k
transactions.look_up_for=21s
transactions.settle_for=61s
transactions.remember=62s
transactions.replay_memory=64512
transactions.rules=1
journal.directory=/journal
journal.required=1
journal.max_size=1048576
fleet.url=rediss://s:6379/1
fleet.user=u
fleet.password_file=/etc/bearerd/password
fleet.tls.ca_file=fca
fleet.tls.client_certificate_file=fcert
fleet.tls.client_key_file=fkey
fleet.tls.server_name=fsn
fleet.tls.min_version=1
fleet.prefix=p
fleet.lease=64s
fleet.key_file=/key
fleet.required=1
admin.address=unix:/a
errors.status=1
log.level=3
log.format=1
log.requests=0
shutdown_grace=0s
threads=2
)");
}

} // namespace
} // namespace bearerd::config
