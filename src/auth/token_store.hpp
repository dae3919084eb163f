#pragma once

#include "store_writer.hpp"
#include "token_machine.hpp"

#include <bearerd/base/stats.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/net/task.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace bearerd::auth {

class TokenCore;

/// What is kept for the next process: the token store that the settings name, if any, and the refresh token
/// that nobody has used. A part of the core, whose lock guards it; only stop() and close() are called without
/// it. First thread only, except save_token().
class TokenStore {
public:
    /// `machine` is the core's: what is saved of the token and of rejected logins is read from it. `reading`
    /// is called as StoreWriter::Events::reading.
    TokenStore(TokenCore& core, const TokenMachine& machine, net::Executor first, Stats& stats,
               std::function<void()> reading);

    /// Opens the store if the settings name one. TokenCore::on_found() or on_slow_store() follows.
    void open(const config::Settings& settings, const config::Credentials& credentials);

    [[nodiscard]] bool is_open() const noexcept { return writer_ != nullptr; }

    /// Returns whether the content of this reading is still awaited.
    [[nodiscard]] bool awaits(std::uint64_t reading) const noexcept { return reading == reading_; }

    /// The content of the store is known, or not awaited any more.
    void end_reading();

    /// Returns whether other credentials came after open(), so that its content is not for the present ones.
    [[nodiscard]] bool is_foreign() const noexcept { return is_foreign_; }

    /// Takes the settings and credentials of a reload. Returns the writer that is no longer needed; its
    /// destructor may take a while.
    [[nodiscard]] std::unique_ptr<StoreWriter> change(const config::Settings& before,
                                                      const config::Settings& settings,
                                                      const config::Credentials& credentials,
                                                      bool same_credentials, TimePoint now);

    /// The password's file has a new password: what is saved from here on belongs to it.
    void rekey(const config::Settings& settings, const config::Credentials& credentials);

    void save_token(TimePoint now);
    void save_rejections(TimePoint now);
    void save_refresh_token();

    /// Replaces the refresh token; empty: the next renewal is a login.
    void set_refresh_token(Secret token) noexcept { refresh_token_ = std::move(token); }

    [[nodiscard]] Secret take_refresh_token() noexcept { return std::exchange(refresh_token_, {}); }

    /// Calls `report` with whether the token, which is marked as used from then on, may be sent. On any
    /// thread.
    void mark_refresh_token(Secret token, std::function<void(bool is_ours)> report);

    void stop();
    /// Call after stop(): releases the first thread's io_context. The writer remains until take_writer().
    void close();

    [[nodiscard]] std::unique_ptr<StoreWriter> take_writer() noexcept { return std::move(writer_); }

private:
    TokenCore& core_;
    const TokenMachine& machine_;
    const net::Executor first_;
    Stats& stats_;
    const std::function<void()> on_reading_;
    std::optional<net::Timer> timer_; ///< of a reading; the first thread's, until close()
    std::unique_ptr<StoreWriter> writer_;
    bool is_foreign_ = false;
    std::uint64_t readings_ = 0; ///< stores that were opened
    std::uint64_t reading_ = 0;  ///< the number of the one whose content is awaited; 0: none is
    Secret refresh_token_;       ///< not used yet; empty: the next renewal is a login
};

} // namespace bearerd::auth
