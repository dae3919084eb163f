#pragma once

// For tests of what does I/O: programs that link Asio.
#include "../src/separate_compilation/pch.hpp"
#include "pch.hpp"
