#include "shared_store.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <thread>

namespace bearerd::ledger {
namespace {

using namespace std::chrono_literals;

/// "2026-01-02T03:04:05.678Z warning …"
Interval::Clock::time_point time_of(std::string_view line) {
    std::tm parts{};
    int milliseconds = 0;
    const std::string text{line};
    const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S.", &parts);
    if (rest == nullptr)
        throw std::runtime_error{"a line of the log has no time: " + text};
    milliseconds = std::stoi(rest);
    return Interval::Clock::from_time_t(::timegm(&parts)) + std::chrono::milliseconds{milliseconds};
}

} // namespace

std::vector<StoreOutage> outages_in(std::string_view log) {
    std::vector<StoreOutage> outages;
    bool away = false;
    while (!log.empty()) {
        const std::string_view line = log.substr(0, log.find('\n'));
        log.remove_prefix(std::min(log.size(), line.size() + 1));
        const bool goes = line.find("the store of the fleet is away") != std::string_view::npos;
        const bool starts = line.find("info listening address=") != std::string_view::npos;
        const bool is_back = starts || line.find("the store of the fleet is back") != std::string_view::npos;
        if (goes && !away)
            outages.push_back({{time_of(line)}});
        else if (is_back && away)
            outages.back() = {{outages.back().time.begin, time_of(line)}, starts};
        away = goes || (away && !is_back);
    }
    return outages;
}

void SharedStore::disturb(std::uint64_t dice) {
    const auto some_time = std::chrono::milliseconds{100 + dice / 3 % 400};
    const auto begin = Interval::Clock::now();
    switch (dice % 3) {
    case 0:
        server_.pause();
        std::this_thread::sleep_for(some_time); // the length of the fault
        server_.resume();
        return;
    case 1:
        server_.kill();
        std::this_thread::sleep_for(some_time); // the same
        server_.start();
        break;
    default:
        if (keeps_all_)
            return;
        if (server_.command("FLUSHALL") != "+OK")
            throw std::runtime_error{"the store can't be emptied"};
    }
    if (!keeps_all_)
        losses_.push_back({begin, Interval::Clock::now()});
}

} // namespace bearerd::ledger
