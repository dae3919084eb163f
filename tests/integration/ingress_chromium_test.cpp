#include "ingress.hpp"

#include <gtest/gtest.h>

namespace bearerd::test {
namespace {

/// Serves one page under "/", and receives its reports under "/done?...": the site that the browser visits.
class PageServer {
public:
    explicit PageServer(std::string page)
        : page_{std::move(page)}, server_{std::nullopt, [this](UpstreamConnection& connection) {
                                              while (true) {
                                                  const bool is_page = connection.read().target == "/";
                                                  connection.write(http_answer(
                                                      is_page ? page_ : "", {{"Content-Type", "text/html"}}));
                                              }
                                          }} {}

    [[nodiscard]] std::string origin(const std::string& host) const {
        return "http://" + host + ":" + std::to_string(server_.port());
    }

    /// Returns what the page reported; nullopt if it didn't.
    std::optional<std::string> wait_for_report() {
        const Deadline deadline;
        for (std::size_t seen = 0; server_.wait_for_requests(seen + 1, deadline); ++seen)
            if (const auto target = server_.requests()[seen].target; target.starts_with("/done?"))
                return target.substr(6);
        return std::nullopt;
    }

private:
    std::string page_;
    ScriptedUpstream server_;
};

/// A browser on one page, without network traffic of its own.
class Chromium {
public:
    explicit Chromium(const std::string& url)
        : process_{CHROMIUM_PROGRAM,
                   {"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--disable-extensions", "--no-proxy-server",
                    "--host-resolver-rules=MAP *.example 127.0.0.1", "--remote-debugging-port=0",
                    "--user-data-dir=" + profile_.path().string(), url},
                   {{"HOME", profile_.path().string()}}} {}

    Chromium(const Chromium&) = delete;
    Chromium& operator=(const Chromium&) = delete;

    ~Chromium() {
        process_.signal(SIGTERM); // so that it ends its own children too
        (void)process_.wait_exit();
    }

    [[nodiscard]] std::string output() const { return process_.output(); }

private:
    TemporaryDirectory profile_;
    Process process_;
};

/// Tries everything that a page can do towards BEARERD uninvited, then reports what it could read.
constexpr std::string_view hostile_page = R"(<!doctype html><body><script>
const target = 'BEARERD', mutation = MUTATION, query = '?query=' + encodeURIComponent('{Cards{total}}');
const settled = promise => Promise.race([promise, new Promise(resolve => setTimeout(resolve, 5000))]);
const element = (name, attributes) => settled(new Promise(resolve => {
    const made = Object.assign(document.createElement(name), attributes);
    made.onload = made.onerror = resolve;
    document.body.append(made);
}));
const submit = (method, enctype) => settled(new Promise(resolve => {
    const frame = Object.assign(document.createElement('iframe'), {name: method + enctype, onload: resolve});
    const form = Object.assign(document.createElement('form'), {method, enctype, target: frame.name, action: target});
    form.append(Object.assign(document.createElement('textarea'), {name: 'query', value: mutation}));
    document.body.append(frame, form);
    form.submit();
}));
const read = [];
const tell = (what, init, suffix = '') => fetch(target + suffix, init).then(
    answer => answer.text().then(text => { if (text || answer.status) read.push(what); }), () => {});
const json = {'Content-Type': 'application/json'}, text = {'Content-Type': 'text/plain'};
(async () => {
    await Promise.all([
        tell('cors', {method: 'POST', headers: json, body: mutation}),
        tell('simple', {method: 'POST', headers: text, body: mutation}),
        tell('credentials', {method: 'POST', headers: text, body: mutation, credentials: 'include'}),
        tell('get', {}, query),
        tell('no-cors', {method: 'POST', mode: 'no-cors', headers: text, body: mutation}),
        tell('no-cors form', {method: 'POST', mode: 'no-cors', body: new URLSearchParams({query: mutation})}),
        tell('no-cors upload', {method: 'POST', mode: 'no-cors', body: Object.entries({operations: mutation})
            .reduce((form, [name, value]) => (form.append(name, value), form), new FormData())}),
        tell('no-cors get', {mode: 'no-cors', referrerPolicy: 'no-referrer'}, query),
        tell('put', {method: 'PUT', body: mutation}),
        element('img', {src: target + query}),
        element('img', {src: target + query + '&no', referrerPolicy: 'no-referrer'}),
        element('script', {src: target + query}),
        element('link', {rel: 'stylesheet', href: target + query}),
        element('iframe', {src: target + query}),
        element('audio', {src: target + query}),
        element('iframe', {srcdoc: '<img src="' + target + query + '">'}),
        element('iframe', {sandbox: 'allow-scripts', srcdoc: '<script>fetch("' + target +
            '", {method: "POST", mode: "no-cors", body: "{}"})<\/script>'}),
        submit('post', 'text/plain'),
        submit('post', 'application/x-www-form-urlencoded'),
        submit('post', 'multipart/form-data'),
        submit('get', 'text/plain'),
        settled(new Promise(resolve => { new WebSocket(target.replace('http', 'ws')).onerror = resolve; })),
        settled(new Promise(resolve => { new EventSource(target + query).onerror = resolve; })),
    ]);
    navigator.sendBeacon(target, mutation);
    await fetch('/done?' + encodeURIComponent(read.join()));
})();
</script>)";

/// Does what an app in the browser does.
constexpr std::string_view friendly_page = R"(<!doctype html><body><script>
const ask = body => fetch('BEARERD', {method: 'POST', body,
    headers: {'Content-Type': 'application/json', 'X-Request-Id': 'from-the-page'}}).then(
    async answer => answer.status + ' ' + answer.headers.get('X-Request-Id') + ' ' + (await answer.text()),
    error => 'failed: ' + error);
(async () => {
    const results = [await ask(QUERY), await ask(MUTATION), await ask(' '.repeat(2000))];
    await fetch('/done?' + encodeURIComponent(results.join('|')));
})();
</script>)";

