#include <bearerd/journal/closing.hpp>

#include "store.hpp"

#include <chrono>
#include <thread>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr Duration look_every = 50ms;

/// Closes the entry in this process, which holds the folder's lock through `store`.
std::optional<std::string> write(Store& store, const Close& close) {
    const auto found = store.index().entries().find(close.number);
    if (found == store.index().entries().end() || !found->second.closable())
        return "it is not unresolved any more";
    error_code failure = store.append(encode(close), {close});
    if (!failure)
        failure = store.sync();
    return failure ? std::optional{failure.message()} : std::nullopt;
}

/// Returns whether the journal holds the close.
bool is_closed(const std::string& directory, std::uint64_t number) {
    const auto reading = read_journal(directory);
    if (!reading)
        return false;
    const auto found = reading->index.entries().find(number);
    return found != reading->index.entries().end() && found->second.close.has_value();
}

/// Asks the running daemon to close the entry. Returns nullopt if it was closed, else the reason why not.
std::optional<std::string> hand_over(const std::string& directory, const Close& close, TimePoint end) {
    const auto folder = Folder::open_to_read(directory);
    if (!folder)
        return folder.error().message();
    error_code failure = folder->request_close(close);
    while (failure == boost::system::errc::file_exists && BootClock::now() < end) { // another one waits
        std::this_thread::sleep_for(look_every);
        failure = folder->request_close(close);
    }
    if (failure)
        return failure.message();
    while (BootClock::now() < end) {
        if (!folder->has_close_request() && is_closed(directory, close.number))
            return std::nullopt;
        std::this_thread::sleep_for(look_every);
    }
    // A request left there would be applied later, after the person has learnt that it was not.
    if (!folder->withdraw_close(close) && is_closed(directory, close.number))
        return std::nullopt;
    return "the running bearerd did not take it in time; its log says why, if the disk has failed";
}

} // namespace

std::optional<std::string> close_entry(const Journal::Settings& settings, const Close& close,
                                       Duration patience) {
    const TimePoint end = BootClock::now() + patience;
    Store store{settings};
    const auto folder = Folder::open_to_read(settings.directory);
    if (!folder)
        return folder.error().message();
    if (!folder->is_written()) {
        if (auto why = store.open(); !why)
            return write(store, close);
    }
    return hand_over(settings.directory, close, end);
}

} // namespace bearerd::journal
