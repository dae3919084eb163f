#pragma once

#include "api.hpp"

#include <functional>

namespace bearerd::sim {

/// What the control endpoints may request from the server.
struct Doors {
    std::function<void()> close_idle;
    std::function<void(std::chrono::milliseconds)> down;
    std::function<void()> release;
};

/// The endpoints below /__ : they show what happened, and set what will happen.
class Control {
public:
    Control(Api& api, Doors doors) : api_(api), doors_(std::move(doors)) {}

    HttpReply handle(const HttpRequest& request);

private:
    HttpReply get(const HttpRequest& request) const;
    HttpReply post(const HttpRequest& request);
    HttpReply set_faults(const HttpRequest& request);

    Api& api_;
    Doors doors_;
};

} // namespace bearerd::sim
