#pragma once

#include <boost/container/static_vector.hpp>

#include <cstddef>
#include <utility>

namespace bearerd {

/// Values that one owner has released, for the next one: an allocator would be asked on every request. Holds
/// at most `Capacity`, and needs no memory of its own. Not for more than one thread.
template<class T, std::size_t Capacity = 64>
class FreeList {
public:
    /// Returns the value that was kept last; one made by T's default constructor if none is left.
    [[nodiscard]] T take() noexcept {
        if (values_.empty())
            return T{};
        T value = std::move(values_.back());
        values_.pop_back();
        return value;
    }

    /// Keeps the value if fewer than `most` are kept already, and if there is room. Returns whether it did;
    /// otherwise the value is as it was.
    bool keep(T& value, std::size_t most = Capacity) noexcept {
        if (values_.size() >= most || values_.size() == Capacity)
            return false;
        values_.push_back(std::move(value));
        return true;
    }

    [[nodiscard]] bool empty() const noexcept { return values_.empty(); }

    void clear() noexcept { values_.clear(); }

private:
    boost::container::static_vector<T, Capacity> values_;
};

} // namespace bearerd
