#include "options.hpp"
#include "report.hpp"
#include "scenarios.hpp"

#include <boost/asio/signal_set.hpp>

#include <cstdio>
#include <exception>
#include <fstream>

namespace bearerd::sim {
namespace {

Now read_clocks(std::chrono::steady_clock::time_point start) {
    Now now;
    now.steady =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    now.wall =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    return now;
}

void write_file(const std::string& path, const std::string& text) {
    // Renamed into place: a reader of the file never gets half of it.
    const std::string temporary = path + ".new";
    {
        std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
        file << text;
        if (!file.flush())
            throw std::runtime_error("can't write " + path);
    }
    if (std::rename(temporary.c_str(), path.c_str()) != 0)
        throw std::runtime_error("can't write " + path);
}

std::optional<asio::ssl::context> prepare_tls(const Options& options) {
    if (options.plain)
        return std::nullopt;
    Identity identity;
    if (options.certificate_file.empty()) {
        identity =
            make_identity(options.certificate,
                          options.ca_folder.empty() ? make_authority() : keep_authority(options.ca_folder));
        if (!options.write_ca.empty())
            write_file(options.write_ca, identity.ca);
    } else {
        identity.certificate = read_file(options.certificate_file);
        identity.key = read_file(options.key_file);
    }
    const auto client_ca = options.client_ca_file.empty() ? std::string() : read_file(options.client_ca_file);
    return make_tls(identity.certificate, identity.key, client_ca, options.tls_version);
}

std::string host_in_url(const asio::ip::tcp::endpoint& endpoint) {
    const auto address = endpoint.address();
    if (address.is_loopback() || address.is_unspecified())
        return "localhost";
    return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

void announce(const Options& options, const Server& server) {
    std::printf("listening on %s://%s:%u/graphql\n", options.plain ? "http" : "https",
                host_in_url(options.server.listen).c_str(), unsigned{server.port()});
    if (options.server.control)
        std::printf("control on http://127.0.0.1:%u\n", unsigned{server.control_port()});
    std::fflush(stdout);
    if (!options.ready_file.empty())
        write_file(options.ready_file, std::to_string(server.port()) + "\n");
}

void serve(Options options) {
    auto tls = prepare_tls(options);
    const auto start = std::chrono::steady_clock::now();
    const bool quiet = options.quiet;
    Api api(
        options.api, [start] { return read_clocks(start); },
        [start, quiet](const std::string& line) {
            if (!quiet)
                std::fprintf(stderr, "%9.3f %s\n",
                             static_cast<double>(read_clocks(start).steady.count()) / 1000.0, line.c_str());
        });
    if (!options.scenario.empty())
        if (const auto reason = begin_scenario(api, options.scenario); !reason.empty())
            throw std::runtime_error("--scenario: " + reason);
    for (const auto& fault : options.faults)
        if (const auto reason = api.faults().add(fault); !reason.empty())
            throw std::runtime_error("--fault: " + reason);
    asio::io_context io(1);
    Server server(io, options.server, api, tls ? &*tls : nullptr);
    asio::signal_set signals(io, SIGTERM, SIGINT);
    signals.async_wait([&server](boost::system::error_code error, int) {
        if (!error)
            server.stop();
    });
    server.start();
    announce(options, server);
    io.run();
}

} // namespace
} // namespace bearerd::sim

int main(int argc, char** argv) {
    auto options = bearerd::sim::read_options(argc, argv);
    if (const int* code = std::get_if<int>(&options))
        return *code;
    auto& read = std::get<bearerd::sim::Options>(options);
    try {
        if (read.report)
            return bearerd::sim::report(*read.server.control, read.json);
        bearerd::sim::serve(std::move(read));
        return 0;
    } catch (const std::exception& error) { // the end of the program: whatever it is, it is said
        std::fprintf(stderr, "bearerd-sim: %s\n", error.what());
        return 1;
    }
}
