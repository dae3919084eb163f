#include "store.hpp"

#include <bearerd/base/file.hpp>
#include <bearerd/journal/journal_client.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace bearerd::journal {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds long_ago = 30 * 24h;
constexpr Duration longest_wait_for_close = 60s;

error_code truncate_to(const Descriptor& file, std::uint64_t size) noexcept {
    return error_of(::ftruncate(file.get(), static_cast<off_t>(size)));
}

/// Returns all that is known about an entry, as records.
std::string text_of(const JournalEntry& entry) {
    std::string text = encode(entry.intent);
    if (entry.outcome)
        text += encode(*entry.outcome);
    if (entry.close)
        text += encode(*entry.close);
    if (entry.heard)
        text += encode(Heard{entry.intent.number, entry.intent.at_ms});
    return text;
}

/// Whether nobody waits for this close any more: its process ended before it could withdraw the request.
bool is_stale(const Close& close) {
    if (close.boot.empty())
        return false;
    const Uptime now = uptime();
    if (close.boot == now.boot)
        return std::chrono::seconds{now.up_s - std::min(now.up_s, close.up_s)} > longest_wait_for_close;
    // Another start of the machine, or a shell that sees another boot id than a service does (in a container,
    // or in a sandbox without /proc/sys). What a person has asked for a moment ago counts all the same.
    return std::chrono::abs(std::chrono::milliseconds{wall_ms() - close.at_ms}) > longest_wait_for_close;
}

error_code sync_file(const Descriptor& file) noexcept {
    return error_of(::fdatasync(file.get()));
}

} // namespace

std::optional<std::string> Store::open() {
    auto folder = Folder::open_to_write(settings_.directory);
    held_ = !folder && folder.error() == boost::system::errc::operation_would_block;
    if (!folder)
        return held_ ? "another bearerd writes there" : folder.error().message();
    index_ = JournalIndex{JournalIndex::Keep::unresolved};
    if (const auto failure = read(*folder))
        return failure.message();
    const Start start{index_.next_number(), wall_ms()};
    const std::string line = encode(start);
    error_code failure = write_all(file_, line);
    if (!failure)
        failure = sync_file(file_);
    if (!failure)
        failure = folder->sync();
    if (failure)
        return failure.message();
    size_ += line.size();
    index_.take(Record{start});
    folder_ = std::move(*folder);
    return std::nullopt;
}

error_code Store::read(const Folder& folder) {
    const auto files = folder.list();
    if (!files)
        return files.error();
    damage_ = {};
    number_ = files->empty() ? 1 : files->back();
    size_ = 0;
    for (const std::uint64_t number : *files) {
        const auto bytes = folder.read(number);
        if (!bytes)
            return bytes.error();
        const Damage found = read_records(*bytes, [this](const Record& record) { index_.take(record); });
        damage_.records += found.records;
        damage_.torn_bytes += found.torn_bytes;
        size_ = bytes->size() - found.torn_bytes;
    }
    auto file = folder.open_file(number_);
    if (!file)
        return file.error();
    file_ = std::move(*file);
    begun_with_ = 0;
    spoiled_ = false;
    return truncate_to(file_, size_);
}

error_code Store::append(std::string_view bytes, const std::vector<Record>& records) {
    const bool full = size_ + bytes.size() > settings_.max_size / 2 && size_ > begun_with_;
    const bool removed = is_removed(file_);
    if (full || spoiled_ || removed) {
        if (const auto failure = begin_file())
            return failure;
        removals_ += removed ? 1 : 0;
    }
    if (const auto failure = write_all(file_, bytes)) {
        spoiled_ =
            truncate_to(file_, size_).failed(); // else half a record would stay in the middle of the file
        return failure;
    }
    size_ += bytes.size();
    for (const Record& record : records)
        index_.take(record);
    return {};
}

error_code Store::sync() {
    const auto failure = sync_file(file_);
    spoiled_ = spoiled_ || failure;
    return failure;
}

/// Begins a file with what is carried over. Removes the old files only when the new one is whole on the disk.
/// If the folder was removed, makes it again; fails if another one with a journal is there.
error_code Store::begin_file() {
    if (folder_->is_removed()) {
        auto folder = Folder::open_to_write(settings_.directory);
        if (!folder)
            return folder.error();
        const auto files = folder->list();
        if (!files)
            return files.error();
        if (!files->empty())
            return error_code{EEXIST, boost::system::generic_category()};
        folder_ = std::move(*folder);
    }
    const std::uint64_t next = number_ + 1;
    auto file = folder_->open_file(next);
    if (!file)
        return file.error();
    const std::string bytes = carried();
    error_code failure = truncate_to(*file, 0);
    if (!failure)
        failure = write_all(*file, bytes);
    if (!failure)
        failure = sync_file(*file);
    if (!failure)
        failure = folder_->sync();
    if (failure) {
        [[maybe_unused]] const error_code stays = folder_->remove(next); // it would hold nothing wrong
        return failure;
    }
    file_ = std::move(*file);
    number_ = next;
    size_ = begun_with_ = bytes.size();
    spoiled_ = false;
    remove_old();
    return {};
}

std::vector<Close> Store::take_closes() const {
    std::vector<Close> closes;
    if (folder_)
        if (auto close = folder_->take_close_request(); close && !is_stale(*close))
            closes.push_back(std::move(*close));
    return closes;
}

/// Returns what the daemon still needs, as records; only the newest if it is too much.
std::string Store::carried() {
    std::string all = encode(index_.start());
    all += carried_unresolved();
    all += carried_resolved();
    return all;
}

/// Returns the guarded and unheard entries whose time is not over, as records.
std::string Store::carried_resolved() {
    const Uptime now = uptime();
    std::vector<std::pair<std::uint64_t, std::string>> texts;
    std::size_t size = 0;
    for (const auto& [number, entry] : index_.entries())
        if (!entry.unresolved())
            size += texts.emplace_back(number, text_of(entry)).second.size();
    std::string all;
    for (const auto& [number, text] : texts) {
        const JournalEntry& entry = index_.entries().at(number);
        // The guard forgets nothing that may not have been executed: its repeat would be sent.
        const bool has_end = !entry.guarded() || entry.executed() == outcome::Executed::yes;
        const bool over = has_end && age_of(entry, now, wall_ms()) >= settings_.remember;
        if (over || size > settings_.max_size / 8) {
            size -= text.size();
            forgotten_guarded_ += !over && entry.guarded() ? 1 : 0;
            index_.forget(number);
        } else {
            all += text;
        }
    }
    return all;
}

std::string Store::carried_unresolved() {
    std::vector<std::pair<std::uint64_t, std::string>> texts;
    std::size_t size = 0;
    for (const auto& [number, entry] : index_.entries())
        if (entry.unresolved())
            size += texts.emplace_back(number, text_of(entry)).second.size();
    std::string all;
    const std::int64_t old = wall_ms() - long_ago.count();
    for (const auto& [number, text] : texts) {
        if (size > settings_.max_size / 4) {
            size -= text.size();
            forgotten_ += index_.entries().at(number).intent.at_ms > old ? 1 : 0;
            index_.forget(number);
        } else {
            all += text;
        }
    }
    return all;
}

void Store::remove_old() const {
    const auto files = folder_->list();
    if (!files)
        return;
    for (const std::uint64_t file : *files) {
        if (file + 1 < number_) [[maybe_unused]]
            const error_code stays = folder_->remove(file); // it is removed the next time
    }
}

} // namespace bearerd::journal
