#pragma once

#include <bearerd/net/task.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>

namespace bearerd::net {

/// What a group asks of a member during a shutdown.
class GroupMember
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    /// Phase one: end as soon as nothing is in flight.
    virtual void finish_soon() noexcept = 0;
    /// Phase two, at the end of the grace period: end now, but answer what was read.
    virtual void finish_now() noexcept = 0;

protected:
    GroupMember() = default;
    ~GroupMember() = default;
};

/// The live sessions of one thread, for a shutdown in two phases: ask, wait until none is left, force.
/// Members add themselves and leave when destroyed. The group must outlive them. One thread only.
class TaskGroup {
public:
    void add(GroupMember& member) { members_.push_back(member); }

    void finish_soon() noexcept {
        each([](GroupMember& member) { member.finish_soon(); });
    }

    void finish_now() noexcept {
        is_finishing_now_ = true;
        each([](GroupMember& member) { member.finish_now(); });
    }

    /// Whether finish_now() has been called: a member that adds itself after that is not asked to end.
    [[nodiscard]] bool is_finishing_now() const noexcept { return is_finishing_now_; }

    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }

private:
    template<class Function>
    void each(Function function) noexcept {
        // A member never leaves within the call: it only cancels its waits, and ends later from the loop.
        for (GroupMember& member : members_)
            function(member);
    }

    boost::intrusive::list<GroupMember, boost::intrusive::constant_time_size<false>> members_;
    bool is_finishing_now_ = false;
};

} // namespace bearerd::net
