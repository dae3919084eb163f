#include "options.hpp"

#include "report.hpp"
#include "scenarios.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <fstream>
#include <iterator>

namespace bearerd::sim {
namespace {

/// The texts as given; turned into Options once all are there.
struct Texts {
    std::string listen = "127.0.0.1:0";
    std::string control;
    std::string password_file;
    std::string password_env;
    std::string token_life = "60m";
    std::string clock_skew = "0s";
    std::string rotate_every;
    std::string token_headers = "both";
    std::string profile = "toggle";
    std::string idle_timeout = "0s";
    std::vector<std::string> compress;
    std::vector<std::string> faults;
};

constexpr auto description = "bearerd-sim plays the gift-card GraphQL API that bearerd stands in front of: "
                             "login, tokens that rotate and\n"
                             "expire, cards, adjustments, reversals, orders - and, on request, every way in "
                             "which an upstream can fail.\n";

constexpr auto footer = "Endpoints, faults and the shop's data: README.md in src/simulator, installed in\n"
                        "/usr/share/doc/bearerd-simulator\n"
                        "Example: bearerd-sim --listen 127.0.0.1:8443 --write-ca ca.pem --fault "
                        "'{\"kind\":\"close_after\",\"next\":1}'";

void add_network(CLI::App& app, Options& options, Texts& texts) {
    const auto* group = "Network";
    app.add_option("--listen", texts.listen, "Address of the API")->capture_default_str()->group(group);
    app.add_option("--control", texts.control, "Address of a plain-HTTP port with the /__ endpoints alone")
        ->group(group);
    app.add_option("--ready-file", options.ready_file, "Gets the port when the API listens")->group(group);
    app.add_option("--idle-timeout", texts.idle_timeout, "Closes a connection idle for so long; 0: never")
        ->group(group);
    app.add_flag("--idle-random", options.server.idle_random,
                 "Closes each connection at a random idle time, up to --idle-timeout")
        ->group(group);
    app.add_option("--max-requests", options.server.max_requests, "Requests on one connection; 0: any number")
        ->group(group);
    app.add_option("--compress", texts.compress, "Codings used where the client accepts them: gzip, deflate")
        ->delimiter(',')
        ->check(CLI::IsMember({"gzip", "deflate"}))
        ->group(group);
}

void add_tls(CLI::App& app, Options& options) {
    const auto* group = "TLS";
    app.add_flag("--plain", options.plain, "HTTP without TLS")->group(group);
    app.add_option("--ca", options.ca_folder,
                   "Folder that keeps the CA (ca.pem, ca.key) for the next runs; made if it is missing")
        ->group(group);
    app.add_option("--write-ca", options.write_ca, "Where to write the certificate of the CA")->group(group);
    app.add_option("--san", options.certificate.names,
                   "Names of the made certificate in place of localhost, 127.0.0.1, ::1")
        ->group(group);
    app.add_flag("--expired", options.certificate.expired, "The made certificate expired yesterday")
        ->group(group);
    auto* certificate =
        app.add_option("--certificate", options.certificate_file, "PEM chain used instead of a made one")
            ->group(group);
    app.add_option("--key", options.key_file, "Its PEM key")->needs(certificate)->group(group);
    app.add_option("--request-client-certificate", options.client_ca_file,
                   "PEM of the CA whose client certificates are asked for and recorded")
        ->group(group);
    app.add_option("--tls-version", options.tls_version, "Only this version: 1.2 or 1.3")
        ->check(CLI::IsMember({"1.2", "1.3"}))
        ->group(group);
}

void add_tokens(CLI::App& app, Options& options, Texts& texts) {
    const auto* group = "Login and tokens";
    app.add_option("--username", options.api.token.username, "User name that may log in")
        ->capture_default_str()
        ->group(group);
    app.add_option("--email", options.api.email, "The same user's e-mail")
        ->capture_default_str()
        ->group(group);
    auto* file = app.add_option("--password-file", texts.password_file,
                                "File with the password; without one it is demo-password")
                     ->group(group);
    app.add_option("--password-env", texts.password_env, "Environment variable with the password")
        ->excludes(file)
        ->group(group);
    app.add_option("--token-life", texts.token_life, "Life of a token")->capture_default_str()->group(group);
    app.add_option("--clock-skew", texts.clock_skew, "How far iat and exp are off the truth; may be negative")
        ->group(group);
    app.add_option("--rotate-every", texts.rotate_every,
                   "A new token with every N-th answer (100) or after a time (30s)")
        ->group(group);
    app.add_flag("--rotate-revokes", options.api.token.rotate_revokes, "A new token revokes the older ones")
        ->group(group);
    app.add_flag("--opaque-tokens", options.api.token.opaque, "Random tokens, no JWT")->group(group);
    app.add_option("--token-headers", texts.token_headers,
                   "Headers that tell a token: both, x or authorization")
        ->check(CLI::IsMember({"both", "x", "authorization"}))
        ->group(group);
    app.add_option("--profile", texts.profile,
                   "Logs in as another API does: vendure, saleor, adobe-commerce, directus, payload, "
                   "shopify-admin, commercetools, static")
        ->check(CLI::IsMember(profile_names()))
        ->capture_default_str()
        ->group(group);
    app.add_flag("--bearer-prefix", options.api.bearer_prefix, "\"Bearer \" before the token in them")
        ->group(group);
}

void add_shop(CLI::App& app, Options& options, Texts& texts) {
    const auto* group = "Shop and faults";
    app.add_option("--cards", options.api.shop.cards, "Seeded cards besides 6301190019990640662")
        ->check(CLI::Range(0, 100'000))
        ->capture_default_str()
        ->group(group);
    app.add_flag("--allow-duplicate-references", options.api.shop.allow_duplicate_references,
                 "Executes a reference again instead of refusing it, so that a double execution shows in the "
                 "ledger")
        ->group(group);
    app.add_option("--fault", texts.faults, "Fault, or list of faults, in JSON, or @FILE; may be repeated")
        ->group(group);
    app.add_option("--scenario", options.scenario,
                   "Hard day by name, with its time: upstream-down=2s; list: names all")
        ->group(group);
    app.add_option("--seed", options.api.seed, "Seed of the faults' probabilities")->group(group);
    app.add_flag("--quiet", options.quiet, "No log")->group(group);
}

void add_report(CLI::App& app, Options& options) {
    const auto* group = "Certification";
    auto* report =
        app.add_flag("--report", options.report,
                     "Asks the simulator at --control (127.0.0.1:8444) which cases were exercised; "
                     "exit 0: all, 1: not all, 69: none answers")
            ->group(group);
    app.add_flag("--json", options.json, "The report in JSON")->needs(report)->group(group);
}

std::string wrong(std::string_view option, std::string_view text, std::string_view right) {
    return std::string(option) + ": \"" + std::string(text) + "\" is not " + std::string(right);
}

std::chrono::milliseconds duration_of(std::string_view option, const std::string& text,
                                      bool negative = false) {
    const auto duration = read_duration(text);
    if (!duration || (duration->count() < 0 && !negative))
        throw std::runtime_error(wrong(option, text, "a duration such as 250ms, 30s, 5m, 1h"));
    return *duration;
}

asio::ip::tcp::endpoint endpoint_of(std::string_view option, const std::string& text) {
    const auto endpoint = read_endpoint(text);
    if (!endpoint)
        throw std::runtime_error(wrong(option, text, "an address such as 127.0.0.1:0 or [::1]:8443"));
    return *endpoint;
}

void set_password(const Texts& texts, ApiOptions& api) {
    if (!texts.password_file.empty()) {
        api.password = read_file(texts.password_file);
        if (api.password.ends_with('\n'))
            api.password.pop_back();
    } else if (!texts.password_env.empty()) {
        const char* value = std::getenv(texts.password_env.c_str());
        if (value == nullptr)
            throw std::runtime_error("--password-env: " + texts.password_env + " is not set");
        api.password = value;
    }
}

void set_rotation(const std::string& text, TokenOptions& token) {
    if (text.empty())
        return;
    if (text.find_first_not_of("0123456789") == std::string::npos && text.size() < 10)
        token.rotate_requests = std::stoul(text);
    else
        token.rotate_time = duration_of("--rotate-every", text);
}

void finish(Texts& texts, Options& options) {
    options.server.listen = endpoint_of("--listen", texts.listen);
    if (options.report && texts.control.empty())
        texts.control = default_control;
    if (!texts.control.empty())
        options.server.control = endpoint_of("--control", texts.control);
    options.server.idle_timeout = duration_of("--idle-timeout", texts.idle_timeout);
    options.api.token.life = duration_of("--token-life", texts.token_life);
    options.api.token.clock_skew =
        std::chrono::duration_cast<std::chrono::seconds>(duration_of("--clock-skew", texts.clock_skew, true));
    options.api.x_authorization = texts.token_headers != "authorization";
    options.api.authorization = texts.token_headers != "x";
    options.api.profile = find_profile(texts.profile);
    for (const auto& coding : texts.compress)
        options.api.codings.push_back(coding == "gzip" ? Coding::gzip : Coding::deflate);
    set_password(texts, options.api);
    set_rotation(texts.rotate_every, options.api.token);
    if (!options.certificate_file.empty() &&
        (options.key_file.empty() || !options.write_ca.empty() || !options.ca_folder.empty()))
        throw std::runtime_error("--certificate goes with --key, and not with --ca or --write-ca");
    if (!options.scenario.empty())
        if (const auto reason = check_scenario(options.scenario); !reason.empty())
            throw std::runtime_error("--scenario: " + reason);
    for (const auto& text : texts.faults) {
        const Json json =
            Json::parse(text.starts_with('@') ? read_file(text.substr(1)) : text, nullptr, false);
        Faults trial;
        if (const auto reason = json.is_discarded() ? "it is not JSON" : trial.add(json); !reason.empty())
            throw std::runtime_error("--fault: " + reason);
        options.faults.push_back(json);
    }
}

} // namespace

std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || number > 1'000'000'000 || number < -1'000'000'000)
        return std::nullopt;
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    const std::int64_t factor = unit == "ms"                  ? 1
                                : unit == "s" || unit.empty() ? 1'000
                                : unit == "m"                 ? 60'000
                                : unit == "h"                 ? 3'600'000
                                : unit == "d"                 ? 86'400'000
                                                              : 0;
    if (factor == 0)
        return std::nullopt;
    return std::chrono::milliseconds(number * factor);
}

std::optional<asio::ip::tcp::endpoint> read_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    if (host == "localhost")
        host = "127.0.0.1";
    unsigned port = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string(host), error);
    if (error || parsed.ec != std::errc{} || parsed.ptr != end || port > 65'535)
        return std::nullopt;
    return asio::ip::tcp::endpoint(address, static_cast<std::uint16_t>(port));
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("can't read " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::variant<Options, int> read_options(int argc, const char* const* argv) {
    Options options;
    Texts texts;
    CLI::App app(description, "bearerd-sim");
    app.footer(footer);
    add_network(app, options, texts);
    add_tls(app, options);
    add_tokens(app, options, texts);
    add_shop(app, options, texts);
    add_report(app, options);
    try {
        app.parse(argc, argv);
        if (options.scenario == "list") {
            std::fputs(list_scenarios().c_str(), stdout);
            return 0;
        }
        finish(texts, options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 64;
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "bearerd-sim: %s\n", error.what());
        return 64;
    }
    return options;
}

} // namespace bearerd::sim
