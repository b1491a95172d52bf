// qvdhouse peek: the first rows of a file, without a table and without ClickHouse; or of a table.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "load/first_rows.h"
#include "load/load.h"
#include "schema/cast.h"

namespace qvdhouse::cli {
namespace {

struct PeekArguments {
  std::string name;  // of a file or a table
  std::uint64_t limit = 5;
  bool json = false;
};

bool names_table(const std::string& name) {
  return !decide::is_name_of_qvd(name) && name.find('/') == std::string::npos;
}

struct ShownRows {
  std::vector<const schema::ColumnPlan*> columns;             // those that are made of fields
  std::vector<std::vector<std::optional<std::string>>> rows;  // NULL: no value
};

ShownRows shown_rows(const base::ByteSource& bytes, const load::PreparedFile& file,
                     std::uint64_t limit) {
  const load::FirstRows found = load::first_rows(bytes, file, limit);
  ShownRows first;
  first.rows.resize(found.row_count);
  for (const schema::ColumnPlan& column : file.plan.columns) {
    if (column.field_index == schema::kNoField) continue;
    first.columns.push_back(&column);
    for (std::size_t row = 0; row < first.rows.size(); ++row) {
      const std::uint32_t code = found.codes[column.field_index][row];
      first.rows[row].push_back(code == 0
                                    ? std::nullopt
                                    : std::optional(schema::symbol_text(
                                          file.symbols[column.field_index], code - 1, column)));
    }
  }
  return first;
}

void print_rows(const ShownRows& first, std::uint64_t row_count) {
  std::vector<Column> columns;
  for (const schema::ColumnPlan* column : first.columns) {
    columns.push_back({.title = column->name,
                       .right = column->type.kind != clickhouse::TypeKind::kString,
                       .flexible = true});
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : first.rows) {
    auto& cells = rows.emplace_back();
    for (const auto& cell : row) cells.push_back(cell.value_or("NULL"));
  }
  print_table(columns, rows);
  print(fmt::format("{} of {}\n", format_count(first.rows.size()),
                    format_quantity(row_count, "row")));
}

int peek_file(const PeekArguments& arguments, const Context& context) {
  Sources sources(context);
  const NamedFile named = open_named("peek", arguments.name, sources);
  const sync::Options options = sync_options(context.config, named.source);
  const decide::Placement placement =
      decide::place_file(named.entry.path, options.tables, options.load.policy, options.source);
  const auto [of_file, target] = decide::load_of(options.load, placement, named.entry.path);
  const load::PreparedFile file =
      load::prepare(*named.bytes, named.entry.name, of_file, target, context.stop);
  const ShownRows first = shown_rows(*named.bytes, file, arguments.limit);
  if (!arguments.json) {
    print_rows(first, file.header.record_count);
    return kOk;
  }
  Json json{{"file", named.entry.name},
            {"records", file.header.record_count},
            {"columns", Json::array()},
            {"rows", Json::array()}};
  for (const schema::ColumnPlan* column : first.columns) json["columns"].push_back(column->name);
  for (const auto& row : first.rows) {
    Json cells = Json::array();
    for (const auto& cell : row) cells.push_back(cell ? Json(*cell) : Json());
    json["rows"].push_back(std::move(cells));
  }
  print_json(json);
  return kOk;
}

int peek_table(const PeekArguments& arguments, const Context& context) {
  const Target target = Target::open(context, false);
  at_target(context.config, [&] {
    clickhouse::Connection connection = target.connect(context.stop);
    const std::string_view format = arguments.json         ? "JSON"
                                    : stdout_is_terminal() ? "PrettyCompact"
                                                           : "TSVWithNames";
    const std::string rows = connection.query(
        fmt::format("SELECT * FROM {} LIMIT {} FORMAT {}",
                    clickhouse::quote_identifier(arguments.name), arguments.limit, format));
    print(stdout_is_terminal() ? printable_lines(rows) : rows);
  });
  return kOk;
}

int run_peek(const PeekArguments& arguments, const Context& context) {
  return names_table(arguments.name) ? peek_table(arguments, context)
                                     : peek_file(arguments, context);
}

}  // namespace

void add_peek(CommandLine& line) {
  auto [o, a] = line.add("peek", kFiles, "the first rows of a file or a table", run_peek);
  o.example("qvdhouse peek sales/Item.qvd\n  qvdhouse peek QvdItem --limit 20");
  o.settings({Topic::kStorages, Topic::kTypes});
  o.option("NAME", a.name, "", "a QVD file (a path or a URL), or a table")->required();
  o->add_option("--limit", a.limit, "how many rows")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
