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

    /// What the clocks say now (I/O: reads the clocks and the boot id).
    [[nodiscard]] static StoredMoment take();
};

/// The moment that was `age` before this one. Before the boot only the wall clock has it.
[[nodiscard]] StoredMoment earlier(StoredMoment moment, Duration age);

/// From `then` to `now`; nothing where `then` seems to lie in the future, so that a clock is wrong.
[[nodiscard]] std::optional<Duration> elapsed(const StoredMoment& then, const StoredMoment& now) noexcept;

/// The stored token.
struct TokenRecord {
    StoredMoment received;
    Duration life{}; ///< from receipt on
    Secret token;
    Claims login; ///< the identity that the login's token named
};

/// What keeps a restart loop from locking the account (contract 3.8).
struct LoginRecord {
    std::uint32_t rejections = 0; ///< in a row; 0 once a login succeeded
    StoredMoment failed;
    Duration backoff{}; ///< from `failed` on
};

/// The refresh token that has not been used yet. Empty: none, or it was used.
struct RefreshRecord {
    Secret token;
};

[[nodiscard]] Secret encode(const TokenRecord& record);
[[nodiscard]] Secret encode(const LoginRecord& record);
[[nodiscard]] Secret encode(const RefreshRecord& record);

/// Nothing for bytes that encode() does not make. Never throw but for lack of memory.
[[nodiscard]] std::optional<TokenRecord> decode_token_record(std::string_view bytes);
[[nodiscard]] std::optional<LoginRecord> decode_login_record(std::string_view bytes);
[[nodiscard]] std::optional<RefreshRecord> decode_refresh_record(std::string_view bytes);

} // namespace bearerd::auth
