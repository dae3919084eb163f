#pragma once

#include "api.hpp"
#include "certificate.hpp"
#include "server.hpp"

namespace bearerd::sim {

struct Options {
    ApiOptions api;
    ServerOptions server;
    CertificateOptions certificate;
    bool plain = false;
    bool quiet = false;
    std::string certificate_file;
    std::string key_file;
    std::string ca_folder; ///< Keeps the CA; empty: a new one for each run.
    std::string write_ca;
    std::string ready_file;
    std::string client_ca_file;
    std::string tls_version;
    std::vector<Json> faults;
    std::string scenario; ///< As begin_scenario takes it; empty: none.
    bool report = false;  ///< Asks a running simulator instead of being one.
    bool json = false;    ///< Of `report`.
};

/// Returns the options, or the exit status (after help, or what is wrong, was printed).
std::variant<Options, int> read_options(int argc, const char* const* argv);

/// "250ms", "30s", "-10h", "60m", "2d"; a bare number is seconds.
std::optional<std::chrono::milliseconds> read_duration(std::string_view text);

/// "127.0.0.1:0", "[::1]:8443".
std::optional<asio::ip::tcp::endpoint> read_endpoint(std::string_view text);

/// The whole file; throws std::runtime_error that names it.
std::string read_file(const std::string& path);

} // namespace bearerd::sim
