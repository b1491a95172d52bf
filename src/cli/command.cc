#include "cli/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/text_width.h"

namespace qvdhouse::cli {
namespace {

constexpr std::size_t kTextColumns = 80 - kNameColumns;

std::string wrapped(std::string_view text) {
  return fmt::format("{}", fmt::join(wrap(text, kTextColumns), "\n"));
}

// As CLI11 prints an option.
std::string help_of(const config::Setting& setting) {
  std::string name = fmt::format("  {} {}", setting.flag, setting.value_name);
  if (name.size() >= kNameColumns) name += "\n" + std::string(kNameColumns, ' ');
  std::string text;
  for (const std::string& line :
       wrap(fmt::format("{} [{}]", setting.help, setting.env), kTextColumns)) {
    text += fmt::format("{:<{}}{}\n", text.empty() ? name : "", kNameColumns, line);
  }
  return text;
}

std::string footer_of(const Command& command) {
  if (!command.footer.empty()) return std::string(command.footer);
  std::string text;
  for (const Topic topic : command.topics) {
    std::string flags;
    for (const config::Setting& setting : config::settings_table()) {
      if (setting.topic == topic && !setting.flag.empty()) flags += help_of(setting);
    }
    if (!flags.empty()) text += fmt::format("{}:\n{}\n", config::title_of(topic), flags);
  }
  return fmt::format(
      "{}Example:\n  {}\n\nEvery setting goes with every command: as a flag, as the variable in "
      "brackets, or in\nqvdhouse.toml. All are explained in docs/configuration.md.",
      text, command.example);
}

CommandNode describe(const CLI::App& app) {
  CommandNode node{.name = app.get_name(), .help = app.get_description()};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // left out of --help too
    std::vector<std::string> names;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : names) {
      node.flags.push_back(name);
      if (option->get_expected_max() > 0) node.value_flags.push_back(name);
    }
  }
  return node;
}

bool is_setting(const std::string& flag) {
  return std::ranges::any_of(config::settings_table(),
                             [&](const config::Setting& setting) { return setting.flag == flag; });
}

std::vector<OptionNode> describe_options(const CLI::App& app) {
  std::vector<OptionNode> options;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionNode node{.names = {}, .value_name = option->get_type_name(), .help = {}};
    for (const std::string& name : option->get_snames()) node.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) node.names.push_back("--" + name);
    if (node.names.empty()) node.names.push_back(option->get_name());
    if (is_setting(node.names.back())) continue;
    for (const char c : option->get_description()) node.help += c == '\n' ? ' ' : c;
    options.push_back(std::move(node));
  }
  return options;
}

}  // namespace

CLI::Option* Options::file(const std::string& names, std::string& path, const std::string& help,
                           const std::string& value_name) {
  static const CLI::Validator kIsNamed(
      [](const std::string& text) {
        return text.empty() ? std::string("expected the name of a file, found nothing") : "";
      },
      "", "named");
  return option(names, path, value_name, wrapped(help))->check(kIsNamed);
}

void Options::locked(std::string& path) {
  file("--locked", path,
       "load nothing, and exit with 3, when a table would differ from this schema lock");
}

void Options::window(AskedFiles& asked, const std::string& who) {
  // A variable that is not set must not mean all files.
  static const CLI::Validator kIsThere(
      [](const std::string& text) {
        return text.empty() ? std::string("expected a text, found nothing") : "";
      },
      "", "there");
  option("--since", asked.window.since, "TIME",
         wrapped(who + "only files of this time and later: 2024, 2024-05, 2024-05-06, "
                       "2024-05-06T07:08, or 2d for the last two days"))
      ->check(kIsThere);
  option("--until", asked.window.until, "TIME",
         wrapped(who + "only files up to this time, all of it included"))
      ->check(kIsThere);
  option("--by", asked.window.by, "WHICH",
         wrapped(who + "which time of a file that is: modified (default), created (by its header), "
                       "or a part of its name, such as month where match has {month}"))
      ->check(kIsThere);
}

void Options::choice(AskedFiles& asked) {
  window(asked, "");
  option("--limit", asked.limit, "N", wrapped("load at most so many files of a source"))
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""));
}

void Options::source() {
  app_.add_option_function<std::string>(
          "SOURCE",
          [&arguments = arguments_](const std::string& value) {
            arguments.settings.flags["source"] = value;
            arguments.settings.flag_names["source"] = "the command line";
          },
          wrapped(
              "folder, file, glob, archive (zip, tar), URL, or name of a [source.NAME] (default: "
              "all that are configured)"))
      ->type_name("");
}

void Options::setting(const std::string& flags, const std::string& key,
                      const std::string& value_name, const std::string& help) {
  app_.add_option_function<std::string>(
          flags,
          [&arguments = arguments_, flags, key](const std::string& value) {
            arguments.settings.flags[key] = value;
            arguments.settings.flag_names[key] = flags;
          },
          wrapped(help))
      ->type_name(value_name)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

Options CommandLine::begin(Command& command) {
  CLI::App* app = app_.add_subcommand(std::string(command.name), std::string(command.help));
  app->footer([&command] { return footer_of(command); });
  return {*app, arguments_, command};
}

CommandTree CommandLine::tree() const {
  CommandTree tree{describe(app_), {}};
  tree.global.options = describe_options(app_);
  const std::vector<std::string>& global = tree.global.flags;
  for (const Command& command : commands_) {
    const CLI::App& app = *app_.get_subcommand(std::string(command.name));
    CommandNode& node = tree.commands.emplace_back(describe(app));
    const auto is_global = [&](const std::string& flag) {
      return std::ranges::find(global, flag) != global.end();
    };
    std::erase_if(node.flags, is_global);
    node.example = command.example;
    node.options = describe_options(app);
    std::erase_if(node.options,
                  [&](const OptionNode& option) { return is_global(option.names.back()); });
  }
  return tree;
}

std::string CommandLine::help() const {
  std::string text = app_.get_description() + "\nUsage: qvdhouse COMMAND [OPTIONS]\n";
  std::string_view task;
  for (const Command& command : commands_) {
    if (command.task != task) text += fmt::format("{}:\n", command.task);
    task = command.task;
    text += fmt::format("  {:<12}{}\n", command.name, command.help);
  }
  return text +
         "With every command:\n"
         "  -h, --help     its options, its settings and an example; also: help COMMAND\n"
         "  -V, --version  print the version\n"
         "  --config FILE  a settings file instead of ./qvdhouse.toml\n"
         "  -q, --quiet    no progress, and only errors are logged\n"
         "  -v, --verbose  print more details\n"
         "Settings are flags, variables or lines of qvdhouse.toml: `qvdhouse config` shows\n"
         "those in effect, docs/configuration.md explains all. Exit codes: docs/commands.md\n";
}

int print_text(const PrintedText& printed, const Context&) {
  print(printed.text);
  return kOk;
}

}  // namespace qvdhouse::cli
