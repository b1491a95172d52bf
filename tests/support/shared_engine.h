// The engine fixture that the rooms' own tests use, for the programs under tests/.
#pragma once

#include "clickhouse/test_engine.h"