std::string filled(std::string_view page, const std::string& bearerd, const std::string& reference) {
    std::string text{page};
    const auto fill = [&text](const std::string& name, const std::string& value) {
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
            text.replace(at, name.size(), value);
    };
    fill("BEARERD", bearerd);
    fill("MUTATION", nlohmann::json(redemption(reference)).dump());
    fill("QUERY", nlohmann::json(balance_query()).dump());
    return text;
}

std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        result += static_cast<char>(std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16));
        i += 2;
    }
    return result;
}

std::string url_of(const Daemon& daemon, const std::string& host) {
    return "http://" + host + ":" + std::to_string(daemon.port()) + "/graphql";
}

class ChromiumPage : public testing::Test {
protected:
    void SetUp() override {
        if (std::string_view{CHROMIUM_PROGRAM}.empty())
            GTEST_SKIP() << "no chromium (scripts/install-dependencies test)";
    }
};

TEST_F(ChromiumPage, OnAnotherOriginCausesNoRequestWhateverItTries) {
    const Shop shop;
    double refused = 0;
    // A different site, and another port of this machine, which a browser calls the same site.
    for (const std::string host : {"shop.example", "127.0.0.1"}) {
        SCOPED_TRACE(host);
        PageServer page{filled(hostile_page, url_of(shop.daemon, "127.0.0.1"), "hostile")};
        const Chromium browser{page.origin(host) + "/"};
        EXPECT_EQ(page.wait_for_report(), "") << "it could read something\n" << browser.output();
        const double before = refused;
        refused = shop.daemon.metric(refused_metric("forbidden_origin"));
        EXPECT_GE(refused - before, 15) << "they were to be refused by us, not by the browser";
    }
    EXPECT_EQ(shop.requests(), 0);
    EXPECT_TRUE(shop.simulator.ledger().empty());
}

TEST_F(ChromiumPage, UnderANameThatWasReboundToUsCausesNoRequest) {
    const Shop shop;
    const Chromium browser{url_of(shop.daemon, "rebound.example") + "?query=%7BCards%7Btotal%7D%7D"};
    EXPECT_TRUE(shop.daemon.wait_for_metric(refused_metric("forbidden_host"), 1)) << browser.output();
    EXPECT_EQ(shop.requests(), 0);
}

TEST_F(ChromiumPage, OnAnAllowedOriginIsServed) {
    const Simulator simulator;
    Daemon daemon{{.upstream_url = simulator.url(), .ca_pem = simulator.ca_pem()}};
    PageServer page{filled(friendly_page, url_of(daemon, "127.0.0.1"), "friendly")};
    daemon.write_config("{access: {allowed_origins: [\"" + page.origin("shop.example") +
                        "\"]}, limits: {request_body: 1KiB}}");
    daemon.process().signal(SIGHUP);
    ASSERT_TRUE(daemon.wait_for_metric(R"(bearerd_config_reloads_total{result="ok"})", 1)) << daemon.output();
    const Chromium browser{page.origin("shop.example") + "/"};
    const auto report = page.wait_for_report();
    ASSERT_TRUE(report) << browser.output();
    const std::string results = unescaped(*report);
    EXPECT_TRUE(results.starts_with("200 from-the-page {\"data\":{\"Cards\":{\"data\":[{\"card_reference\":"))
        << results;
    EXPECT_NE(results.find("|200 from-the-page {\"data\":{\"createBalanceAdjustment\":{"), std::string::npos)
        << results;
    EXPECT_NE(results.find("|413 from-the-page {\"errors\":[{"), std::string::npos) << results;
    EXPECT_EQ(simulator.executions("friendly"), 1U);
    EXPECT_EQ(simulator.stat("requests") - simulator.stat("logins_ok"), 2);
}

} // namespace
} // namespace bearerd::test
