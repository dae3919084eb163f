#include "generation.hpp"

namespace bearerd::app {

Generation::Generation(std::shared_ptr<const config::Settings> from)
    : settings{std::move(from)}, plan{*settings}, reconcile_plan{*settings} {
    if (settings->upstream.url.tls)
        tls = std::make_unique<upstream::TlsContext>(settings->upstream.tls, settings->upstream.url.host);
}

} // namespace bearerd::app
