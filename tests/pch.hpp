#pragma once

// What nearly every test reads, and what takes longest to read.
#include "../src/separate_compilation/pch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
