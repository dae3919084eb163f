#include <bearerd/server/site.hpp>

namespace bearerd::server {

std::shared_ptr<const Site> make_site(const config::Settings& settings, std::shared_ptr<Handler> handler) {
    auto site = std::make_shared<Site>();
    site->access.allowed_hosts = settings.access.allowed_hosts;
    site->access.allowed_origins = settings.access.allowed_origins;
    site->paths = settings.listen.paths;
    site->allowed_users = settings.access.allowed_users;
    site->request_body = settings.limits.request_body;
    site->header_timeout = settings.limits.header_timeout;
    site->body_timeout = settings.limits.body_timeout;
    site->idle_timeout = settings.limits.idle_timeout;
    site->errors_always_200 = settings.errors.always_200;
    site->log_requests = settings.log.requests;
    site->handler = std::move(handler);
    return site;
}

} // namespace bearerd::server
