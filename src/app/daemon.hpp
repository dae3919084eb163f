#pragma once

#include "log_sink.hpp"

#include <bearerd/config/parse.hpp>

#include <string>

namespace bearerd::app {

/// Logs the configuration's warnings and serves until a signal ends it. `config_file` is read again on
/// SIGHUP. Returns the exit status of contract 6; throws std::exception only for bugs and lack of memory.
[[nodiscard]] int run_daemon(config::ValidConfig config, const std::string& config_file, LogSink& log);

} // namespace bearerd::app
