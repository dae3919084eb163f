#pragma once

#include "../../src/separate_compilation/pch.hpp"

#include <nlohmann/json.hpp>
