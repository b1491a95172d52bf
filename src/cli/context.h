// What every command is given.
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <stop_token>

#include "cli/display.h"
#include "config/config.h"
#include "source/url.h"

namespace qvdhouse::cli {

using config::Config;
using config::ConfigSources;
using config::SourceSettings;
using source::masked_source;

struct Context {
  const Config& config;
  Display& display;     // standard error
  spdlog::logger& log;  // writes through display
  std::stop_token stop;
  const ConfigSources& sources;  // where the configuration was read, for reading it again
  // Calls it at each SIGHUP from now on, in a thread of its own.
  std::function<void(std::function<void()>)> on_reload;
  bool quiet = false;
  bool verbose = false;
};

}  // namespace qvdhouse::cli
