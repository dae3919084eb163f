#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bearerd {

/// Sixteen bytes that are compared at once, by the vector types of gcc and clang: SSE2 on x86-64, NEON on
/// arm64.
class Block {
public:
    static constexpr std::size_t size = 16;

    /// Which of the bytes something holds for: all bits of those, no bits of the others.
    class Mask {
    public:
        [[nodiscard]] bool none() const noexcept { return (halves_[0] | halves_[1]) == 0; }

        /// The first such byte; only where there is one.
        [[nodiscard]] std::size_t first() const noexcept {
            const std::size_t high = halves_[0] != 0 ? 0 : 1;
            const std::uint64_t half = halves_[high];
            const int zeros =
                std::endian::native == std::endian::little ? std::countr_zero(half) : std::countl_zero(half);
            return high * 8 + static_cast<std::size_t>(zeros) / 8;
        }

    private:
        friend class Block;
        std::uint64_t halves_[2];
    };

    using Bytes [[gnu::vector_size(16)]] = unsigned char;

    static Bytes load(const char* at) noexcept {
        Bytes bytes;
        std::memcpy(&bytes, at, size);
        return bytes;
    }

    /// Of what comparisons of Bytes give, joined by | and &.
    template<class Comparison>
    static Mask mask(Comparison comparison) noexcept {
        static_assert(sizeof comparison == size);
        Mask mask;
        std::memcpy(mask.halves_, &comparison, size);
        return mask;
    }
};

} // namespace bearerd
