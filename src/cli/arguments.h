// The command line, taken apart. The only code that knows CLI11 is arguments.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "decide/choice.h"

namespace qvdhouse::cli {

// Which files of a source sync and plan are asked for.
struct AskedFiles {
  bool full = false;  // also unchanged ones
  decide::ChoiceTexts window;
  std::uint64_t limit = 0;       // 0: none
  bool is_batch_awaited = true;  // as sync::Options has it
};

struct Arguments {
  // What to do; the command's own arguments are bound in it.
  std::function<int(const Context&)> command;
  // False for commands that must work whatever the settings say.
  bool needs_config = true;
  // True for the service, which lets open loads finish and says warnings in its own log.
  bool is_service = false;
  ConfigSources settings;  // those given as flags, and --config
  bool quiet = false;
  bool verbose = false;
};

// Parses the command line. Prints help or version itself when they are asked for and returns an
// exit code instead; a wrong command line is a UsageError.
struct Parsed {
  Arguments arguments;
  std::optional<int> exit_code;  // set: there is nothing to run
};
Parsed parse_arguments(int argc, const char* const* argv);

// The original's command line: `init_qvd FLAGS…`, a second name of this program, is `qvdhouse
// init-qvd FLAGS…`. docs/from-the-original.md lists what it takes.
inline constexpr std::string_view kInitQvdCommand = "init-qvd";

// The command line as qvdhouse takes it, program name first: the command is put in where the
// program was called by the name init_qvd (or init_qvd.py), and its flags that were cut short, as
// the original allowed (--gen), are written out.
std::vector<std::string> whole_words(int argc, const char* const* argv);

// Overwrites secrets in the command line itself, which every user of the machine can read while the
// process runs: values of secret settings, and URLs with user info or a query.
void hide_secrets(int argc, char** argv);

}  // namespace qvdhouse::cli
