#include "admin_listener.hpp"

#include <bearerd/base/log.hpp>

namespace bearerd::app {
namespace {

constexpr std::uint32_t most_clients = 64; // probes, a scraper and some browsers
constexpr std::uint64_t most_body = 4096;  // a GET has none, but may
constexpr std::uint32_t socket_mode = 0660;

} // namespace

AdminListener::AdminListener(Worker& worker) : worker_{worker}, session_context_{nullptr, stats_, bodies_} {
    clients_.most = most_clients;
}

std::optional<std::string> AdminListener::open(const config::Settings& settings) {
    const auto& wanted = settings.admin.address;
    if (wanted == address_)
        return std::nullopt;
    std::vector<server::ListeningSocket> sockets;
    if (wanted) {
        auto opened = server::open_listening(*wanted, socket_mode, 1);
        if (const auto* why = std::get_if<std::string>(&opened))
            return "admin.address: " + *why;
        sockets = std::get<std::vector<server::ListeningSocket>>(std::move(opened));
    }
    if (address_)
        listeners_.back()->stop();
    address_ = wanted;
    for (server::ListeningSocket& socket : sockets) {
        log::info("admin listening", {{"address", std::string_view{socket.text}}});
        listeners_.push_back(std::make_unique<server::Listener>(
            worker_.context(), worker_.clock(), sessions_, std::move(socket),
            static_cast<std::size_t>(settings.limits.request_header), session_context_, clients_));
        listeners_.back()->start();
    }
    return std::nullopt;
}

void AdminListener::serve(const config::Settings& settings, admin::Sources sources) {
    auto service = std::make_shared<server::ServiceSettings>(
        *server::make_service_settings(settings, std::make_shared<admin::AdminHandler>(std::move(sources))));
    service->paths.clear();
    service->methods = {"GET"};
    service->request_body = most_body;
    service->log_requests = false;
    service->errors_always_200 = false;
    session_context_.service = std::move(service);
}

void AdminListener::close() noexcept {
    if (address_)
        listeners_.back()->stop();
    sessions_.finish_now();
}

} // namespace bearerd::app
