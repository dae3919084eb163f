#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bearerd {

/// Overwrites memory in a way that the optimiser does not remove.
void wipe(void* memory, std::size_t size) noexcept;

/// Wipes a string's whole capacity, then clears it.
void wipe(std::string& text) noexcept;

/// A password, token or key (contract 3.10). It is wiped when destroyed or assigned over, copied only
/// explicitly (clone), and impossible to print: it has no stream operator and no conversion. In a review,
/// search for reveal(). Not thread safe while it is changed; any thread may read a const one.
class Secret {
public:
    Secret() noexcept = default;

    /// Takes the bytes and leaves `text` wiped and empty.
    explicit Secret(std::string&& text);

    /// Copies the bytes. The caller is responsible for wiping the source.
    explicit Secret(std::string_view text) : bytes_{text} {}

    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;

    ~Secret() { wipe_unless_blank(); }

    [[nodiscard]] Secret clone() const { return Secret{std::string_view{bytes_}}; }

    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

    /// Returns the bytes, valid until this object changes. Never pass the view to anything that logs.
    [[nodiscard]] std::string_view reveal() const noexcept { return bytes_; }

    /// Compares in a time that does not depend on where the two differ.
    [[nodiscard]] bool equals(const Secret& other) const noexcept;

private:
    /// Most secrets have been moved from and are blank when they are destroyed.
    void wipe_unless_blank() noexcept {
        if (!bytes_.empty())
            wipe(bytes_);
    }

    void wipe_what_was_copied(std::size_t size) noexcept;

    std::string bytes_; ///< when it is empty, its memory holds no remains either
};

} // namespace bearerd
