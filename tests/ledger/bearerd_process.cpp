#include "bearerd_process.hpp"

#include "support/daemon.hpp"
#include "support/socket.hpp"

#include <filesystem>
#include <stdexcept>
#include <utility>

namespace bearerd::ledger {

BearerdProcess::BearerdProcess(std::string program, const std::string& upstream_url,
                               const std::string& ca_pem, const DaemonSettings& settings)
    : program_{std::move(program)}, port_{test::free_port()} {
    const auto store = directory_.path() / "store";
    std::filesystem::create_directory(store);
    std::filesystem::permissions(store, std::filesystem::perms::owner_all);
    const std::string password = directory_.write("password", std::string{test::password} + "\n");
    const std::string ca_file = directory_.write("ca.pem", ca_pem);
    std::string extra = "log: {level: warning}\n";
    if (settings.told_in_full) {
        const auto journal = directory_.path() / "journal";
        std::filesystem::create_directory(journal);
        std::filesystem::permissions(journal, std::filesystem::perms::owner_all);
        extra = "log: {level: info}\njournal: {directory: " + journal.string() + ", required: true}\n";
    }
    config_file_ = directory_.write(
        "bearerd.yaml",
        "listen: {addresses: [\"127.0.0.1:" + std::to_string(port_) + "\"]}\n" +
            "credentials: {username: " + std::string{test::username} + ", password_file: " + password +
            "}\n" + "token_store: {directory: " + store.string() + "}\n" + "admin: {address: \"off\"}\n" +
            extra + "upstream: {url: \"" + upstream_url + "\", tls: {ca_file: " + ca_file + "}, " +
            settings.upstream + "}\n" + settings.others + "\n");
}

void BearerdProcess::start() {
    if (process_)
        earlier_output_ += process_->output();
    notify_ =
        std::make_unique<test::NotifySocket>(directory_.path() / ("notify" + std::to_string(++starts_)));
    process_ = std::make_unique<test::Process>(
        program_, std::vector<std::string>{"run", "--config", config_file_},
        test::Environment{{"NOTIFY_SOCKET", notify_->path()}, {"HOLD_JOURNAL", journal_hold_file()}});
    if (!notify_->wait_for("READY=1", *process_))
        throw std::runtime_error{"bearerd did not get ready; it said:\n" + output()};
}

std::optional<test::ExitStatus> BearerdProcess::terminate() {
    process_->signal(SIGTERM);
    return process_->wait_exit();
}

void BearerdProcess::kill() {
    process_->signal(SIGKILL);
    process_->wait_exit();
}

bool BearerdProcess::reload() {
    process_->signal(SIGHUP);
    return notify_->wait_for("RELOADING=1", *process_) && notify_->wait_for("READY=1", *process_);
}

std::optional<std::string> BearerdProcess::wait_for_line(std::string_view text) const {
    return process_->wait_for_line(text);
}

std::string BearerdProcess::output() const {
    return earlier_output_ + (process_ ? process_->output() : "");
}

} // namespace bearerd::ledger
