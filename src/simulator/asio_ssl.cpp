// Asio's TLS code, compiled once; bearerd_asio has the rest.
#include <boost/asio/ssl/impl/src.hpp>
