// What a command is made of: its place in --help, its options, and what it does. One file each,
// command_NAME.cc: a plain struct of arguments, a function that runs it and returns the exit code,
// and add_NAME(), which commands.h lists.
#pragma once

#include <CLI/CLI.hpp>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "config/setting.h"

namespace qvdhouse::cli {

using config::Topic;

// The tasks by which `qvdhouse --help` groups the commands.
inline constexpr std::string_view kLoading = "Load";
inline constexpr std::string_view kFiles = "Look at files";
inline constexpr std::string_view kTables = "Look at tables";
inline constexpr std::string_view kService = "Steer the service";
inline constexpr std::string_view kSetup = "Set up";

// Of --help: the names of options stand in these columns, what they do in the others of 80.
inline constexpr std::size_t kNameColumns = 28;

struct Command {
  std::string_view name;
  std::string_view task;  // one of the above
  std::string_view help;  // one clause
  std::string_view example = "";
  std::string_view footer = "";    // instead of example and settings
  std::vector<Topic> topics = {};  // settings whose flags its own --help shows
  bool needs_config = true;        // as in Arguments
  bool is_service = false;
};

// One command, while it is added: its options, and what --help says of it.
class Options {
 public:
  Options(CLI::App& app, Arguments& arguments, Command& command)
      : app_(app), arguments_(arguments), command_(command) {}

  CLI::App* operator->() { return &app_; }

  void example(std::string_view call) { command_.example = call; }
  void footer(std::string_view text) { command_.footer = text; }
  void settings(std::vector<Topic> topics) { command_.topics = std::move(topics); }
  void needs_no_config() { command_.needs_config = false; }
  void is_service() { command_.is_service = true; }

  CLI::Option* flag(const std::string& names, bool& value, const std::string& help) {
    return app_.add_flag(names, value, help);
  }
  // `value_name` is empty for a positional argument.
  template <class T>
  CLI::Option* option(const std::string& names, T& value, const std::string& value_name,
                      const std::string& help) {
    return app_.add_option(names, value, help)->type_name(value_name);
  }
  // The path of a file: a variable that is not set must not switch off what names a file by it.
  CLI::Option* file(const std::string& names, std::string& path, const std::string& help,
                    const std::string& value_name = "FILE");
  void json(bool& value) { flag("--json", value, "print JSON"); }
  // --since, --until and --by; `who` begins what --help says of them.
  void window(AskedFiles& asked, const std::string& who);
  // The same and --limit.
  void choice(AskedFiles& asked);
  void verbose() { flag("-v,--verbose", arguments_.verbose, "print more details"); }
  void locked(std::string& path);
  // [SOURCE]: a setting too, so it goes where the settings go.
  void source();
  // A setting under the name that the original's command line had for it.
  void setting(const std::string& flags, const std::string& key, const std::string& value_name,
               const std::string& help);

 private:
  CLI::App& app_;
  Arguments& arguments_;
  Command& command_;
};

struct OptionNode {
  std::vector<std::string> names;  // "--json", "-v"; "SOURCE" when it is positional
  std::string value_name;
  std::string help;
};

struct CommandNode {
  std::string name;
  std::string help;
  std::string example;
  std::vector<OptionNode> options;       // without those that are settings
  std::vector<std::string> flags;        // "--json", "-v"
  std::vector<std::string> value_flags;  // those of `flags` that take a value
};

// The commands and what is understood before or after any of them.
struct CommandTree {
  CommandNode global;
  std::vector<CommandNode> commands;
};

// The script for bash, zsh or fish, to be sourced. Throws UsageError for another shell.
std::string completion_script(std::string_view shell, const CommandTree& tree);

// The arguments of a command that prints a text which is made while the command line is parsed,
// when all commands are known.
struct PrintedText {
  std::string text;
};
int print_text(const PrintedText& printed, const Context& context);

// The command line while it is put together.
class CommandLine {
 public:
  // Both must outlive it, and it must outlive what parses with `app`.
  CommandLine(CLI::App& app, Arguments& arguments) : app_(app), arguments_(arguments) {}

  template <class A>
  struct Added {
    Options options;
    A& arguments;  // for options to be bound to
  };
  // Adds a command; `run` gets what was parsed into the arguments, and returns the exit code.
  template <class A>
  Added<A> add(std::string_view name, std::string_view task, std::string_view help,
               int (*run)(const A&, const Context&)) {
    const auto own = std::make_shared<A>();
    Command& command = commands_.emplace_back(Command{.name = name, .task = task, .help = help});
    Options options = begin(command);
    options->callback([this, &command, own, run] {
      arguments_.needs_config = command.needs_config;
      arguments_.is_service = command.is_service;
      arguments_.command = [own, run](const Context& context) { return run(*own, context); };
    });
    return {options, *own};
  }

  // All commands that were added by now, for completion scripts and for what was mistyped.
  CommandTree tree() const;
  // The text of `qvdhouse --help`.
  std::string help() const;

 private:
  Options begin(Command& command);

  CLI::App& app_;
  Arguments& arguments_;
  std::deque<Command> commands_;  // never moved: options refer to them
};

}  // namespace qvdhouse::cli
