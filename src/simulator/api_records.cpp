// What the control endpoints show about the past.
#include "api.hpp"

namespace bearerd::sim {
namespace {

constexpr std::size_t most_requests = 500;
constexpr std::size_t most_recorded_body = 64 * 1024;

bool is_credential(std::string_view name) {
    return same_text(name, "Authorization") || same_text(name, "X-Authorization") ||
           same_text(name, "Proxy-Authorization") || same_text(name, "Cookie");
}

} // namespace

void Api::record(const HttpRequest& request, const Plan& plan, Tokens::Judged judged) {
    Recorded entry;
    entry.time = clock_().steady;
    entry.connection = request.connection;
    entry.method = request.method;
    entry.target = request.target;
    entry.client_certificate = request.client_certificate;
    entry.token_generation = judged.generation;
    for (const auto& [name, value] : request.headers)
        entry.headers.emplace_back(name, !is_credential(name) ? value
                                         : same_text(name, "Authorization")
                                             ? "token " + std::to_string(judged.generation)
                                             : "withheld");
    for (const auto& prepared : plan.operations)
        entry.operations += (entry.operations.empty() ? "" : ", ") + summary(prepared);
    // A login's body holds the password; one that couldn't be read may be a login too.
    bool login = plan.traffic == Traffic::login;
    for (const auto& prepared : plan.operations)
        login = login || prepared.has_root("loginUser") || !prepared.error.is_null();
    entry.body_withheld = login;
    if (!login)
        entry.body = request.body.substr(0, most_recorded_body);
    if (login && request.target.find('?') != std::string::npos)
        entry.target = std::string(request.path()) + "?withheld";
    log_("request connection " + std::to_string(request.connection) + " token " +
         std::to_string(judged.generation) + " " + request.method + " " +
         (entry.operations.empty() ? "unreadable" : entry.operations));
    requests_.push_back(std::move(entry));
    if (requests_.size() > most_requests)
        requests_.pop_front();
}

Json Api::requests_json(std::size_t last) const {
    Json list = Json::array();
    for (std::size_t i = requests_.size() - std::min(last, requests_.size()); i < requests_.size(); ++i) {
        const auto& entry = requests_[i];
        Json headers = Json::array();
        for (const auto& [name, value] : entry.headers)
            headers.push_back(Json::array({name, value}));
        list.push_back({{"time_ms", entry.time.count()},
                        {"connection", entry.connection},
                        {"method", entry.method},
                        {"target", entry.target},
                        {"headers", std::move(headers)},
                        {"body_base64", base64(entry.body)},
                        {"body_withheld", entry.body_withheld},
                        {"client_certificate", entry.client_certificate},
                        {"token_generation", entry.token_generation},
                        {"operations", entry.operations},
                        {"status", entry.status}});
    }
    return list;
}

Json Api::ledger_json() const {
    Json list = Json::array();
    for (const auto& entry : shop_->ledger())
        list.push_back({{"kind", entry.kind},
                        {"reference", entry.reference},
                        {"card", entry.card},
                        {"value", entry.value},
                        {"duplicate", entry.duplicate},
                        {"request_id", entry.caller.request_id},
                        {"connection", entry.caller.connection},
                        {"token_generation", entry.caller.token_generation},
                        {"time_ms", entry.caller.time.count()}});
    return list;
}

} // namespace bearerd::sim
