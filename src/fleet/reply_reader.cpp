#include "reply_reader.hpp"

#include <hiredis/read.h>

#include <exception>
#include <new>
#include <utility>

namespace bearerd::fleet {
namespace {

/// What the callbacks of one reader share.
struct Counting {
    std::size_t places = 0; ///< in all lists of the answer that is being read
};

/// Puts a value in its place: the root, or the place that its list has for it. hiredis is C, so nothing may
/// throw: nullptr makes it report a failure. The list's places exist already, so they stay where they are.
Value* place(const redisReadTask* task, Value&& value) noexcept {
    try {
        if (task->parent == nullptr)
            return new Value{std::move(value)};
        auto& list = static_cast<Value*>(task->parent->obj)->list;
        const auto index = static_cast<std::size_t>(task->idx);
        if (index >= list.size())
            return nullptr;
        list[index] = std::move(value);
        return &list[index];
    } catch (const std::exception&) { // no memory
        return nullptr;
    }
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
    try {
        Value value;
        value.kind = task->type == REDIS_REPLY_ERROR ? Value::Kind::error : Value::Kind::text;
        value.text.assign(text, size);
        return place(task, std::move(value));
    } catch (const std::exception&) {
        return nullptr;
    }
}

/// The size is an int or a size_t, depending on the version of hiredis.
template<class Size>
void* create_array(const redisReadTask* task, Size size) {
    try {
        std::size_t depth = 1; // bounded by hiredis before version 1 only
        for (const redisReadTask* list = task->parent; list != nullptr; list = list->parent)
            ++depth;
        if (depth > max_reply_depth)
            return nullptr;
        auto& counting = *static_cast<Counting*>(task->privdata);
        const auto elements = static_cast<std::size_t>(size);
        if (elements > max_reply_values - counting.places)
            return nullptr;
        counting.places += elements;
        Value value;
        value.kind = Value::Kind::list;
        value.list.resize(elements);
        return place(task, std::move(value));
    } catch (const std::exception&) {
        return nullptr;
    }
}

void* create_integer(const redisReadTask* task, long long number) noexcept {
    Value value;
    value.kind = Value::Kind::integer;
    value.integer = number;
    return place(task, std::move(value));
}

void* create_nil(const redisReadTask* task) noexcept {
    return place(task, Value{});
}

void free_object(void* root) noexcept {
    delete static_cast<Value*>(root);
}

redisReplyObjectFunctions functions() noexcept {
    redisReplyObjectFunctions result{};
    result.createString = create_string;
    result.createArray = create_array;
    result.createInteger = create_integer;
    result.createNil = create_nil;
#if defined(REDIS_REPLY_DOUBLE) // types of RESP 3, which we never ask for: a failure, as any other flaw
    result.createDouble = [](const redisReadTask*, double, char*, std::size_t) -> void* { return nullptr; };
    result.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
#endif
    result.freeObject = free_object;
    return result;
}

struct FreeReader {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

} // namespace

std::string wire_text(const Command& command) {
    constexpr std::size_t head = 16; // of each part, or more
    std::size_t size = head;
    for (const std::string& part : command)
        size += head + part.size();
    std::string text;
    text.reserve(size);
    text.append("*").append(std::to_string(command.size())).append("\r\n");
    for (const std::string& part : command)
        text.append("$").append(std::to_string(part.size())).append("\r\n").append(part).append("\r\n");
    return text;
}

struct ReplyReader::Parser {
    Parser() : reader{redisReaderCreateWithFunctions(&table)} {
        if (!reader)
            throw std::bad_alloc{};
        reader->privdata = &counting;
    }

    redisReplyObjectFunctions table = functions();
    Counting counting;
    std::unique_ptr<redisReader, FreeReader> reader;
};

ReplyReader::ReplyReader() : parser_{std::make_unique<Parser>()} {}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
    fed_ += bytes.size();
    if (!broken_)
        broken_ = redisReaderFeed(parser_->reader.get(), bytes.data(), bytes.size()) != REDIS_OK;
}

std::optional<Value> ReplyReader::next() {
    if (broken_)
        return std::nullopt;
    void* object = nullptr;
    if (redisReaderGetReply(parser_->reader.get(), &object) != REDIS_OK) {
        broken_ = true;
        return std::nullopt;
    }
    if (object == nullptr) {
        broken_ = fed_ > max_reply_size;
        return std::nullopt;
    }
    const std::unique_ptr<Value> value{static_cast<Value*>(object)};
    parser_->counting.places = 0;
    fed_ = 0;
    return std::move(*value);
}

} // namespace bearerd::fleet
