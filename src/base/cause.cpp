#include <bearerd/base/cause.hpp>

#include <bearerd/base/ascii.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

namespace bearerd {
namespace {

constexpr Cause not_reachable{
    "Upstream down",
    "Check this machine's internet connection and firewall. If other sites can be reached, call the "
    "service's support."};
constexpr Cause name_unknown{
    "Name not found",
    "Check this machine's internet connection and DNS, and that upstream.url is spelled right.",
    "The gift card service's name could not be looked up, and nothing was executed; check the internet "
    "connection and DNS, and that upstream.url is spelled right."};
constexpr Cause refused{"Connection refused",
                        "Nothing listens there, or a firewall refuses the connection: check host and port in "
                        "upstream.url and the "
                        "firewall. If they are right, call the service's support.",
                        "The gift card service refuses connections, and nothing was executed; check host and "
                        "port in upstream.url "
                        "and the firewall, or call the service's support."};
constexpr Cause no_answer{
    "No answer in time",
    "Check this machine's internet connection and firewall, which may drop what is sent. If other sites can "
    "be "
    "reached, call the service's support.",
    "The gift card service did not answer in time when it was called, and nothing was executed; check the "
    "internet connection and firewall, and try again."};
constexpr Cause certificate_unknown{
    "Certificate unknown",
    "Something on the network may be standing in for the service: have the network checked, and do not take "
    "payments "
    "around it. If it is your own firewall or proxy that opens TLS, name its CA in upstream.tls.ca_file.",
    "The gift card service could not prove who it is, and nothing was executed; have the network checked, or "
    "name your own firewall's CA in upstream.tls.ca_file, and do not take payments around it."};
constexpr Cause certificate_expired{
    "Certificate expired",
    "Check this machine's date and time first. If they are right, the "
    "service's certificate has run out: call its "
    "support.",
    "The gift card service's certificate is not valid at this time, and nothing "
    "was executed; check this machine's date and time first, and if they are "
    "right, call the service's support."};
constexpr Cause certificate_of_another{
    "Wrong certificate",
    "The certificate is for another name: check that upstream.url and "
    "upstream.tls.server_name are spelled right. If "
    "they are, have the network checked, and do not take payments around it.",
    "What answers has the certificate of another name than the gift card service's, and nothing was "
    "executed; "
    "check that upstream.url and upstream.tls.server_name are spelled right, else have the network checked, "
    "and "
    "do not take payments around it."};
constexpr Cause proxy{
    "Proxy trouble",
    "Check upstream.proxy: its address, user name and password, and whether it "
    "lets connections to the service pass.",
    "The outbound proxy does not connect this till to the gift card service, and nothing was "
    "executed; check upstream.proxy, its address, user name and password, and whether it lets "
    "connections to the service pass."};
constexpr Cause no_tls{
    "No TLS",
    "What answers there does not speak TLS: check the port in upstream.url, and "
    "whether a firewall or a login "
    "page of the network answers in the service's place.",
    "What answers in the gift card service's place does not speak TLS, and nothing was "
    "executed; check the port in upstream.url, and whether a firewall or a login page of the "
    "network answers."};
constexpr Cause tls{
    "TLS failed",
    "Check upstream.tls in the configuration, and whether a firewall looks into "
    "encrypted connections.",
    "No encrypted connection to the gift card service could be made, and nothing was executed; "
    "check upstream.tls, and whether a firewall looks into encrypted connections."};
constexpr Cause wrong_address{
    "Wrong address", "The server knows no such page: check the path in upstream.url.",
    "The server knows no such page as upstream.url names, and nothing was executed; check the path in it."};
constexpr Cause no_token{
    "No token",
    "The service answered without a token that can be used: check auth.login_query, auth.token_headers and "
    "upstream.url, or call the service's support.",
    "The gift card service did not give this till a token that can be used, and nothing was executed; check "
    "auth.login_query, auth.token_headers and upstream.url, or call the service's support."};
constexpr Cause locked{"Account locked",
                       "The service says that the account is locked or blocked: have its support "
                       "unlock it; bearerd tries again by itself within auth.backoff.max.",
                       "The gift card service says that this till's account is locked, and nothing was "
                       "executed; have the service's support unlock it; bearerd tries again by itself "
                       "within auth.backoff.max."};

constexpr Cause replica_logs_in{"Another replica logs in",
                                "Another replica of the fleet logs in for all, and has not finished: wait "
                                "for the next try. If this lasts, "
                                "look into that replica's log.",
                                "Another replica of the fleet logs in for this till as well and has not "
                                "finished, and nothing was executed; "
                                "try again, and if this lasts, look into that replica's log."};
constexpr Cause told_to_wait{"Told to wait",
                             "The service has asked another replica of the fleet to try again later, and "
                             "this one waits as well. If it "
                             "lasts, call the service's support.",
                             "The gift card service has asked to try the login again later, and nothing was "
                             "executed; try again, and if "
                             "this lasts, call the service's support."};

/// The service answers, so the network is not the cause.
constexpr Cause login_unavailable{"Login unavailable",
                                  "If this lasts for more than some minutes, call the service's support."};

struct Sign {
    std::string_view words; ///< in lower case
    const Cause* cause;
};

/// OpenSSL's words and the dialer's; the first that is found counts.
constexpr std::array<Sign, 15> signs_of_network{{{"the proxy", &proxy},
                                                 {"looking up ", &name_unknown},
                                                 {"connection refused", &refused},
                                                 {"connecting took too long", &no_answer},
                                                 {"connection timed out", &no_answer},
                                                 {"certificate has expired", &certificate_expired},
                                                 {"not yet valid", &certificate_expired},
                                                 {"hostname mismatch", &certificate_of_another},
                                                 {"ip address mismatch", &certificate_of_another},
                                                 {"self-signed certificate", &certificate_unknown},
                                                 {"issuer certificate", &certificate_unknown},
                                                 {"first certificate", &certificate_unknown},
                                                 {"wrong version number", &no_tls},
                                                 {"packet length too long", &no_tls},
                                                 {"http request", &no_tls}}};

/// The words of logins. Those of the upstream may follow, so only the last two are looked for in them.
constexpr std::array<Sign, 9> signs_of_login{{{"another replica of the fleet logs in", &replica_logs_in},
                                              {"has asked another replica of the fleet", &told_to_wait},
                                              {"http status 404", &wrong_address},
                                              {"neither a token nor errors", &no_token},
                                              {"without a json object", &no_token},
                                              {"a token that is too long", &no_token},
                                              {"two tokens joined by a comma", &no_token},
                                              {"locked", &locked},
                                              {"blocked", &locked}}};

/// Whether the words are there, not as the end of another word, such as "unlocked".
bool holds(std::string_view text, std::string_view words) noexcept {
    const auto same = [](char a, char b) { return to_lower(a) == b; };
    for (auto at = text.begin();; ++at) {
        at = std::search(at, text.end(), words.begin(), words.end(), same);
        if (at == text.end())
            return false;
        if (at == text.begin() || !is_letter(*std::prev(at)))
            return true;
    }
}

const Cause* find(std::span<const Sign> signs, std::string_view reason) noexcept {
    const auto found =
        std::ranges::find_if(signs, [reason](const Sign& sign) { return holds(reason, sign.words); });
    return found == signs.end() ? nullptr : found->cause;
}

/// The upstream has answered, if not well.
bool is_half_answer(error_code code) noexcept {
    return code == errc::closed || code == errc::truncated || code == errc::garbled;
}

} // namespace

const Cause& cause_of(error_code code, std::string_view reason) noexcept {
    if (code == errc::proxy_refused)
        return proxy;
    // Without a code, the reason may quote the upstream, whose words say nothing about this machine's
    // network.
    if (const Cause* const known = code ? find(signs_of_network, reason) : nullptr)
        return *known;
    if (const Cause* const known = find(signs_of_login, reason))
        return *known;
    if (!code || is_half_answer(code))
        return login_unavailable;
    if (code == errc::name_not_found)
        return name_unknown;
    if (code == errc::timed_out)
        return no_answer;
    if (code == errc::certificate_invalid)
        return certificate_unknown;
    if (code == errc::tls_failed)
        return tls;
    return not_reachable;
}

} // namespace bearerd
