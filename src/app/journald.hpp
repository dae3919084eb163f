#pragma once

#include "log_text.hpp"

#include <bearerd/base/error.hpp>
#include <bearerd/base/log.hpp>
#include <bearerd/journal/files.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// The system journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram for each entry.
///
/// Not by sd_journal_sendv(): it reports success if the journal isn't there, so lost lines could not be
/// counted, and it waits without limit for a journal that hangs, so bearerd could not end.
namespace bearerd::app {

inline constexpr std::string_view journald_socket = "/run/systemd/journal/socket";

/// Returns the digit of syslog(3) and the journal for a level.
[[nodiscard]] char journald_priority(log::Level level) noexcept;

/// Appends an entry, with its size before it as JournaldSocket::send() requires. `text` is what `journalctl`
/// shows (MESSAGE); each field is added as BEARERD_ and its key in capitals, so that `journalctl
/// BEARERD_EXECUTED=unknown` finds it. Very long values are cut. Pure.
void append_journald_entry(LogBuffer& out, log::Level level, std::string_view text,
                           std::span<const log::Field> fields);

/// Sends entries to the journal. One thread at a time.
class JournaldSocket {
public:
    explicit JournaldSocket(std::string path) : path_{std::move(path)} {}

    /// Whether the journal is there.
    [[nodiscard]] error_code connect();

    /// Sends entries, one after the other, and returns how many were lost. Waits for a journal that is busy,
    /// but no longer than a second once `stop` is set. Connects again if the journal was restarted.
    [[nodiscard]] std::size_t send(std::string_view entries, const std::atomic<bool>& stop);

private:
    enum class Sent : std::uint8_t { yes, no, given_up };

    [[nodiscard]] Sent send_one(std::string_view entry, const std::atomic<bool>& stop);
    [[nodiscard]] bool wait_until_writable(const std::atomic<bool>& stop) const;

    std::string path_;
    Descriptor socket_;
};

} // namespace bearerd::app
