// qvdhouse models: the tables of a source as text, from headers and symbol tables alone.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/planned_source.h"
#include "models/data.h"
#include "models/lock.h"
#include "models/render.h"

namespace qvdhouse::cli {
namespace {

struct ModelsArguments {
  std::string format;         // empty: "sql", or what the template's name says
  std::string template_file;  // instead of the format's own; empty: none
  std::string output;         // empty: standard output
  std::string lock;           // writes this schema lock; empty: none
  bool overwrite = false;
  bool dump_data = false;
};

struct Template {
  std::string text;
  models::Language language;
  std::string where;
};

Template read_template(const ModelsArguments& arguments) {
  const models::Format& format =
      *models::find_format(arguments.format.empty() ? "sql" : arguments.format);
  const std::string& path = arguments.template_file;
  if (path.empty()) return {std::string(format.text), format.language, std::string(format.name)};
  const std::optional<std::string> text = base::read_text(path);
  if (!text) {
    throw base::ConfigError(
        fmt::format("the template {} cannot be read: {}", path, std::strerror(errno)));
  }
  if (!arguments.format.empty()) return {*text, format.language, path};
  const auto by_name = models::language_of_file(path);
  if (!by_name) {
    throw base::ConfigError(fmt::format(
        "{}: its name does not say which language it makes, and so how names are escaped in it; "
        "call it like rows.py.mustache, or name a format of that language by --format",
        path));
  }
  return {*text, *by_name, path};
}

void say_tables(const SourceModels& found, const Context& context) {
  if (!context.verbose) return;
  for (const models::Table& table : found.document.tables) {
    context.display.line(fmt::format("{}: {}, {}, {}", printable(table.definition.name),
                                     format_quantity(table.columns.size(), "column"),
                                     format_quantity(table.record_count, "row"),
                                     format_quantity(table.files.size(), "file")));
    for (const models::Column& column : table.columns) {
      context.display.line(fmt::format("  {} {}: {}", printable(column.name), column.type.name(),
                                       printable(column.reason)));
    }
  }
}

void write(const std::string& path, const std::string& text, bool overwrite,
           const SourceModels& found, const Context& context) {
  base::write_text(path, text, overwrite ? base::Existing::kReplace : base::Existing::kKeep);
  if (context.quiet) return;
  context.display.line(fmt::format(
      "{} in {}", format_quantity(found.document.tables.size(), "table"), printable(path)));
}

int run_models(const ModelsArguments& arguments, const Context& context) {
  if (!arguments.output.empty() && arguments.output == arguments.lock) {
    throw UsageError("--output and --lock name the same file");
  }
  check_output_is_new(arguments.output, arguments.overwrite);
  check_output_is_new(arguments.lock, arguments.overwrite);
  const Template chosen = read_template(arguments);

  const SourceModels found = read_models("models", context);
  say_tables(found, context);
  if (found.document.tables.empty()) return found.exit_code;  // why was logged
  // What is there is better than models, or a lock, without the tables of files that cannot be
  // read.
  std::error_code ignored;
  const bool is_replaced =
      !arguments.output.empty() && std::filesystem::exists(arguments.output, ignored);
  if (found.exit_code != kOk && (is_replaced || !arguments.lock.empty())) {
    context.log.error("nothing is written, since not all could be read");
    return found.exit_code;
  }
  const models::Json data = models::data_of(found.document);
  if (arguments.dump_data) {
    print_json(data);
    return found.exit_code;
  }
  const bool asks_for_text =
      arguments.lock.empty() || !arguments.output.empty() || !arguments.template_file.empty();
  const std::string text =
      asks_for_text ? models::render(chosen.text, data, chosen.language, chosen.where) : "";
  if (context.stop.stop_requested()) throw base::Cancelled("stopped");
  if (!arguments.output.empty()) {
    write(arguments.output, text, arguments.overwrite, found, context);
  } else {
    print(text);
  }
  if (!arguments.lock.empty()) {
    write(arguments.lock, models::lock_text(models::lock_of(found.document.tables)),
          arguments.overwrite, found, context);
  }
  return found.exit_code;
}

}  // namespace

void add_models(CommandLine& line) {
  auto [o, a] =
      line.add("models", kLoading, "the tables as SQL, Python, JSON Schema or C++; a schema lock",
               run_models);
  o.example(
      "qvdhouse models ./qvds --format pydantic --output models.py\n"
      "  qvdhouse models ./qvds --lock qvdhouse.lock.json");
  o.settings({Topic::kSources, Topic::kStorages, Topic::kTypes});
  o.source();
  o.option("--format", a.format, "NAME", "sql (default), pydantic, moose, json-schema or cpp")
      ->check(CLI::IsMember({"sql", "pydantic", "moose", "json-schema", "cpp"}));
  o.setting("--files", "include_files", "NAME,...", "only these files, as --include has them");
  CLI::Option* output = o.file("--output", a.output, "write this file instead of printing", "PATH");
  o.flag("--overwrite", a.overwrite, "replace files that are there");
  CLI::Option* own = o.file("--template", a.template_file,
                            "a Mustache template of your own; its language by --format or its "
                            "name (rows.py.mustache)");
  CLI::Option* lock = o.file("--lock", a.lock, "write the schema lock, for sync --locked");
  o.flag("--dump-data", a.dump_data, "print what templates are filled with, as JSON")
      ->excludes(output)
      ->excludes(own)
      ->excludes(lock);
}

}  // namespace qvdhouse::cli
