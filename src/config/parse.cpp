#include <bearerd/config/parse.hpp>

#include "addresses.hpp"
#include "environment.hpp"
#include "named_files.hpp"
#include "permissions.hpp"
#include "read_auth.hpp"
#include "read_fleet.hpp"
#include "read_transactions.hpp"
#include "section.hpp"
#include "text.hpp"
#include "values.hpp"
#include "yaml_tree.hpp"

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace bearerd::config {
namespace {

constexpr std::size_t most_addresses = 64;

const Parser<std::string> any_text = parse_any_text;

void read_listen(Section in, bool allow_remote, Listen& out) {
    in.read_some_list<Address>("addresses", out.addresses, listen_address(allow_remote));
    if (out.addresses.size() > most_addresses)
        in.error("addresses", "must hold at most " + std::to_string(most_addresses) + " addresses");
    else
        for (auto address = out.addresses.begin(); address != out.addresses.end(); ++address)
            if (std::find(out.addresses.begin(), address, *address) != address &&
                (address->kind != Address::Kind::tcp || address->port != 0))
                in.error("addresses", "holds " + address->text() + " twice: leave one of the two");
    in.read_some_list<std::string>("paths", out.paths, parse_request_path);
    in.read<std::uint32_t>("unix_mode", out.unix_mode, parse_mode);
}

/// Parses a uid, or the name of a local user.
Parser<std::uint32_t> user_of(const Environment& environment) {
    return [&environment](std::string_view text) -> Parsed<std::uint32_t> {
        // The highest one means "nobody" in system calls.
        if (is_digits(text))
            return number_between(0, 0xFFFF'FFFE)(text);
        if (const auto uid = environment.uid_of(std::string{text}))
            return *uid;
        return Problem{"must be the name of a user of this machine, or a uid"};
    };
}

void read_access(Section in, const Environment& environment, Access& out) {
    in.read<bool>("allow_remote", out.allow_remote, parse_bool);
    if (in.left_out("allow_remote")) // the service knows; the addresses are as it wants them
        out.allow_remote = true;
    in.read_list<std::string>("allowed_hosts", out.allowed_hosts, parse_host);
    in.read_list<std::string>("allowed_origins", out.allowed_origins, parse_origin);
    in.read_list<std::uint32_t>("allowed_users", out.allowed_users, user_of(environment));
}

/// Users are distinguished by what a unix socket knows about its peer; over TCP nothing is known.
bool knows_users(const Settings& settings) {
    const auto may_know = [](const Address& address) { return address.kind != Address::Kind::tcp; };
    return std::ranges::any_of(settings.listen.addresses, may_know) ||
           (settings.admin.address && may_know(*settings.admin.address));
}

void check_allowed_users(Section in, const Settings& settings) {
    if (settings.access.allowed_users.empty())
        return;
    if (!knows_users(settings))
        return in.error("allowed_users",
                        "would keep nobody out: users are only known on a unix socket, and "
                        "listen.addresses has none (such as unix:/run/bearerd/bearerd.sock)");
    const auto tcp = std::ranges::find(settings.listen.addresses, Address::Kind::tcp, &Address::kind);
    if (tcp != settings.listen.addresses.end())
        in.warn("allowed_users", "does not cover " + tcp->text() +
                                     ", because users are not known over TCP: every user of this machine may "
                                     "connect there; remove that address unless this is intended");
}

void read_limits(Section in, Limits& out) {
    in.read("request_body", out.request_body, size_between(1, 1ULL << 30));
    in.read("request_header", out.request_header, size_between(1ULL << 10, 64ULL << 10));
    in.read("client_connections", out.client_connections, number_between(1, 1'000'000));
    in.read("pending_requests", out.pending_requests, number_between(1, 1'000'000));
    in.read<Duration>("header_timeout", out.header_timeout, parse_timeout);
    in.read<Duration>("body_timeout", out.body_timeout, parse_timeout);
    in.read<Duration>("idle_timeout", out.idle_timeout, parse_timeout);
}

/// Headers that the configuration adds must not collide with those that bearerd writes, the token's included.
Parsed<std::string> added_header(const std::string& name, const Upstream& upstream, const Auth& auth) {
    auto parsed = parse_header_name(name);
    if (std::holds_alternative<Problem>(parsed))
        return parsed;
    const std::string lower = to_lower(name);
    const auto is_same = [&lower](const std::string& other) { return to_lower(other) == lower; };
    if (lower == "authorization" || lower == "x-authorization" || is_same(auth.send.header) ||
        std::any_of(auth.token_headers.begin(), auth.token_headers.end(), is_same))
        return Problem{"must not be a header of the token's: bearerd writes it itself"};
    if (std::any_of(upstream.headers.begin(), upstream.headers.end(),
                    [&is_same](const auto& header) { return is_same(header.first); }))
        return Problem{"stands twice, upper and lower case being the same: leave one of the two"};
    return parsed;
}

void read_headers(Section in, const Auth& auth, Upstream& out) {
    in.read_pairs("headers", [&](const Node::Entry& entry, const std::string& key, std::string_view text) {
        auto name = added_header(entry.key, out, auth);
        if (const auto* const problem = std::get_if<Problem>(&name))
            return in.error_at(entry.position, key, problem->sentence);
        out.headers.emplace_back(std::get<std::string>(std::move(name)), trim(text));
    });
}

void read_keep_warm(Section in, KeepWarm& out) {
    in.read("connections", out.connections, number_between(0, 1));
    in.read("for", out.period, duration_between(0ms, 24h));
}

void read_upstream(Section in, const Environment& environment, const Settings& settings, Upstream& out) {
    if (in.has("url"))
        in.read<Url>("url", out.url, parse_upstream_url);
    else
        in.error("url",
                 "is missing: write the address of the GraphQL API, such as https://api.example.com/graphql");
    in.read<Duration>("connect_timeout", out.connect_timeout, parse_timeout);
    in.read<Duration>("response_timeout", out.response_timeout, parse_timeout);
    in.read("max_connections", out.max_connections, number_between(1, 65'535));
    if (out.max_connections < settings.threads)
        in.error("max_connections", "must not be less than threads (" + std::to_string(settings.threads) +
                                        "): each has its own share");
    in.read<Duration>("idle_timeout", out.idle_timeout, parse_timeout);
    in.read("reuse_for_mutations", out.reuse_for_mutations, duration_between(0ms, 24h));
    read_keep_warm(in.section("keep_warm"), out.keep_warm);
    in.read<std::optional<UpstreamProxy>>("proxy", out.proxy, parse_proxy);
    if (out.proxy && !out.url.tls)
        in.error("proxy",
                 "takes an https:// upstream.url: without TLS, the proxy would see password and token");
    const Auth& auth = settings.auth;
    if (out.proxy && ((auth.login_url && !auth.login_url->tls) || !auth.oauth2.token_url.tls))
        in.error("proxy",
                 "takes an https:// URL for the login: without TLS, the proxy would see its secrets");
    read_headers(in, settings.auth, out);
    read_tls(in.section("tls"), environment, out.tls);
}

void read_token_store(Section in, const Environment& environment, TokenStore& out) {
    // The service manager's folder (StateDirectory=) unless the file says otherwise, be it "".
    if (!in.has("directory"))
        if (const auto state = environment.environment("STATE_DIRECTORY"))
            out.directory = state->substr(0, state->find(':'));
    in.read("directory", out.directory, path_by(environment, any_text));
    in.read("key_file", out.key_file, path_by(environment, any_text));
}

/// Both are absolute, or relative to the same folder.
bool is_same_folder(const std::string& a, const std::string& b) {
    const auto without_end = [](const std::string& path) {
        auto normal = std::filesystem::path{path}.lexically_normal();
        return normal.has_filename() ? normal : normal.parent_path();
    };
    return !a.empty() && !b.empty() && without_end(a) == without_end(b);
}

void read_journal(Section in, const Environment& environment, const TokenStore& store, Journal& out) {
    in.read("directory", out.directory, path_by(environment, any_text));
    in.read<bool>("required", out.required, parse_bool);
    in.read("max_size", out.max_size, size_between(64ULL << 10, 256ULL << 20));
    if (out.required && out.directory.empty())
        in.error("required", "takes a folder: set journal.directory as well");
    // The journal keeps its folder locked, and each change of a stored token locks the token store's.
    if (is_same_folder(out.directory, store.directory))
        in.error("directory",
                 "takes a folder of its own, such as one below it: token_store.directory is the same");
}

void read_admin(Section in, const Settings& settings, Admin& out) {
    in.read("address", out.address, admin_address(settings.access.allow_remote));
    if (!out.address || (out.address->kind == Address::Kind::tcp && out.address->port == 0))
        return;
    const auto& listen = settings.listen.addresses;
    if (std::find(listen.begin(), listen.end(), *out.address) != listen.end())
        in.error("address", "must not be one of listen.addresses: choose another port or path, or off");
}

void read_log(Section in, Log& out) {
    in.read("level", out.level,
            one_of<Log::Level>({{"debug", Log::Level::debug},
                                {"info", Log::Level::info},
                                {"warning", Log::Level::warning},
                                {"error", Log::Level::error}}));
    in.read(
        "format", out.format,
        one_of<Log::Format>(
            {{"text", Log::Format::text}, {"json", Log::Format::json}, {"journald", Log::Format::journald}}));
    in.read<bool>("requests", out.requests, parse_bool);
}

/// Reads the sections in the order in which one needs another's values.
void read_settings(Section in, const Environment& environment, Settings& out) {
    in.read("threads", out.threads, number_between(1, 64));
    in.read("shutdown_grace", out.shutdown_grace, duration_between(0ms, 1h));
    read_access(in.section("access"), environment, out.access);
    read_listen(in.section("listen"), out.access.allow_remote, out.listen);
    read_limits(in.section("limits"), out.limits);
    read_auth(in.section("auth"), out.auth);
    read_upstream(in.section("upstream"), environment, out, out.upstream);
    read_credentials(in, environment, out.auth, out.credentials);
    read_token_store(in.section("token_store"), environment, out.token_store);
    read_transactions(in.section("transactions"), out.transactions);
    if (in.has("reconcile"))
        report_reconcile(in.section("reconcile"));
    read_journal(in.section("journal"), environment, out.token_store, out.journal);
    read_fleet(in.section("fleet"), environment, out, out.fleet);
    read_admin(in.section("admin"), out, out.admin);
    in.section("errors").read("status", out.errors.always_200,
                              one_of<bool>({{"natural", false}, {"200", true}}));
    read_log(in.section("log"), out.log);
    warn_of_rights(in.section("upstream").section("tls"), "ca_file", out.upstream.tls.ca_file, environment);
    warn_of_rights(in.section("upstream").section("tls"), "client_key_file", out.upstream.tls.client_key_file,
                   environment);
    warn_of_rights(in.section("token_store"), "directory", out.token_store.directory, environment);
    warn_of_rights(in.section("token_store"), "key_file", out.token_store.key_file, environment);
    warn_of_rights(in.section("journal"), "directory", out.journal.directory, environment);
    if (!out.journal.directory.empty() && out.transactions.rules.empty())
        in.section("journal").warn(
            "directory", "keeps no key of any transaction, so nothing can be looked up by it: write a rule "
                         "under transactions.rules for each mutation that moves money");
    if (!in.left_out_any()) // or an address may be missing that is there for the service
        check_allowed_users(in.section("access"), out);
}

} // namespace

ParseResult parse(std::string_view text, const Environment& environment) {
    if (text.size() > longest_config_file)
        return std::vector<ConfigError>{{0, 0, {}, "the file must not be larger than 1 MiB"}};
    ConfigErrors errors;
    auto root = parse_yaml(text, errors);
    if (!root)
        return errors.take();
    Settings settings;
    Context context{environment, errors, {}, {}, {}};
    read_settings(Section{context, *root}, environment, settings);
    report_unknown_keys(*root, context);
    if (!errors.empty())
        return errors.take();
    return ValidConfig{std::move(settings), context.warnings.take()};
}

namespace {

/// By hand, $CREDENTIALS_DIRECTORY may name the configuration's own folder. There bearerd@SHOP.service finds
/// its password in SHOP.password; `password` is another account's.
std::string password_credential(const std::filesystem::path& file, const Environment& environment) {
    const auto directory = environment.environment("CREDENTIALS_DIRECTORY");
    std::error_code failure;
    const bool by_hand = directory && file.stem() != "bearerd" &&
                         std::filesystem::equivalent(*directory, file.parent_path() / ".", failure);
    return by_hand && !failure ? file.stem().string() + ".password" : environment.password_credential;
}

} // namespace

ParseResult load(const std::string& path, const Environment& environment) {
    const std::filesystem::path file{path};
    Environment located = environment;
    located.folder = file.parent_path().string();
    located.password_credential = password_credential(file, environment);
    const auto content = read_small_file(path, longest_config_file);
    if (const auto* const reason = std::get_if<std::string>(&content))
        return std::vector<ConfigError>{{0, 0, {}, "can't be read: " + *reason}};
    ParseResult result = parse(std::get<Secret>(content).reveal(), located);
    if (auto* const valid = std::get_if<ValidConfig>(&result))
        if (auto problem = rights_problem(path, environment))
            valid->warnings.insert(valid->warnings.begin(), {0, 0, {}, std::move(*problem)});
    return result;
}

} // namespace bearerd::config
