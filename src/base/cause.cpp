#include <bearerd/base/cause.hpp>

#include <algorithm>
#include <array>

namespace bearerd {
namespace {

constexpr Cause not_reachable{
    "Upstream down",
    "Check this machine's internet connection and firewall. If other sites can be reached, call the "
    "service's support."};
constexpr Cause name_unknown{
    "Name not found",
    "Check this machine's internet connection and DNS, and that upstream.url is spelled right."};
constexpr Cause certificate_unknown{
    "Certificate unknown",
    "Something on the network may be standing in for the service: have the network checked, and do not take "
    "payments "
    "around it. If it is your own firewall or proxy that opens TLS, name its CA in upstream.tls.ca_file."};
constexpr Cause certificate_expired{"Certificate expired",
                                    "Check this machine's date and time first. If they are right, the "
                                    "service's certificate has run out: call its "
                                    "support."};
constexpr Cause certificate_of_another{
    "Wrong certificate", "The certificate is for another name: check that upstream.url and "
                         "upstream.tls.server_name are spelled right. If "
                         "they are, have the network checked, and do not take payments around it."};
constexpr Cause proxy{"Proxy refuses",
                      "Check upstream.proxy: its address, user name and password, and whether it "
                      "lets connections to the service pass."};
constexpr Cause no_tls{"No TLS", "What answers there does not speak TLS: check the port in upstream.url, and "
                                 "whether a firewall or a login "
                                 "page of the network answers in the service's place."};
constexpr Cause tls{"TLS failed",
                    "Check upstream.tls in the configuration, and whether a firewall looks into "
                    "encrypted connections."};
constexpr Cause wrong_address{"Wrong address",
                              "The server knows no such page: check the path in upstream.url."};
constexpr Cause no_token{
    "No token",
    "The service answered without a token: check auth.login_query, auth.token_headers and upstream.url, or "
    "call the service's support."};
constexpr Cause locked{"Account locked",
                       "The service says that the account is locked or blocked: have its support "
                       "unlock it, then reload bearerd."};

struct Sign {
    std::string_view words; ///< in lower case
    const Cause* cause;
};

/// Texts of OpenSSL and of judge_login().
constexpr std::array<Sign, 16> signs{{{"looking up ", &name_unknown},
                                      {"certificate has expired", &certificate_expired},
                                      {"not yet valid", &certificate_expired},
                                      {"hostname mismatch", &certificate_of_another},
                                      {"ip address mismatch", &certificate_of_another},
                                      {"self-signed certificate", &certificate_unknown},
                                      {"issuer certificate", &certificate_unknown},
                                      {"first certificate", &certificate_unknown},
                                      {"wrong version number", &no_tls},
                                      {"packet length too long", &no_tls},
                                      {"http request", &no_tls},
                                      {"http status 404", &wrong_address},
                                      {"neither a token nor errors", &no_token},
                                      {"without a json object", &no_token},
                                      {"locked", &locked},
                                      {"blocked", &locked}}};

bool holds(std::string_view text, std::string_view words) noexcept {
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
    };
    return std::search(text.begin(), text.end(), words.begin(), words.end(), same) != text.end();
}

const Cause* cause_in_words(std::string_view reason) noexcept {
    const auto found =
        std::ranges::find_if(signs, [reason](const Sign& sign) { return holds(reason, sign.words); });
    return found == signs.end() ? nullptr : found->cause;
}

} // namespace

const Cause& cause_of(error_code code, std::string_view reason) noexcept {
    if (code == errc::name_not_found)
        return name_unknown;
    if (code == errc::proxy_refused)
        return proxy;
    if (const Cause* const known = cause_in_words(reason))
        return *known;
    if (code == errc::certificate_invalid)
        return certificate_unknown;
    if (code == errc::tls_failed)
        return tls;
    return not_reachable;
}

} // namespace bearerd
