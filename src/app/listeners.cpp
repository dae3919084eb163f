#include "listeners.hpp"

#include "check_command.hpp"
#include "exit_status.hpp"
#include "systemd.hpp"

#include <bearerd/base/log.hpp>
#include <bearerd/config/parse.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace bearerd::app {

namespace asio = net::asio;

void Listeners::change_modes(const config::Settings& settings) {
    for (const config::Address& address : settings.listen.addresses) {
        if (address.kind != config::Address::Kind::unix_socket)
            continue;
        if (const auto why = server::change_socket_mode(address.path, settings.listen.unix_mode))
            log::error("can't change the mode of a unix socket",
                       {{"address", std::string_view{address.path}}, {"reason", std::string_view{*why}}});
    }
}

/// Opens an address; its sockets go to `shares`, one for each worker. Returns false after logging the reason.
bool Listeners::open_one(const config::Address& address, const config::Settings& settings, Shares& shares) {
    std::vector<server::OpenResult> opened;
    const bool handed_over = address.kind == config::Address::Kind::systemd;
    if (handed_over) {
        for (const int descriptor : systemd::take_listening_descriptors())
            opened.push_back(server::adopt_listening(descriptor, workers_.size()));
        if (opened.empty())
            opened.emplace_back(
                "listen.addresses: systemd handed over no listening socket; is bearerd.socket "
                "enabled and started?");
    } else {
        opened.push_back(server::open_listening(address, settings.listen.unix_mode, workers_.size()));
    }
    for (server::OpenResult& result : opened) {
        if (const auto* why = std::get_if<std::string>(&result)) {
            log::error("can't listen", {{"reason", std::string_view{*why}}});
            return false;
        }
        auto& sockets = std::get<std::vector<server::ListeningSocket>>(result);
        if (handed_over && sockets.front().remote)
            remote_hand_over_ = sockets.front().text;
        listening_[address.text()].push_back(sockets.front().text);
        for (std::size_t i = 0; i < sockets.size(); ++i)
            shares[i].push_back(std::move(sockets[i]));
    }
    return true;
}

/// Returns exit_fine, or the exit status of a start that fails for this reason.
int Listeners::open(const config::Settings& settings) {
    Shares shares(workers_.size());
    for (const config::Address& address : settings.listen.addresses) {
        if (!listening_.contains(address.text()) && !open_one(address, settings, shares))
            return exit_failed;
        if (address.kind != config::Address::Kind::systemd || remote_hand_over_.empty() ||
            settings.access.allow_remote)
            continue;
        const std::string error = config::format_error(
            config_file_,
            place_error(config_file_, "listen.addresses: systemd handed over " + remote_hand_over_ +
                                          ", which can be reached from other machines: write "
                                          "ListenStream=127.0.0.1:8080 in bearerd.socket, or set "
                                          "access.allow_remote to true"));
        log::error("can't listen", {{"reason", std::string_view{error}}});
        return exit_bad_configuration;
    }
    warn_of_uncovered(settings);
    for (const server::ListeningSocket& socket : shares.front())
        log::info("listening", {{"address", std::string_view{socket.text}}});
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        auto take = [worker = workers_[i].get(),
                     sockets = std::make_shared<std::vector<server::ListeningSocket>>(std::move(shares[i])),
                     limit = settings.limits.request_header] {
            worker->listen(std::move(*sockets), static_cast<std::size_t>(limit));
        };
        asio::post(workers_[i]->context(), std::move(take));
    }
    return exit_fine;
}

/// What systemd passes is known only after opening it; the configuration's warnings cover other addresses.
void Listeners::warn_of_uncovered(const config::Settings& settings) const {
    if (settings.access.allowed_users.empty())
        return;
    for (const config::Address& address : settings.listen.addresses) {
        const auto places = listening_.find(address.text());
        if (address.kind != config::Address::Kind::systemd || places == listening_.end())
            continue;
        for (const std::string& place : places->second)
            if (!place.starts_with("unix:"))
                log::warning("access.allowed_users does not cover a TCP socket that systemd handed over",
                             {{"address", std::string_view{place}}});
    }
}

void Listeners::close_others(const config::Settings& wanted) {
    std::erase_if(listening_, [&](const auto& entry) {
        const auto& [configured, places] = entry;
        // clang 14 does not capture a structured binding by name.
        const bool keep = std::ranges::any_of(
            wanted.listen.addresses,
            [&listed = configured](const config::Address& address) { return address.text() == listed; });
        if (keep)
            return false;
        for (const std::string& place : places) {
            log::info("no longer listening", {{"address", std::string_view{place}}});
            for (const auto& worker : workers_)
                asio::post(worker->context(),
                           [owner = worker.get(), place] { owner->stop_listening(place); });
        }
        return true;
    });
}

} // namespace bearerd::app
