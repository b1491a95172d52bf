// qvdhouse models: the tables of a source as text, from headers and symbol tables alone.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/text_file.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/source_models.h"
#include "models/data.h"
#include "models/lock.h"
#include "models/render.h"

namespace qvdhouse::cli {
namespace {

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
        fmt::format("the template {} can not be read: {}", path, std::strerror(errno)));
  }
  const auto by_name = models::language_of_file(path);
  return {*text, arguments.format.empty() && by_name ? *by_name : format.language, path};
}

void check_new(const std::string& path, bool overwrite) {
  if (path.empty() || overwrite || !std::filesystem::exists(path)) return;
  throw base::ConfigError(fmt::format("{} is there already; --overwrite replaces it", path));
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

void write_lock(const ModelsArguments& arguments, const SourceModels& found,
                const Context& context) {
  // A lock without the tables of files that can not be read would forbid them.
  if (found.exit_code != kOk) {
    throw base::SchemaError(
        fmt::format("the schema lock {} is not written: {} can not be read (see above)",
                    arguments.lock, format_quantity(found.failed_files, "file")));
  }
  base::write_text(arguments.lock, models::lock_text(models::lock_of(found.document.tables)));
  if (!context.quiet) {
    context.display.line(fmt::format(
        "{} in {}", format_quantity(found.document.tables.size(), "table"), arguments.lock));
  }
}

}  // namespace

int run_models(const ModelsArguments& arguments, const Context& context) {
  check_new(arguments.output, arguments.overwrite);
  check_new(arguments.lock, arguments.overwrite);
  const Template chosen = read_template(arguments);

  const SourceModels found = read_models("models", context);
  say_tables(found, context);
  const models::Json data = models::data_of(found.document);
  if (arguments.dump_data) {
    print_json(data);
    return found.exit_code;
  }
  const bool asks_for_text =
      arguments.lock.empty() || !arguments.output.empty() || !arguments.template_file.empty();
  if (asks_for_text) {
    const std::string text = models::render(chosen.text, data, chosen.language, chosen.where);
    if (arguments.output.empty()) {
      print(text);
    } else {
      base::write_text(arguments.output, text);
      if (!context.quiet) {
        context.display.line(fmt::format(
            "{} in {}", format_quantity(found.document.tables.size(), "table"), arguments.output));
      }
    }
  }
  if (!arguments.lock.empty()) write_lock(arguments, found, context);
  return found.exit_code;
}

}  // namespace qvdhouse::cli
