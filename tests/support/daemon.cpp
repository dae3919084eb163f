#include "daemon.hpp"

#include "secrets.hpp"

#include <charconv>
#include <cstdio>
#include <gtest/gtest.h>
#include <stdexcept>
#include <yaml-cpp/yaml.h>

namespace bearerd::test {
namespace {

/// Merges mappings; other values of `over` replace those of `base`.
YAML::Node merged(YAML::Node base, const YAML::Node& over) {
    if (!base.IsMap() || !over.IsMap())
        return over;
    for (const auto& entry : over) {
        const auto key = entry.first.as<std::string>();
        base[key] = base[key] ? merged(base[key], entry.second) : entry.second;
    }
    return base;
}

} // namespace

Daemon::Daemon(const DaemonOptions& options)
    : notify_{directory_.path() / "notify"},
      port_{free_port()},
      admin_port_{free_port()},
      upstream_url_{options.upstream_url},
      ca_file_{options.ca_pem.empty() ? "" : directory_.write("ca.pem", options.ca_pem)},
      config_file_{(directory_.path() / "bearerd.yaml").string()} {
    directory_.write("password", std::string{password} + "\n");
    write_config(options.config);
    Environment environment = options.environment;
    environment.emplace_back("NOTIFY_SOCKET", notify_.path());
    std::vector<std::string> words = options.launcher;
    words.insert(words.end(), {BEARERD_PROGRAM, "run", "--config", config_file_});
    process_ = std::make_unique<Process>(
        words.front(), std::vector<std::string>{words.begin() + 1, words.end()}, environment);
    if (options.wait_until_ready && !notify_.wait_for("READY=1", *process_))
        throw std::runtime_error{"bearerd did not get ready; it said:\n" + process_->output()};
}

Daemon::~Daemon() {
    if (!stopped_) {
        const auto exit = stop();
        EXPECT_TRUE(exit && exit->code == 0)
            << "bearerd ended with "
            << (exit ? "status " + std::to_string(exit->code) + ", signal " + std::to_string(exit->signal)
                     : "no status: it did not stop");
    }
    const std::string output = process_->output();
    expect_no_secrets(output, {std::string{password}, "eyJhbGciOi", "6301190019990640662"},
                      "bearerd's output");
    if (testing::Test::HasFailure() && output.find(password) == std::string::npos)
        std::fprintf(stderr, "--- bearerd said:\n%s---\n", output.c_str());
}

void Daemon::write_config(std::string_view config) {
    YAML::Node base;
    base["listen"]["addresses"].push_back("127.0.0.1:" + std::to_string(port_));
    base["upstream"]["url"] = upstream_url_;
    if (!ca_file_.empty())
        base["upstream"]["tls"]["ca_file"] = ca_file_;
    base["credentials"]["username"] = std::string{username};
    base["credentials"]["password_file"] = (directory_.path() / "password").string();
    base["admin"]["address"] = "127.0.0.1:" + std::to_string(admin_port_);
    base["shutdown_grace"] = "5s";
    base["upstream"]["keep_warm"]["connections"] = 0; // tests count connections
    if (!config.empty())
        base = merged(base, YAML::Load(std::string{config}));
    if (const YAML::Node kind = base["auth"]["kind"]; kind && kind.as<std::string>() != "graphql")
        base.remove("credentials"); // another kind of login has its own
    directory_.write("bearerd.yaml", YAML::Dump(base) + "\n");
}

HttpResponse Daemon::post(std::string_view body, const Headers& headers) const {
    return client().post(body, headers);
}

HttpResponse Daemon::admin(std::string_view target) const {
    return HttpClient{admin_port_}.get(target);
}

double Daemon::metric(std::string_view name) const {
    const std::string text = "\n" + admin("/metrics").body;
    const auto at = text.find("\n" + std::string{name} + " ");
    if (at == std::string::npos)
        return 0;
    double value = 0;
    std::from_chars(text.data() + at + name.size() + 2, text.data() + text.size(), value);
    return value;
}

bool Daemon::wait_for_metric(std::string_view name, double value, Deadline deadline) const {
    while (metric(name) < value) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return metric(name) == value;
}

std::optional<ExitStatus> Daemon::stop() {
    stopped_ = true;
    process_->signal(SIGTERM);
    return process_->wait_exit();
}

Finished run_bearerd(const std::vector<std::string>& arguments, const Environment& environment) {
    return run(BEARERD_PROGRAM, arguments, environment);
}

} // namespace bearerd::test
