#include "simulator.hpp"

#include "daemon.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace bearerd::test {
namespace {

std::vector<std::string> command_line(const TemporaryDirectory& directory,
                                      const std::vector<std::string>& more) {
    std::vector<std::string> result{"--control", "127.0.0.1:0", "--password-file",
                                    directory.write("password", std::string{password} + "\n")};
    if (std::find(more.begin(), more.end(), "--listen") == more.end())
        result.insert(result.end(), {"--listen", "127.0.0.1:0"});
    const bool own_certificate = std::none_of(more.begin(), more.end(), [](const std::string& argument) {
        return argument == "--plain" || argument == "--certificate";
    });
    if (own_certificate)
        result.insert(result.end(), {"--write-ca", (directory.path() / "ca.pem").string()});
    result.insert(result.end(), more.begin(), more.end());
    return result;
}

std::string document(const std::string& query) {
    return nlohmann::json{{"query", query}}.dump();
}

} // namespace

std::string balance_query() {
    return document("query { Cards(card_reference:\"" + std::string{card_number} +
                    "\") { data { card_reference balance } } }");
}

std::string redemption(std::string_view reference) {
    return document("mutation { createBalanceAdjustment(currency:\"GBP\", value:-1, merchant_id:26, "
                    "unit_epos_reference:\"2251799825000010\", card_reference:\"" +
                    std::string{card_number} + "\", merchant_transaction_reference:\"" +
                    std::string{reference} + "\") { id value } }");
}

Simulator::Simulator(const std::vector<std::string>& arguments)
    : process_{BEARERD_SIM_PROGRAM, command_line(directory_, arguments)} {
    const auto listening = process_.wait_for_line("listening on ");
    const auto control = process_.wait_for_line("control on http://127.0.0.1:");
    if (!listening || !control)
        throw std::runtime_error{"bearerd-sim did not start; it said:\n" + process_.output()};
    url_ = listening->substr(listening->find("http"));
    control_port_ = static_cast<std::uint16_t>(std::stoul(control->substr(control->rfind(':') + 1)));
    if (std::filesystem::exists(directory_.path() / "ca.pem"))
        ca_pem_ = read_file(directory_.path() / "ca.pem");
}

nlohmann::json Simulator::get(const std::string& path) const {
    return nlohmann::json::parse(HttpClient{control_port_}.get(path).body);
}

nlohmann::json Simulator::stats() const {
    return get("/__stats");
}

std::int64_t Simulator::stat(const std::string& name) const {
    return get("/__stats").at(name).get<std::int64_t>();
}

std::size_t Simulator::executions(std::string_view reference) const {
    const nlohmann::json entries = ledger();
    return static_cast<std::size_t>(
        std::count_if(entries.begin(), entries.end(),
                      [reference](const auto& entry) { return entry.at("reference") == reference; }));
}

nlohmann::json Simulator::ledger() const {
    return get("/__ledger");
}

nlohmann::json Simulator::requests() const {
    return get("/__requests?last=100000");
}

void Simulator::refuse_connections(std::chrono::milliseconds time) {
    control("/__down", nlohmann::json{{"ms", time.count()}}.dump());
}

void Simulator::change_password(std::string_view changed) {
    control("/__credentials", nlohmann::json{{"password", changed}}.dump());
}

void Simulator::begin_scenario(std::string_view name) {
    control("/__scenario", nlohmann::json{{"name", name}}.dump());
}

nlohmann::json Simulator::cases() const {
    return get("/__cases");
}

std::string Simulator::control_address() const {
    return "127.0.0.1:" + std::to_string(control_port_);
}

Finished Simulator::run_program(const std::vector<std::string>& arguments) {
    return run(BEARERD_SIM_PROGRAM, arguments);
}

void Simulator::control(std::string_view path, std::string_view body) const {
    const auto response = HttpClient{control_port_}.request("POST", path, body);
    if (response.status != 200)
        throw std::runtime_error{std::string{path} + ": " + response.body};
}

} // namespace bearerd::test
