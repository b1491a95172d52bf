// What every command is given.
#pragma once

#include <spdlog/logger.h>

#include <stop_token>

#include "cli/config.h"
#include "cli/display.h"

namespace qvdhouse::cli {

struct Context {
  const Config& config;
  Display& display;     // standard error
  spdlog::logger& log;  // writes through display
  std::stop_token stop;
  bool quiet = false;
  bool verbose = false;
};

}  // namespace qvdhouse::cli
