#pragma once

#include <bearerd/server/handler.hpp>

#include <cstddef>
#include <cstdint>

namespace bearerd::server::test {

/// The app's connection as a handler sees it.
class FakeWatcher final : public AppWatcher {
public:
    std::size_t gone_at_look = SIZE_MAX; ///< the first look, from 1, that finds the app gone
    bool gone_at_once = false;           ///< what note_end() finds
    std::size_t looks = 0;
    std::size_t notes = 0;
    SendGate* own_gate = nullptr;

    bool note_end() noexcept override {
        ++notes;
        return gone_at_once;
    }

    bool is_gone() noexcept override { return ++looks >= gone_at_look; }

    SendGate* gate() noexcept override { return own_gate; }
};

} // namespace bearerd::server::test
