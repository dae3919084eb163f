#include "scripted_upstream.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace bearerd::test {
namespace {

void ensure(bool fine, const char* what) {
    if (!fine)
        throw std::runtime_error{what};
}

std::shared_ptr<SSL_CTX> make_context(const Certificate& certificate) {
    std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    const auto read_pem = [](const std::string& text, auto read, auto release) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> memory{
            BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
        return std::unique_ptr<std::remove_pointer_t<decltype(read(memory.get(), nullptr, nullptr, nullptr))>,
                               decltype(release)>{read(memory.get(), nullptr, nullptr, nullptr), release};
    };
    const auto x509 = read_pem(certificate.pem, PEM_read_bio_X509, &X509_free);
    const auto key = read_pem(certificate.key_pem, PEM_read_bio_PrivateKey, &EVP_PKEY_free);
    ensure(SSL_CTX_use_certificate(context.get(), x509.get()) == 1, "SSL_CTX_use_certificate");
    ensure(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "SSL_CTX_use_PrivateKey");
    return context;
}

/// Port 0 means any free port.
std::pair<int, std::uint16_t> listen_on(const char* where, std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const int on = 1; // connections that an earlier one left in TIME_WAIT must not matter
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ensure(::inet_pton(AF_INET, where, &address.sin_addr) == 1, "no address");
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ensure(::bind(descriptor, generic, size) == 0 && ::listen(descriptor, 1024) == 0 &&
               ::getsockname(descriptor, generic, &size) == 0,
           "can't listen");
    return {descriptor, ntohs(address.sin_port)};
}

} // namespace

std::string UpstreamRequest::token() const {
    const std::string value = header("Authorization").value_or("");
    return value.starts_with("Bearer ") ? value.substr(7) : "";
}

UpstreamConnection::UpstreamConnection(ScriptedUpstream& owner, int descriptor, int number)
    : owner_{owner}, descriptor_{descriptor}, number_{number} {
    const timeval limit{std::chrono::duration_cast<std::chrono::seconds>(patience).count(), 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

UpstreamConnection::~UpstreamConnection() {
    finish();
}

bool UpstreamConnection::handshake(ssl_ctx_st* context) {
    if (context == nullptr)
        return true;
    ssl_ = {SSL_new(context), SSL_free};
    SSL_set_fd(ssl_.get(), descriptor_);
    const bool done = SSL_accept(ssl_.get()) == 1;
    ERR_clear_error();
    return done;
}

std::string UpstreamConnection::receive() {
    if (descriptor_ < 0)
        throw Ended{};
    std::array<char, 16'384> bytes;
    const ssize_t got = ssl_ ? SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (got <= 0) {
        ERR_clear_error();
        throw Ended{};
    }
    const std::string_view piece{bytes.data(), static_cast<std::size_t>(got)};
    owner_.record(piece);
    return std::string{piece};
}

std::string UpstreamConnection::read_line() {
    std::size_t end = buffer_.find("\r\n");
    for (; end == std::string::npos; end = buffer_.find("\r\n"))
        buffer_ += receive();
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
}

UpstreamRequest UpstreamConnection::read() {
    UpstreamRequest request;
    request.connection = number_;
    const std::string first = read_line();
    const auto space = first.find(' ');
    const auto last = first.rfind(' ');
    if (space == std::string::npos || last == space)
        throw Ended{};
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, last - space - 1);
    for (std::string line = read_line(); !line.empty(); line = read_line()) {
        const auto colon = line.find(": ");
        request.headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
    }
    // bearerd reads a request completely before it forwards it, so it always knows the length
    const std::size_t size = std::stoul(request.header("Content-Length").value_or("0"));
    while (buffer_.size() < size)
        buffer_ += receive();
    request.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    owner_.record(request);
    return request;
}

void UpstreamConnection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (descriptor_ < 0)
            throw Ended{};
        const auto size = std::min<std::size_t>(bytes.size(), 1 << 20);
        const ssize_t sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(size))
                                  : ::send(descriptor_, bytes.data(), size, MSG_NOSIGNAL);
        if (sent <= 0) {
            ERR_clear_error();
            throw Ended{};
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void UpstreamConnection::write_torn_record(std::string_view bytes, std::size_t size) {
    BIO* memory = BIO_new(BIO_s_mem());
    BIO* socket = SSL_get_wbio(ssl_.get());
    BIO_up_ref(socket);
    SSL_set0_wbio(ssl_.get(), memory);
    const bool sealed = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
    std::string record(bytes.size() + 1024, '\0');
    const int length = BIO_read(memory, record.data(), static_cast<int>(record.size()));
    SSL_set0_wbio(ssl_.get(), socket);
    if (!sealed || length < static_cast<int>(size) ||
        ::send(descriptor_, record.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size))
        throw Ended{};
}

void UpstreamConnection::wait_for_end() {
    try {
        for (;;)
            (void)receive();
    } catch (const Ended&) {
    }
}

void UpstreamConnection::finish() {
    if (descriptor_ >= 0 && ssl_ && SSL_is_init_finished(ssl_.get()) == 1)
        SSL_shutdown(ssl_.get());
    ERR_clear_error();
    cut();
}

void UpstreamConnection::end_sending() {
    if (ssl_)
        SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ::shutdown(descriptor_, SHUT_WR);
}

void UpstreamConnection::cut() {
    if (descriptor_ < 0)
        return;
    ssl_.reset();
    owner_.forget(descriptor_);
    ::close(std::exchange(descriptor_, -1));
}

void UpstreamConnection::reset() {
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    cut();
}

ScriptedUpstream::ScriptedUpstream(const std::optional<Certificate>& certificate, Script script)
    : ScriptedUpstream{certificate, std::move(script), "127.0.0.1", 0} {}

ScriptedUpstream::ScriptedUpstream(const std::optional<Certificate>& certificate, Script script,
                                   const char* address, std::uint16_t port)
    : script_{std::move(script)}, context_{certificate ? make_context(*certificate) : nullptr} {
    ::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
    std::tie(listener_, port_) = listen_on(address, port);
    acceptor_ = std::thread{[this] { accept_loop(); }};
}

ScriptedUpstream::~ScriptedUpstream() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        for (const int descriptor : open_)
            ::shutdown(descriptor, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& worker : workers_)
        worker.join();
    ::close(listener_);
}

