#include "wait_command.hpp"

#include "cli_output.hpp"
#include "exit_status.hpp"
#include "local_http.hpp"
#include "public_settings.hpp"

#include <bearerd/base/units.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace bearerd::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration pause_between = 100ms;

/// The reason that /readyz gives, or nothing if `body` is not its answer.
std::optional<std::string> readiness_reason(const std::string& body) {
    const auto answer = nlohmann::json::parse(body, nullptr, false);
    const auto found = answer.is_object() ? answer.find("reason") : answer.end();
    if (found == answer.end() || !found->is_string())
        return std::nullopt;
    return printable(found->get_ref<const std::string&>());
}

/// Whether neither a TCP listener nor a unix socket is there.
bool nothing_listens(const LocalFailure& failure) {
    return std::ranges::any_of(std::array{ECONNREFUSED, ENOENT}, [&failure](int code) {
        return failure.reason == std::generic_category().message(code);
    });
}

std::string in_words(const LocalFailure& failure, const config::Address& address) {
    if (auto reason = readiness_reason(failure.body))
        return std::move(*reason);
    if (nothing_listens(failure))
        return "nothing listens on " + address.text() + " (admin.address)";
    return "no answer from " + address.text() + " (admin.address): " + printable(failure.reason);
}

int wait_for(const config::Address& address, Duration timeout) {
    const TimePoint give_up = BootClock::now() + timeout;
    while (true) {
        const Duration patience =
            std::clamp<Duration>(give_up - BootClock::now(), pause_between, local_patience);
        const auto answer = get_local(address, "/readyz", patience);
        const auto* const failure = std::get_if<LocalFailure>(&answer);
        if (failure == nullptr)
            return exit_fine;
        const Duration left = give_up - BootClock::now();
        if (left <= Duration::zero()) {
            complain("not ready after " + format_duration(timeout) + ": " + in_words(*failure, address));
            return exit_unavailable;
        }
        std::this_thread::sleep_for(std::min(left, pause_between));
    }
}

} // namespace

int wait_command(const std::string& file, Duration timeout) {
    const auto settings = load_without_secrets(file, "admin.address");
    if (!settings)
        return exit_bad_configuration;
    const auto& address = settings->admin.address;
    if (!address) {
        complain("the admin listener is off (admin.address in " + file +
                 "), so nothing can tell when bearerd is ready");
        return exit_bad_configuration;
    }
    return wait_for(*address, timeout);
}

} // namespace bearerd::app
