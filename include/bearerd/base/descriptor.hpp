#pragma once

#include <utility>

namespace bearerd {

/// A file descriptor with one owner, which closes it in the destructor.
class Descriptor {
public:
    Descriptor() noexcept = default;

    /// Takes ownership of `value`, which may be -1 if the system call that should open it failed.
    explicit Descriptor(int value) noexcept : value_{value} {}

    Descriptor(Descriptor&& other) noexcept : value_{other.release()} {}

    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    ~Descriptor() { reset(); }

    [[nodiscard]] bool is_open() const noexcept { return value_ >= 0; }

    [[nodiscard]] int get() const noexcept { return value_; }

    /// Returns the descriptor and gives up its ownership.
    [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }

    /// Closes it.
    void reset() noexcept;

private:
    int value_ = -1;
};

} // namespace bearerd