std::string ScriptedUpstream::url(const std::string& host) const {
    return (context_ ? "https://" : "http://") + host + ":" + std::to_string(port_) + "/graphql";
}

std::vector<UpstreamRequest> ScriptedUpstream::requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
}

std::vector<UpstreamRequest> ScriptedUpstream::app_requests() const {
    auto all = requests();
    std::erase_if(all, [](const UpstreamRequest& request) { return request.is_login(); });
    return all;
}

int ScriptedUpstream::logins() const {
    const auto all = requests();
    return static_cast<int>(
        std::count_if(all.begin(), all.end(), [](const auto& r) { return r.is_login(); }));
}

int ScriptedUpstream::connections() const {
    const std::lock_guard lock{mutex_};
    return connections_;
}

std::string ScriptedUpstream::received() const {
    const std::lock_guard lock{mutex_};
    return received_;
}

bool ScriptedUpstream::wait_for_connections(int count, Deadline deadline) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, deadline.time_point(), [&] { return connections_ >= count; });
}

bool ScriptedUpstream::wait_for_requests(std::size_t count, Deadline deadline) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, deadline.time_point(), [&] { return requests_.size() >= count; });
}

void ScriptedUpstream::accept_loop() {
    for (;;) {
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock{mutex_};
        if (stopping_ || descriptor < 0) {
            if (descriptor >= 0)
                ::close(descriptor);
            return;
        }
        open_.insert(descriptor);
        const int number = ++connections_;
        workers_.emplace_back([this, descriptor, number] { serve(descriptor, number); });
        changed_.notify_all();
    }
}

void ScriptedUpstream::serve(int descriptor, int number) {
    UpstreamConnection connection{*this, descriptor, number};
    try {
        if (connection.handshake(context_.get()))
            script_(connection);
        else
            connection.cut();
    } catch (const UpstreamConnection::Ended&) {
    }
}

void ScriptedUpstream::record(const UpstreamRequest& request) {
    const std::lock_guard lock{mutex_};
    requests_.push_back(request);
    changed_.notify_all();
}

void ScriptedUpstream::record(std::string_view bytes) {
    const std::lock_guard lock{mutex_};
    received_ += bytes;
}

void ScriptedUpstream::forget(int descriptor) {
    const std::lock_guard lock{mutex_};
    open_.erase(descriptor);
}

std::string http_answer(std::string_view body, const Headers& headers, std::string_view status) {
    std::string text = "HTTP/1.1 " + std::string{status} + "\r\nContent-Type: application/json\r\n";
    for (const auto& [name, value] : headers)
        text += name + ": " + value + "\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return text.append(body);
}

std::string login_answer(std::string_view token) {
    return http_answer(R"({"data":{"loginUser":{"id":"1042"}}})", {{"X-Authorization", std::string{token}}});
}

std::string unauthorized_answer() {
    return http_answer(R"({"errors":[{"message":"Unauthorized","locations":[{"line":2,"column":3}],)"
                       R"("customer_facing":false}]})");
}

Script serve_with(std::string token, std::function<std::string(const UpstreamRequest&)> answer) {
    return [token = std::move(token), answer = std::move(answer)](UpstreamConnection& connection) {
        for (;;) {
            const UpstreamRequest request = connection.read();
            connection.write(request.is_login() ? login_answer(token) : answer(request));
        }
    };
}

} // namespace bearerd::test
