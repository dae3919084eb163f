#include <bearerd/base/descriptor.hpp>

#include <unistd.h>

namespace bearerd {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        reset();
        value_ = other.release();
    }
    return *this;
}

void Descriptor::reset() noexcept {
    if (is_open())
        ::close(release());
}

} // namespace bearerd
