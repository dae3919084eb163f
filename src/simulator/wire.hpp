#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace bearerd::sim {

namespace asio = boost::asio;

/// Completes with the error code as a value.
inline constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

/// A connection that is TLS or is not: an AsyncReadStream and AsyncWriteStream either way.
class Wire {
public:
    using executor_type = asio::ip::tcp::socket::executor_type;
    using Tls = asio::ssl::stream<asio::ip::tcp::socket&>;

    Wire(asio::ip::tcp::socket socket, asio::ssl::context* context) : socket_(std::move(socket)) {
        if (context != nullptr)
            tls_ = std::make_unique<Tls>(socket_, *context);
    }

    executor_type get_executor() { return socket_.get_executor(); }

    asio::ip::tcp::socket& socket() noexcept { return socket_; }

    Tls* tls() noexcept { return tls_.get(); }

    template<class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [this](auto handler, const Buffers& b) {
                if (tls_)
                    tls_->async_read_some(b, std::move(handler));
                else
                    socket_.async_read_some(b, std::move(handler));
            },
            token, buffers);
    }

    template<class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [this](auto handler, const Buffers& b) {
                if (tls_)
                    tls_->async_write_some(b, std::move(handler));
                else
                    socket_.async_write_some(b, std::move(handler));
            },
            token, buffers);
    }

private:
    asio::ip::tcp::socket socket_;
    std::unique_ptr<Tls> tls_;
};

} // namespace bearerd::sim
