// qvdhouse init-qvd: what the original's init_qvd.py prints and asks, done by this program
// (docs/from-the-original.md). Its lines are read by scripts: keep their shape.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "models/data.h"
#include "models/render.h"
#include "sync/reset.h"

namespace qvdhouse::cli {
namespace {

constexpr std::array<std::string_view, 15> kInitQvdFlags = {
    "--list-files", "--generate-models", "--reset-state", "--source",  "--pattern",
    "--verbose",    "--output",          "--files",       "--exclude", "--overwrite",
    "--aws-key",    "--aws-secret",      "--state-file",  "--force",   "--help"};

// The flag that `word` ("--gen", "--pat=*.qvd") is the start of, when there is only one.
std::string whole_flag(const std::string& word) {
  const std::string_view name = std::string_view(word).substr(0, word.find('='));
  if (!name.starts_with("--") || name.size() == 2) return word;
  if (std::find(kInitQvdFlags.begin(), kInitQvdFlags.end(), name) != kInitQvdFlags.end()) {
    return word;
  }
  const auto begins = [&](std::string_view flag) { return flag.starts_with(name); };
  if (std::count_if(kInitQvdFlags.begin(), kInitQvdFlags.end(), begins) != 1) return word;
  const auto flag = std::find_if(kInitQvdFlags.begin(), kInitQvdFlags.end(), begins);
  return std::string(*flag) + word.substr(name.size());
}

bool is_called_init_qvd(const std::string& program) {
  const std::string name = std::filesystem::path(program).filename();
  return name == "init_qvd" || name == "init_qvd.py";
}

struct InitQvdArguments {
  bool list_files = false;
  bool generate_models = false;
  bool reset_state = false;
  std::string output = "app/ingest/qvd.py";  // of --generate-models
  bool overwrite = false;
  bool force = false;
  std::string state_file;  // has no effect
};

// How the original names a file: without folder and extension.
std::string stem_of(const std::string& file) {
  return printable(std::filesystem::path(file).stem().string());
}

void print_file_details(const source::FileEntry& file) {
  print(fmt::format("    Size: {} bytes\n", format_count(file.size)));
  if (file.mtime_us == 0) return;
  print(fmt::format("    Modified: {} UTC\n", format_time(file.mtime_us)));
}

void list_source(const OpenSource& source, const Context& context) {
  print(fmt::format("Listing QVD files from: {}\n", printable(source_title(source.settings))));
  std::vector<source::FileEntry> files =
      source.storage.list(source.settings.url, source.settings.selection);
  std::erase_if(files, [&](const source::FileEntry& file) {
    if (file.skip_reason.empty()) return false;
    context.log.info("{}: skipped, {}", file.name, file.skip_reason);
    return true;
  });
  print(fmt::format("\nFound {} QVD files:\n\n", files.size()));
  for (const source::FileEntry& file : files) {
    print(fmt::format("  - {}\n", stem_of(file.name)));
    if (context.verbose) print_file_details(file);
  }
}

int list_files(const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen("init-qvd --list-files --source", true);
  std::vector<int> failures;
  for (const OpenSource& source : chosen) {
    try {
      list_source(source, context);
    } catch (const base::Error& error) {
      if (chosen.size() == 1 || context.stop.stop_requested()) throw;
      std::fflush(stdout);
      context.log.error("{}: {}", source_title(source.settings), error.what());
      failures.push_back(exit_code_of(error));
    }
    if (chosen.size() > 1) print("\n");
  }
  if (failures.empty()) return kOk;
  return failures.size() < chosen.size() ? static_cast<int>(kPartial) : failures[0];
}

void print_model(const models::Table& table, const std::string& class_name) {
  std::vector<std::string> names;
  for (const std::string& file : table.files) names.push_back(stem_of(file));
  std::set<std::string_view> fields;
  for (const models::Column& column : table.columns) {
    if (!column.field.empty()) fields.insert(column.field);
  }
  print(fmt::format("  {}\n", fmt::join(names, ", ")));
  print(fmt::format("    → Class: {}\n", class_name));
  print(fmt::format("    → Table: {}\n", printable(table.definition.name)));
  print(fmt::format("    → Fields: {}\n", fields.size()));
  print(fmt::format("    → Rows: {}\n", format_count(table.record_count)));
}

void print_next_steps(const std::string& output) {
  print("\n✓ Model generation complete!\n");
  print("\nNext steps:\n");
  print(fmt::format("  1. Review generated models in {}\n", output));
  print("  2. Set QVD_SOURCE in the environment or in .env\n");
  print("  3. Run: qvdhouse serve\n");
}

int generate_models(const InitQvdArguments& arguments, const Context& context) {
  const std::string output = printable(arguments.output);
  check_output_is_new(arguments.output, arguments.overwrite);
  const std::string_view command = "init-qvd --generate-models --source";
  Sources sources(context);
  std::vector<std::string> titles;
  for (const OpenSource& source : sources.chosen(command, true)) {
    titles.push_back(printable(source_title(source.settings)));
  }
  print(fmt::format("Generating models from: {}\n", fmt::join(titles, ", ")));

  // The tables, as they would be made in an empty database.
  print("Introspecting QVD files...\n");
  std::fflush(stdout);  // what is wrong with files is logged below it
  const SourceModels found = read_models(command, context);
  const models::Json data = models::data_of(found.document);
  std::size_t file_count = 0;
  for (const models::Table& table : found.document.tables) file_count += table.files.size();
  print(fmt::format("Found {} files to process\n\n", file_count));
  for (std::size_t i = 0; i < found.document.tables.size(); ++i) {
    print_model(found.document.tables[i],
                data.at("tables").at(i).at("name").at("python_identifier").get<std::string>());
  }

  if (file_count == 0) return found.exit_code;  // why was logged

  // The models of them.
  print(fmt::format("\nGenerating models to: {}\n", output));
  const models::Format& format = *models::find_format("moose");
  base::write_text(arguments.output,
                   models::render(std::string(format.text), data, format.language, "moose"),
                   arguments.overwrite ? base::Existing::kReplace : base::Existing::kKeep);
  print_next_steps(output);
  return found.exit_code;
}

int reset_state(const InitQvdArguments& arguments, const Context& context) {
  // What is there to forget: a file of a table of many keeps its row when it is forgotten.
  std::vector<tracking::FileRecord> files = read_tracked(context).files;
  const auto files_of_table = sync::count_by_table(files);
  std::erase_if(files, [](const tracking::FileRecord& file) {
    return file.status == tracking::FileState::kReset;
  });
  if (files.empty()) {
    print("No tracking state found\n");
    return kOk;
  }
  std::map<std::string_view, std::size_t> counts;
  for (const tracking::FileRecord& file : files) ++counts[base::to_string(file.status)];
  print(fmt::format("Current state ({} files tracked):\n", files.size()));
  for (const auto& [status, count] : counts) print(fmt::format("  {}: {}\n", status, count));

  if (!arguments.force) {
    if (!can_ask()) {
      throw InitQvdError("nothing was reset: there is no terminal to ask on; add --force");
    }
    print("\n");
    if (!confirm("Reset all tracking state?", context.stop)) {
      print("Cancelled\n");
      return kOk;
    }
  }

  const sync::Reset reset = sync::plan_reset(files, files_of_table, false);
  const Target target = Target::open(context, false);
  at_target(context.config, [&] {
    clickhouse::Connection connection = target.connect(context.stop);
    tracking::Tracking tracking = target.tracking(context.config);
    sync::carry_out(reset, locks_of_target(context.config), context.config.sync.database,
                    connection, tracking);
  });
  print("✓ Tracking state reset\n");
  return kOk;
}

int run_init_qvd(const InitQvdArguments& arguments, const Context& context) {
  if (arguments.list_files + arguments.generate_models + arguments.reset_state != 1) {
    throw InitQvdError("expected exactly one of --list-files, --generate-models and --reset-state");
  }
  if (!arguments.state_file.empty()) {
    context.log.warn("--state-file has no effect: what was loaded stands in QvdFileTracking");
  }
  if (arguments.list_files) return list_files(context);
  if (arguments.reset_state) return reset_state(arguments, context);
  return generate_models(arguments, context);
}

}  // namespace

std::vector<std::string> whole_words(int argc, const char* const* argv) {
  std::vector<std::string> words(argv, argv + argc);
  if (words.empty()) return words;
  if (is_called_init_qvd(words[0])) words.insert(words.begin() + 1, std::string(kInitQvdCommand));
  const auto command = std::find(words.begin() + 1, words.end(), kInitQvdCommand);
  if (command == words.end()) return words;
  for (auto word = command + 1; word != words.end() && *word != "--"; ++word) {
    *word = whole_flag(*word);
  }
  return words;
}

void add_init_qvd(CommandLine& line) {
  auto [o, a] = line.add(kInitQvdCommand, kSetup, "the original's init_qvd.py", run_init_qvd);
  o.footer(
      "Example:\n  init_qvd --list-files --source /path/to/qvd --verbose\n"
      "  init_qvd --generate-models --source s3://bucket/path --files Item,PO\n"
      "  init_qvd --reset-state --force\n\n"
      "init_qvd is a second name of qvdhouse: init_qvd FLAGS is qvdhouse init-qvd FLAGS.\n"
      "Exit codes are those of qvdhouse, and 2 for a wrong command line. Other settings\n"
      "go with it too: docs/configuration.md");
  const std::string actions = "Exactly one of";
  o.flag("--list-files", a.list_files, "the files of the source; -v: with details")->group(actions);
  o.flag("--generate-models", a.generate_models, "Python models of their tables")->group(actions);
  o.flag("--reset-state", a.reset_state, "forget all files; asks first")->group(actions);
  o.setting("--source", "source", "SOURCE", "path or URL of the files [QVD_SOURCE]");
  o.setting("--pattern", "file_pattern", "GLOB", "which files of it (default: *.qvd)");
  o.setting("--files", "include_files", "A,B", "only these files");
  o.setting("--exclude", "exclude_files", "A,B", "not these files");
  o.option("--output", a.output, "FILE", "where the models go")->capture_default_str();
  o.flag("--overwrite", a.overwrite, "replace that file");
  o.flag("--force", a.force, "do not ask");
  o.setting("--aws-key", "source.aws_key", "KEY", "[AWS_ACCESS_KEY_ID]");
  o.setting("--aws-secret", "source.aws_secret", "SECRET",
            "[AWS_SECRET_ACCESS_KEY]; that is better: others on the machine can see flags");
  o.verbose();
  o->add_option("--state-file", a.state_file)->group("");  // of the original's first version
}

}  // namespace qvdhouse::cli
