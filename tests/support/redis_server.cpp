#include "redis_server.hpp"

#include "socket.hpp"

#include <stdexcept>
#include <vector>

namespace bearerd::test {

RedisServer::RedisServer(Options options) : options_{std::move(options)}, port_{free_port()} {
    start();
}

bool RedisServer::is_installed() {
    return !std::string{BEARERD_REDIS_PROGRAM}.empty();
}

std::string RedisServer::url() const {
    return (options_.certificate.empty() ? "redis://127.0.0.1:" : "rediss://127.0.0.1:") +
           std::to_string(port_);
}

std::string RedisServer::command(const std::string& line) const {
    Socket socket = Socket::connect(port_);
    socket.send(line + "\r\n");
    std::string answer;
    while (answer.find("\r\n") == std::string::npos)
        answer += socket.receive_some();
    return answer.substr(0, answer.find("\r\n"));
}

void RedisServer::start() {
    const bool tls = !options_.certificate.empty();
    const std::string port = std::to_string(port_);
    std::vector<std::string> words{"--bind",        "127.0.0.1",
                                   "--save",        "",
                                   "--appendonly",  options_.keeps_all ? "yes" : "no",
                                   "--appendfsync", "always",
                                   "--dir",         directory_.path().string()};
    if (tls)
        words.insert(words.end(),
                     {"--port", "0", "--tls-port", port, "--tls-cert-file",
                      directory_.write("certificate.pem", options_.certificate), "--tls-key-file",
                      directory_.write("key.pem", options_.key), "--tls-auth-clients", "no"});
    else
        words.insert(words.end(), {"--port", port});
    if (!options_.password.empty())
        words.insert(words.end(), {"--requirepass", options_.password});
    process_ = std::make_unique<Process>(BEARERD_REDIS_PROGRAM, words);
    if (!process_->wait_for_line("Ready to accept connections"))
        throw std::runtime_error{"the store did not get ready; it said:\n" + process_->output()};
}

void RedisServer::kill() {
    process_->signal(SIGKILL);
    static_cast<void>(process_->wait_exit());
}

} // namespace bearerd::test
