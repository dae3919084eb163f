#include <bearerd/server/service_settings.hpp>

namespace bearerd::server {

std::shared_ptr<const ServiceSettings> make_service_settings(const config::Settings& settings,
                                                             std::shared_ptr<Handler> handler) {
    auto service = std::make_shared<ServiceSettings>();
    service->access.allowed_hosts = settings.access.allowed_hosts;
    service->access.allowed_origins = settings.access.allowed_origins;
    service->paths = settings.listen.paths;
    service->allowed_users = settings.access.allowed_users;
    service->request_body = settings.limits.request_body;
    service->header_timeout = settings.limits.header_timeout;
    service->body_timeout = settings.limits.body_timeout;
    service->idle_timeout = settings.limits.idle_timeout;
    service->errors_always_200 = settings.errors.always_200;
    service->log_requests = settings.log.requests;
    service->handler = std::move(handler);
    return service;
}

} // namespace bearerd::server
