#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace bearerd {

/// Sixteen bytes that are compared at once. Uses the vector types of gcc and clang: SSE2 on x86-64, NEON on
/// arm64.
class Bytes16 {
public:
    static constexpr std::size_t size = 16;

    /// The set of bytes for which a comparison holds.
    class Mask {
    public:
#ifdef __SSE2__
        [[nodiscard]] bool none() const noexcept { return bits_ == 0; }

        /// The index of the first such byte. Requires !none().
        [[nodiscard]] std::size_t first() const noexcept {
            return static_cast<std::size_t>(std::countr_zero(bits_));
        }

    private:
        friend class Bytes16;
        std::uint32_t bits_; ///< one bit per byte
#else
        [[nodiscard]] bool none() const noexcept { return (halves_[0] | halves_[1]) == 0; }

        [[nodiscard]] std::size_t first() const noexcept {
            const std::size_t high = halves_[0] != 0 ? 0 : 1;
            const std::uint64_t half = halves_[high];
            const int zeros =
                std::endian::native == std::endian::little ? std::countr_zero(half) : std::countl_zero(half);
            return high * 8 + static_cast<std::size_t>(zeros) / 8;
        }

    private:
        friend class Bytes16;
        std::uint64_t halves_[2]; ///< all bits of those bytes set, the bits of the others clear
#endif
    };

    /// Signed, because SSE2 compares signed bytes: a byte beyond ASCII is below 0.
    using Bytes [[gnu::vector_size(16)]] = signed char;

    static Bytes load(const char* at) noexcept {
        Bytes bytes;
        std::memcpy(&bytes, at, size);
        return bytes;
    }

    /// Makes a mask of the result of comparing Bytes; results may be joined by | and &.
    template<class Comparison>
    static Mask mask(Comparison comparison) noexcept {
        static_assert(sizeof comparison == size);
        Mask mask;
#ifdef __SSE2__
        mask.bits_ = static_cast<std::uint32_t>(_mm_movemask_epi8(reinterpret_cast<__m128i>(comparison)));
#else
        std::memcpy(mask.halves_, &comparison, size);
#endif
        return mask;
    }
};

/// Returns the first byte for which `holds` returns true, or `end`. `holds` takes sixteen bytes at a time as
/// Bytes16::Bytes, and the last ones one by one as signed char, so it joins its comparisons by | and &.
template<class Predicate>
inline const char* find_first(const char* at, const char* end, Predicate holds) noexcept {
    for (; static_cast<std::size_t>(end - at) >= Bytes16::size; at += Bytes16::size) {
        const auto found = Bytes16::mask(holds(Bytes16::load(at)));
        if (!found.none())
            return at + found.first();
    }
    while (at != end && !holds(static_cast<signed char>(*at)))
        ++at;
    return at;
}

/// The same in a text. Returns its size if there is no such byte.
template<class Predicate>
inline std::size_t find_first(std::string_view text, Predicate holds) noexcept {
    const char* const begin = text.data();
    return static_cast<std::size_t>(find_first(begin, begin + text.size(), holds) - begin);
}

/// The same for a byte and the one after it: `holds` takes both. The last byte is never found.
template<class Predicate>
inline const char* find_first_pair(const char* at, const char* end, Predicate holds) noexcept {
    for (; static_cast<std::size_t>(end - at) > Bytes16::size; at += Bytes16::size) {
        const auto found = Bytes16::mask(holds(Bytes16::load(at), Bytes16::load(at + 1)));
        if (!found.none())
            return at + found.first();
    }
    for (; end - at > 1; ++at)
        if (holds(static_cast<signed char>(at[0]), static_cast<signed char>(at[1])))
            return at;
    return end;
}

} // namespace bearerd
