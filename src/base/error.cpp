#include <bearerd/base/error.hpp>

#include <string>

namespace bearerd {
namespace {

// The base class has no virtual destructor, which is safe here: categories are static and never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class Category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "bearerd"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::timed_out:
            return "timed out";
        case errc::shutting_down:
            return "bearerd is shutting down";
        case errc::overloaded:
            return "too many requests are waiting";
        case errc::connection_limit:
            return "all upstream connections are busy";
        case errc::name_not_found:
            return "the upstream's name has no address";
        case errc::connect_failed:
            return "the upstream accepts no connection";
        case errc::certificate_invalid:
            return "the upstream's certificate could not be verified";
        case errc::tls_failed:
            return "the TLS handshake with the upstream failed";
        case errc::proxy_refused:
            return "the outbound proxy refused the connection";
        case errc::closed:
            return "the upstream closed the connection before answering";
        case errc::truncated:
            return "the upstream closed the connection during its answer";
        case errc::garbled:
            return "the upstream's answer is not valid HTTP";
        case errc::too_large:
            return "a message exceeds its limit";
        }
        return "unknown error";
    }
};

#pragma GCC diagnostic pop

} // namespace

const boost::system::error_category& bearerd_category() noexcept {
    static const Category category;
    return category;
}

error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), bearerd_category()};
}

} // namespace bearerd
