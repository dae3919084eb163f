#include <bearerd/base/secret.hpp>

#include <cstdint>
#include <cstring>

namespace bearerd {

void wipe(void* memory, std::size_t size) noexcept {
    ::explicit_bzero(memory, size);
}

void wipe(std::string& text) noexcept {
    // Bytes beyond size() may hold an earlier, longer value. Growing to the capacity never reallocates.
    text.resize(text.capacity());
    wipe(text.data(), text.size());
    text.clear();
}

Secret::Secret(std::string&& text) : bytes_{std::move(text)} {
    wipe(text); // NOLINT(bugprone-use-after-move): it is valid, and still holds what was copied
    if (bytes_.empty())
        wipe(bytes_); // it may still hold the bytes of an earlier, longer text
}

Secret::Secret(Secret&& other) noexcept : bytes_{std::move(other.bytes_)} {
    other.wipe_what_was_copied(bytes_.size());
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe_unless_blank();
        bytes_ = std::move(other.bytes_);
        other.wipe_what_was_copied(bytes_.size());
    }
    return *this;
}

/// Moving a short string copies it, so that its bytes would stay in the source. No string stores as many
/// bytes as its own size within itself.
void Secret::wipe_what_was_copied(std::size_t size) noexcept {
    if (size < sizeof(std::string))
        wipe(bytes_);
}

bool Secret::equals(const Secret& other) const noexcept {
    if (bytes_.size() != other.bytes_.size())
        return false;
    const char* mine = bytes_.data();
    const char* others = other.bytes_.data();
    std::size_t left = bytes_.size();
    std::uint64_t difference = 0;
    for (; left >= sizeof difference; left -= sizeof difference) {
        std::uint64_t a = 0;
        std::uint64_t b = 0;
        std::memcpy(&a, mine, sizeof a);
        std::memcpy(&b, others, sizeof b);
        difference |= a ^ b;
        mine += sizeof a;
        others += sizeof b;
    }
    for (; left != 0; --left)
        difference |= static_cast<unsigned char>(*mine++ ^ *others++);
    return difference == 0;
}

} // namespace bearerd
