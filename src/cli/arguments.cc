#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/did_you_mean.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace qvdhouse::cli {
namespace {

// What every command takes: a few flags of its own, and the settings.
void add_global_options(CLI::App& app, Arguments& arguments) {
  app.set_help_flag("-h,--help", "print this help");
  app.add_option("--config", arguments.settings.config_file,
                 "a settings file instead of ./qvdhouse.toml")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", arguments.quiet, "no progress, and only errors are logged");
  app.add_flag("-v,--verbose", arguments.verbose, "print more details");
  for (const config::Setting& setting : config::settings_table()) {
    if (setting.flag.empty()) continue;
    const std::string flag(setting.flag);
    if (setting.value_name.empty()) {
      app.add_flag_callback(flag, [&arguments, key = std::string(setting.key)] {
        arguments.settings.flags[key] = "true";
      });
      continue;
    }
    const bool is_list = setting.shape == config::Shape::kList;
    app.add_option_function<std::vector<std::string>>(
           flag,
           [&arguments, key = std::string(setting.key)](const std::vector<std::string>& values) {
             // Lists add up; of other settings the last one given counts.
             arguments.settings.flags[key] = fmt::format("{}", fmt::join(values, ","));
           })
        ->expected(1)
        ->allow_extra_args(false)  // the word after the value is an argument of the command
        ->multi_option_policy(is_list ? CLI::MultiOptionPolicy::TakeAll
                                      : CLI::MultiOptionPolicy::TakeLast);
  }
}

// A message that names the slip: CLI11's own says only what was left over.
std::string usage_message(const CLI::App& app, const CLI::Error& error, const CommandTree& tree) {
  std::string message = error.what();
  // An unknown command comes as a command that is missing, with the word left over.
  const bool may_be_a_slip = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                             dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::vector<std::string> extras = app.remaining(true);
  if (!may_be_a_slip) return message;
  if (extras.empty()) return message;
  const std::string& word = extras.front();
  std::vector<std::string> known = tree.global.flags;
  const bool is_flag = word.starts_with('-');
  if (!is_flag) known.clear();
  for (const CommandNode& command : tree.commands) {
    if (!is_flag) {
      known.push_back(command.name);
    } else if (app.got_subcommand(command.name)) {
      known.insert(known.end(), command.flags.begin(), command.flags.end());
    }
  }
  return fmt::format("{} '{}' is not known{}", is_flag ? "the flag" : "the argument", word,
                     base::did_you_mean(word, known));
}

// "help" is "--help", "help COMMAND" is "COMMAND --help".
void help_to_flag(std::vector<std::string>& words, const CommandTree& tree) {
  words.erase(words.begin() + 1);
  words.emplace_back("--help");
  const std::string& name = words[1];
  if (name.starts_with('-')) return;
  std::vector<std::string> names;
  for (const CommandNode& command : tree.commands) names.push_back(command.name);
  if (std::ranges::find(names, name) != names.end()) return;
  throw UsageError(
      fmt::format("there is no command '{}'{}", name, base::did_you_mean(name, names)));
}

// --param_NAME=VALUE, as clickhouse-client has it, is --param NAME=VALUE.
void write_out_parameters(std::vector<std::string>& words) {
  constexpr std::string_view kPrefix = "--param_";
  for (std::string& word : words) {
    if (word == "--") return;
    if (word.starts_with(kPrefix)) word = "--param=" + word.substr(kPrefix.size());
  }
}

}  // namespace

Parsed parse_arguments(int argc, const char* const* argv) {
  Parsed parsed;
  // Callbacks and commands refer to it, so it must not move before parsing is over.
  Arguments arguments;
  CLI::App app("QVD files become ClickHouse tables, every cell accounted for.", "qvdhouse");
  app.fallthrough();
  app.require_subcommand(1);
  app.get_formatter()->column_width(kNameColumns);
  add_global_options(app, arguments);
  app.set_version_flag("-V,--version", "qvdhouse " + version(), "print the version");
  CommandLine line(app, arguments);
  for (AddCommand* add : kCommands) add(line);
  std::vector<std::string> words = whole_words(argc, argv);
  if (words.size() > 1 && words[1] == "help") help_to_flag(words, line.tree());
  write_out_parameters(words);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::Success& asked_for) {
    const bool is_help = dynamic_cast<const CLI::CallForVersion*>(&asked_for) == nullptr;
    if (is_help && app.get_subcommands().empty()) {
      print(line.help());
    } else {
      app.exit(asked_for);
    }
    parsed.exit_code = kOk;
    return parsed;
  } catch (const CLI::ParseError& error) {
    const std::string message = usage_message(app, error, line.tree());
    if (app.got_subcommand(std::string(kInitQvdCommand))) throw InitQvdError(message);
    throw UsageError(message);
  }
  parsed.arguments = std::move(arguments);
  return parsed;
}

void hide_secrets(int argc, char** argv) {
  const auto overwrite = [](char* text) { std::memset(text, '*', std::strlen(text)); };
  // The same words, or one more in front, but that flags are written out in them.
  const std::vector<std::string> words = whole_words(argc, argv);
  const std::size_t added = words.size() - static_cast<std::size_t>(argc);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string& whole = words[static_cast<std::size_t>(i) + added];
    const std::size_t equals = word.find('=');
    const std::string flag = whole.substr(0, whole.find('='));
    for (const config::Setting& setting : config::settings_table()) {
      if (!setting.is(config::kSecret) || setting.flag.empty() || flag != setting.flag) continue;
      if (equals != std::string_view::npos) {
        overwrite(argv[i] + equals + 1);
      } else if (i + 1 < argc) {
        overwrite(argv[i + 1]);
      }
    }
    if (masked_source(word) != word) overwrite(argv[i] + word.find("://") + 3);
  }
}

}  // namespace qvdhouse::cli
