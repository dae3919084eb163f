#include <bearerd/fleet/store.hpp>

#include <utility>

namespace bearerd::fleet {

net::Task<std::vector<std::optional<Value>>> Store::call_all(std::vector<Command> commands, Duration within) {
    std::vector<std::optional<Value>> values;
    values.reserve(commands.size());
    for (Command& command : commands) {
        auto value = co_await call(std::move(command), within);
        values.push_back(std::move(value));
    }
    co_return values;
}

} // namespace bearerd::fleet
