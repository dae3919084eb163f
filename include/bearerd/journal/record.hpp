#pragma once

#include <bearerd/outcome/error_reply.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The text of the journal. One record per line: eight hex digits of CRC-32, a blank, a JSON object. Lines,
/// because reading can continue at the next line end after any damage, and because an operator can read them
/// with any tool; the checksum shows whether a record was torn by a crash or damaged later. Pure.
namespace bearerd::journal {

/// A root field of a mutation. The key is the only value of the app's that is ever written.
struct MutationField {
    std::string name;
    std::string argument; ///< the one that names the transaction, by a rule; empty if there is no rule
    std::string key;      ///< its value; empty if it can't be read
    [[nodiscard]] bool operator==(const MutationField&) const = default;
};

/// A mutation is about to be sent.
struct Intent {
    std::uint64_t number = 0; ///< from 1, incremented for each
    std::int64_t at_ms = 0;   ///< milliseconds since the epoch
    std::string request_id;
    std::string operation;               ///< its name; may be empty
    std::uint32_t account = 0;           ///< account_of(): where, and as whom
    std::vector<MutationField> fields{}; ///< empty if it can't be known what would run
    std::string trace_id{};              ///< of the app's traceparent; empty if there is none
    std::string fingerprint{}; ///< of its argument values, if a rule replays its repeats; else empty
    [[nodiscard]] bool operator==(const Intent&) const = default;
};

/// How an outcome was learnt.
enum class Source : std::uint8_t {
    answer,   ///< from the outcome of the exchange
    lookup,   ///< from a look-up while the app waited (`transactions.look_up_for`)
    recovery, ///< from a later look-up in the background
    repeat,   ///< the same transaction was executed by another request, whose entry says so
};

/// The outcome. Of several, the last one that is not `unknown` counts.
struct Outcome {
    std::uint64_t number = 0; ///< the intent's
    std::int64_t at_ms = 0;
    outcome::Executed executed = outcome::Executed::unknown;
    std::uint16_t status = 0; ///< as sent to the app; 0: the app was gone
    std::string code;         ///< as in the log: "ok", "outcome_unknown"
    Source source = Source::answer;
    bool nothing_ran = false; ///< `answered`, and the answer says that nothing was executed
    bool unheard = false;     ///< executed or unknown, but the app was gone before its answer was written
    /// When it was learnt, on a clock that nobody can set: the boot id, and the seconds since that boot.
    /// Empty and 0 in older records, and if no rule replays repeats.
    std::string boot{};
    std::uint64_t up_s = 0;
    [[nodiscard]] bool operator==(const Outcome&) const = default;
};

/// A person has closed an entry whose outcome was unknown.
struct Close {
    std::uint64_t number = 0; ///< the intent's
    std::int64_t at_ms = 0;
    outcome::Executed executed = outcome::Executed::unknown; ///< yes, no or unknown
    std::string user;
    std::string reason;
    std::string boot{}; ///< as an outcome's; empty and 0 in older records
    std::uint64_t up_s = 0;
    [[nodiscard]] bool operator==(const Close&) const = default;
};

/// The app of an unheard mutation has learnt of it by a repeat.
struct Heard {
    std::uint64_t number = 0; ///< the intent's
    std::int64_t at_ms = 0;
    [[nodiscard]] bool operator==(const Heard&) const = default;
};

/// A process began to write; intents from `number` on are its own.
struct Start {
    std::uint64_t number = 0;
    std::int64_t at_ms = 0;
    [[nodiscard]] bool operator==(const Start&) const = default;
};

using Record = std::variant<Intent, Outcome, Start, Close, Heard>;

/// The longest line that is read as a record: enough for 64 root fields with keys of 4096 bytes, all escaped.
inline constexpr std::size_t max_record = std::size_t{2} << 20U;
/// Longer request ids and names are shortened.
inline constexpr std::size_t max_text = 128;
/// A longer reason for a close is shortened.
inline constexpr std::size_t max_reason = 1024;

/// Returns a number that distinguishes accounts, so that after a change of the configuration no account is
/// asked about another one's transactions.
[[nodiscard]] std::uint32_t account_of(std::string_view upstream_url, std::string_view user);

/// Returns the record's line, including its end.
[[nodiscard]] std::string encode(const Record& record);

/// What reading left out.
struct Damage {
    std::size_t records = 0;    ///< lines that are not whole records
    std::size_t torn_bytes = 0; ///< after the last line end: a record that a crash cut off
    [[nodiscard]] bool operator==(const Damage&) const = default;
};

/// Calls `each` for each whole record, in order, whatever the bytes. Skips records of a later version. Throws
/// only if memory runs out, or if `each` throws.
Damage read_records(std::string_view bytes, const std::function<void(Record)>& each);

[[nodiscard]] std::string_view to_string(Source source) noexcept;

} // namespace bearerd::journal
