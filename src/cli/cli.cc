#include "cli/cli.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/context.h"
#include "cli/display.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/stop_signals.h"
#include "config/config.h"
#include "serve/log_book.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

std::string json_line(std::string_view level, std::string_view text) {
  serve::LogLine line;
  line.at_us = sync::now_us();
  line.level = level;
  line.message = text;
  return to_json(line).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int run_command(int argc, char** argv, Display& display) {
  // What is asked for.
  const Parsed parsed = parse_arguments(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  hide_secrets(argc, argv);
  const Arguments& arguments = parsed.arguments;

  // The settings, from everywhere they may stand.
  Config config;
  ConfigSources sources = arguments.settings;
  sources.environment = config::process_environment();
  if (arguments.is_service && config::logs_json(sources)) display.say_as(&json_line);
  if (arguments.needs_config) config = config::load_config(sources);

  // What .env says to libraries that read the environment themselves; no thread is running yet.
  for (const auto& [name, value] : config.storage_variables) {
    setenv(name.c_str(), value.c_str(), 0);
  }

  // Logging: the flags -q and -v are short for a level.
  std::string level = config.log_level;
  if (arguments.verbose) level = "debug";
  if (arguments.quiet) level = "error";
  const auto log = make_logger(display, level);
  if (!arguments.is_service) {
    for (const std::string& warning : config.warnings) log->warn("{}", warning);
  }

  // The command, which Ctrl-C asks to stop.
  StopSignals signals([&] {
    display.message(
        "info", fmt::format("Stopping: what is open is {}rolled back. Ctrl-C again leaves at once.",
                            arguments.is_service ? "finished or " : ""));
  });
  const Context context{
      .config = config,
      .display = display,
      .log = *log,
      .stop = signals.token(),
      .sources = sources,
      .on_reload =
          [&signals](std::function<void()> reload) { signals.on_hangup(std::move(reload)); },
      .quiet = arguments.quiet,
      .verbose = arguments.verbose};
  const int exit_code = arguments.command(context);
  flush_output();
  return exit_code;
}

}  // namespace

int run(int argc, char** argv) {
  Display display;
  try {
    return run_command(argc, argv, display);
  } catch (const UsageError& error) {
    display.line(fmt::format("qvdhouse: {}. See qvdhouse --help", error.what()));
    return kUsage;
  } catch (const InitQvdError& error) {
    std::fflush(stdout);
    display.line(fmt::format("init_qvd: {}. See init_qvd --help", error.what()));
    return exit_code_of(error);
  } catch (const base::Cancelled&) {
    display.message("info", "qvdhouse: stopped");
    return kStopped;
  } catch (const std::exception& error) {
    // What was printed before the error belongs before it.
    std::fflush(stdout);
    const std::string text = fmt::format("qvdhouse: {}", base::message_of(error));
    display.message("error", text, has_lines(error) ? Display::Lines::kOwn : Display::Lines::kOne);
    return exit_code_of(error);
  }
}

std::string version() { return QVDHOUSE_VERSION; }

std::string commit() { return QVDHOUSE_COMMIT; }

}  // namespace qvdhouse::cli
