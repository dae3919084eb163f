#pragma once

#include <bearerd/auth/token.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What is stored, as plain bytes before sealing and after. Pure.
namespace bearerd::auth {

/// A moment that can be recovered after a restart: by the boot clock within the same boot, which neither a
/// changed wall clock nor suspend upsets; by the wall clock across boots, because there is nothing else.
struct StoredMoment {
    std::int64_t wall_s = 0;  ///< seconds since the epoch
    std::int64_t boot_ns = 0; ///< BootClock
    std::string boot_id;      ///< /proc/sys/kernel/random/boot_id; empty: unknown

    /// Returns the present moment. I/O: reads the clocks and the boot id.
    [[nodiscard]] static StoredMoment take();
};

/// Returns the moment `age` before this one. One before the boot has only the wall clock's time.
[[nodiscard]] StoredMoment earlier(StoredMoment moment, Duration age);

/// Returns the time from `then` to `now`; nullopt if `then` seems to be in the future, because a clock is
/// wrong then.
[[nodiscard]] std::optional<Duration> elapsed(const StoredMoment& then, const StoredMoment& now) noexcept;

/// The stored token.
struct TokenRecord {
    StoredMoment received;
    Duration life{}; ///< from receipt
    Secret token;
    Claims login; ///< the identity that the login's token named
};

/// What keeps a restart loop from locking the account (contract 3.8).
struct LoginRecord {
    std::uint32_t rejections = 0; ///< in a row; 0 once a login succeeded
    StoredMoment failed;
    Duration backoff{}; ///< from `failed`
};

/// The refresh token that has not been used yet. Empty: none, or it was used.
struct RefreshRecord {
    Secret token;
};

[[nodiscard]] Secret encode(const TokenRecord& record);
[[nodiscard]] Secret encode(const LoginRecord& record);
[[nodiscard]] Secret encode(const RefreshRecord& record);

/// Each returns nullopt for bytes that encode() does not make. Throws only if memory runs out.
[[nodiscard]] std::optional<TokenRecord> decode_token_record(std::string_view bytes);
[[nodiscard]] std::optional<LoginRecord> decode_login_record(std::string_view bytes);
[[nodiscard]] std::optional<RefreshRecord> decode_refresh_record(std::string_view bytes);

} // namespace bearerd::auth
