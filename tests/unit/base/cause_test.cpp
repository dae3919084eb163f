#include <bearerd/base/cause.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bearerd {
namespace {

TEST(Cause, TellsWhatToDoAboutEach) {
    const struct {
        error_code code;
        const char* reason;
        const char* title;
        const char* advice;
    } cases[] = {
        {errc::name_not_found, "looking up a.example: Host not found (authoritative)", "Name not found",
         "DNS"},
        {errc::connect_failed, "127.0.0.1:1: Connection refused", "Connection refused", "port"},
        {errc::connect_failed, "127.0.0.1:1: Network is unreachable", "Upstream down", "internet"},
        {errc::connect_failed, "127.0.0.1:1: Connection timed out", "No answer in time", "firewall"},
        {errc::timed_out, "connecting took too long: the TLS handshake was not finished", "No answer in time",
         "firewall"},
        {errc::timed_out, "", "No answer in time", "firewall"},
        {errc::name_not_found, "", "Name not found", "DNS"},
        {errc::name_not_found, "looking up the proxy a.example: Host not found", "Proxy trouble",
         "its address"},
        {errc::connect_failed, "the proxy 127.0.0.1:1: Connection refused", "Proxy trouble", "its address"},
        {errc::timed_out, "connecting took too long: the proxy gave no answer", "Proxy trouble",
         "upstream.proxy"},
        {errc::certificate_invalid, "self-signed certificate in certificate chain", "Certificate unknown",
         "upstream.tls.ca_file"},
        {errc::certificate_invalid, "unable to get local issuer certificate", "Certificate unknown",
         "do not take payments around it"},
        {errc::certificate_invalid, "certificate has expired", "Certificate expired", "date and time"},
        {errc::certificate_invalid, "certificate is not yet valid", "Certificate expired", "date and time"},
        {errc::certificate_invalid, "hostname mismatch", "Wrong certificate", "server_name"},
        {errc::certificate_invalid, "IP address mismatch", "Wrong certificate", "upstream.url"},
        {errc::proxy_refused, "HTTP status 404", "Proxy trouble", "upstream.proxy"},
        {errc::tls_failed, "wrong version number", "No TLS", "port in upstream.url"},
        {errc::tls_failed, "tlsv1 alert protocol version", "TLS failed", "upstream.tls"},
        {errc::certificate_invalid, "unable to verify the first certificate", "Certificate unknown",
         "upstream.tls.ca_file"},
        {{}, "HTTP status 404", "Wrong address", "path in upstream.url"},
        {{}, "HTTP status 200 with neither a token nor errors", "No token", "auth.login_query"},
        {{}, "HTTP status 200 with a token that is too long (more than 16 KiB)", "No token", "support"},
        {{},
         "HTTP status 200 with two tokens joined by a comma in one header, with no way to know which",
         "No token",
         "support"},
        {{}, "HTTP status 200 without a JSON object", "No token", "upstream.url"},
        {{}, "the upstream says: This account is Locked", "Account locked", "unlock"},
        {{}, "HTTP status 503", "Login unavailable", "support"},
        {errc::closed, "the connection was closed", "Login unavailable", "support"},
        {errc::garbled, "", "Login unavailable", "support"},
        {errc::connect_failed, "", "Upstream down", "internet"},
        {{}, "the upstream says: connect: connection refused by database", "Login unavailable", "support"},
        {{}, "the upstream says: looking up quota failed", "Login unavailable", "support"},
        {{}, "the upstream says: the proxy cache is down", "Login unavailable", "support"},
        {{}, "the upstream says: account unlocked soon", "Login unavailable", "support"},
        {{}, "the upstream says: unlocked, then locked", "Account locked", "unlock"},
        {{},
         "another replica of the fleet logs in, and has not finished in time",
         "Another replica logs in",
         "that replica's log"},
        {{},
         "the upstream has asked another replica of the fleet to try again later",
         "Told to wait",
         "waits as well"},
    };

    for (const auto& [code, reason, title, advice] : cases) {
        const Cause& cause = cause_of(code, reason);
        EXPECT_EQ(cause.title, title) << reason;
        EXPECT_THAT(cause.advice, testing::HasSubstr(advice)) << reason;
    }
}

TEST(Cause, HasASentenceOfItsOwnForTheTill) {
    const struct {
        error_code code;
        const char* reason;
        const char* says;
    } cases[] = {
        {errc::name_not_found, "looking up a.example: Host not found", "DNS"},
        {errc::connect_failed, "127.0.0.1:1: Connection refused", "refuses connections"},
        {errc::timed_out, "connecting took too long: no address answers", "in time"},
        {errc::certificate_invalid, "self-signed certificate", "do not take payments around it"},
        {errc::certificate_invalid, "certificate has expired", "date and time"},
        {errc::certificate_invalid, "hostname mismatch", "another name"},
        {errc::proxy_refused, "the proxy answered 407", "upstream.proxy"},
        {errc::tls_failed, "wrong version number", "does not speak TLS"},
        {errc::tls_failed, "tlsv1 alert protocol version", "upstream.tls"},
        {{}, "HTTP status 404", "the path"},
        {{}, "HTTP status 200 with neither a token nor errors", "auth.login_query"},
        {{}, "the upstream says: account locked", "unlock"},
    };

    for (const auto& [code, reason, says] : cases) {
        const std::string sentence{cause_of(code, reason).sentence};
        EXPECT_THAT(sentence, testing::HasSubstr(says)) << reason;
        EXPECT_THAT(sentence, testing::MatchesRegex("[A-Z].*nothing was executed; .*[a-z]\\.")) << reason;
        EXPECT_THAT(sentence, testing::Not(testing::HasSubstr(". "))) << "one sentence: " << reason;
    }
    EXPECT_EQ(cause_of({}, "HTTP status 503").sentence, "");
    EXPECT_EQ(cause_of(errc::connect_failed, "127.0.0.1:1: Network is unreachable").sentence, "")
        << "the code's own sentence";
}

} // namespace
} // namespace bearerd
