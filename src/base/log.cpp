#include <bearerd/base/log.hpp>

#include <atomic>

namespace bearerd::log {
namespace {

std::atomic<Sink*> installed{nullptr};
std::atomic<Level> lowest_level{Level::info};

} // namespace

void install(Sink* sink, Level lowest) noexcept {
    lowest_level.store(lowest, std::memory_order_relaxed);
    installed.store(sink, std::memory_order_release);
}

void write(Level level, std::string_view message, std::span<const Field> fields) noexcept {
    if (level < lowest_level.load(std::memory_order_relaxed))
        return;
    if (Sink* sink = installed.load(std::memory_order_acquire))
        sink->write(level, message, fields);
}

void debug(std::string_view message, std::initializer_list<Field> fields) noexcept {
    write(Level::debug, message, {fields.begin(), fields.size()});
}

void info(std::string_view message, std::initializer_list<Field> fields) noexcept {
    write(Level::info, message, {fields.begin(), fields.size()});
}

void warning(std::string_view message, std::initializer_list<Field> fields) noexcept {
    write(Level::warning, message, {fields.begin(), fields.size()});
}

void error(std::string_view message, std::initializer_list<Field> fields) noexcept {
    write(Level::error, message, {fields.begin(), fields.size()});
}

} // namespace bearerd::log
