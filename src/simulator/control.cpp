#include "control.hpp"

#include "scenarios.hpp"

#include <charconv>

namespace bearerd::sim {
namespace {

HttpReply done() {
    return json_reply("{\"ok\":true}\n");
}

HttpReply fault(std::string_view what, unsigned status = 400) {
    return json_reply(Json{{"error", what}}.dump() + "\n", status);
}

HttpReply show(const Json& json) {
    return json_reply(json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace

HttpReply Control::handle(const HttpRequest& request) {
    if (request.method == "GET")
        return get(request);
    if (request.method == "POST")
        return post(request);
    return fault("only GET and POST", 405);
}

HttpReply Control::get(const HttpRequest& request) const {
    const auto path = request.path();
    if (path == "/__ledger")
        return show(api_.ledger_json());
    if (path == "/__stats")
        return show(api_.stats().json());
    if (path == "/__faults")
        return show(api_.faults().describe());
    if (path == "/__cases")
        return show(api_.cases().json());
    if (path == "/__requests") {
        std::size_t last = 100;
        const auto text = query_parameter(request.target, "last").value_or("100");
        std::from_chars(text.data(), text.data() + text.size(), last);
        return show(api_.requests_json(last));
    }
    return fault(
        "no such endpoint; there are GET /__ledger /__stats /__requests /__cases /__faults and POST /__reset "
        "/__revoke /__credentials /__faults /__scenario /__close_idle /__release /__down",
        404);
}

HttpReply Control::set_faults(const HttpRequest& request) {
    const Json json = Json::parse(request.body, nullptr, false);
    if (json.is_discarded())
        return fault("the body is not JSON");
    const auto seed = integer_of(member(json, "seed"));
    const Json& list = json.is_object() && json.contains("faults") ? member(json, "faults") : json;
    Faults trial;
    if (const auto reason = trial.add(list); !reason.empty())
        return fault(reason);
    api_.faults().clear();
    if (seed)
        api_.faults().seed(static_cast<std::uint64_t>(*seed));
    const auto reason = api_.faults().add(list);
    return reason.empty() ? done() : fault(reason);
}

HttpReply Control::post(const HttpRequest& request) {
    const auto path = request.path();
    if (path == "/__reset") {
        api_.reset();
    } else if (path == "/__revoke") {
        api_.tokens().revoke_all();
    } else if (path == "/__close_idle") {
        doors_.close_idle();
    } else if (path == "/__release") {
        doors_.release();
    } else if (path == "/__faults") {
        return set_faults(request);
    } else if (path == "/__scenario") {
        const auto name = string_of(member(Json::parse(request.body, nullptr, false), "name"));
        const auto reason = name ? begin_scenario(api_, *name) : "the body is {\"name\":\"...\"}";
        if (!reason.empty())
            return fault(reason);
    } else if (path == "/__credentials") {
        const auto password = string_of(member(Json::parse(request.body, nullptr, false), "password"));
        if (!password)
            return fault("the body is {\"password\":\"...\"}");
        api_.set_password(*password);
    } else if (path == "/__down") {
        const auto ms = integer_of(member(Json::parse(request.body, nullptr, false), "ms"));
        if (!ms || *ms < 0 || *ms > 86'400'000)
            return fault("the body is {\"ms\":N}");
        doors_.down(std::chrono::milliseconds(*ms));
    } else {
        return get(HttpRequest{});
    }
    return done();
}

} // namespace bearerd::sim
