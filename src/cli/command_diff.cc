// qvdhouse diff: what differs between two files, as their tables would hold them, which needs no
// ClickHouse, or between a file and a table.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/words.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/rendered_files.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "clickhouse/column_type.h"
#include "clickhouse/connection.h"
#include "clickhouse/ddl.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "load/layout.h"
#include "render/diff.h"
#include "render/files.h"
#include "source/listing.h"
#include "sync/live_table.h"

namespace qvdhouse::cli {
namespace {

using render::Diff;
using render::RowExample;

struct DiffArguments {
  std::string first;
  std::string second;
  std::string key;
  std::string columns;
  std::string where;
  std::uint64_t limit = 10;
  bool json = false;
};

std::string shown(const render::CellText& cell) { return cell ? printable(*cell) : "NULL"; }

std::string line_of(const RowExample& example) {
  const bool is_changed = example.kind == RowExample::Kind::kChanged;
  const bool is_first = example.kind == RowExample::Kind::kFirstOnly;
  // A table has no numbers of rows.
  const auto number = [](const std::optional<std::uint64_t>& row) {
    return row ? fmt::format(" {}", *row + 1) : std::string();
  };
  std::string line = is_changed ? "~ row" + number(example.first_row)
                     : is_first ? "- row"
                                : "+ row";
  if (is_changed && example.second_row) line += " and";
  line += (!is_changed && is_first ? number(example.first_row) : number(example.second_row)) + ":";
  for (const RowExample::Cell& cell : example.cells) {
    line += fmt::format(" {}={}", printable(cell.column),
                        shown(is_changed || is_first ? cell.first : cell.second));
    if (is_changed && cell.first != cell.second) line += " → " + shown(cell.second);
  }
  return line + "\n";
}

std::string line_of(const schema::ColumnChange& change) {
  const std::string name = printable(change.column);
  if (!change.from) return fmt::format("+ column {} {}\n", name, change.to->name());
  if (!change.to) return fmt::format("- column {} {}\n", name, change.from->name());
  return fmt::format("~ column {} {} → {}\n", name, change.from->name(), change.to->name());
}

void print_text(const Diff& diff, bool is_table) {
  if (diff.is_equal()) {
    print(fmt::format("{} are equal: {}\n", is_table ? "File and table" : "The files",
                      format_quantity(diff.first_rows, "row")));
    return;
  }
  for (const schema::ColumnChange& change : diff.columns) print(line_of(change));
  for (const auto& [name, type] : diff.other_columns) {
    print(fmt::format("+ column {} {}\n", printable(name), type));
  }
  print(fmt::format("{} in the {}, {} in the {}\n", format_quantity(diff.first_rows, "row"),
                    is_table ? "file" : "first file", format_count(diff.second_rows),
                    is_table ? "table" : "second"));
  if (!diff.different_columns.empty()) {
    std::string names;
    for (const std::string& name : diff.different_columns) {
      names += (names.empty() ? "" : ", ") + printable(name);
    }
    print(fmt::format("values differ in {}\n", names));
  }
  print(fmt::format("{} only in the {}, {} only in the {}, {} changed\n",
                    format_quantity(diff.only_first, "row"), is_table ? "file" : "first",
                    format_count(diff.only_second), is_table ? "table" : "second",
                    format_count(diff.changed)));
  for (const RowExample& example : diff.examples) print(line_of(example));
  const std::uint64_t rows = diff.only_first + diff.only_second + diff.changed;
  if (rows > diff.examples.size()) {
    print(fmt::format("… and {} more; --limit shows more of them\n",
                      format_count(rows - diff.examples.size())));
  }
}

Json cell_json(const render::CellText& cell) { return cell ? Json(*cell) : Json(); }

Json json_of(const RowExample& example) {
  constexpr std::string_view kKinds[] = {"first_only", "second_only", "changed"};
  Json json{{"kind", kKinds[static_cast<std::size_t>(example.kind)]},
            {"first_row", example.first_row ? Json(*example.first_row) : Json()},
            {"second_row", example.second_row ? Json(*example.second_row) : Json()},
            {"cells", Json::array()}};
  for (const RowExample::Cell& cell : example.cells) {
    Json one{{"column", cell.column}};
    if (example.kind != RowExample::Kind::kSecondOnly) one["first"] = cell_json(cell.first);
    if (example.kind != RowExample::Kind::kFirstOnly) one["second"] = cell_json(cell.second);
    json["cells"].push_back(std::move(one));
  }
  return json;
}

Json json_of(const Diff& diff) {
  Json json{{"equal", diff.is_equal()},
            {"first_rows", diff.first_rows},
            {"second_rows", diff.second_rows},
            {"columns", Json::array()},
            {"different_columns", diff.different_columns},
            {"only_first", diff.only_first},
            {"only_second", diff.only_second},
            {"changed", diff.changed},
            {"examples", Json::array()}};
  for (const schema::ColumnChange& change : diff.columns) {
    json["columns"].push_back(Json{{"column", change.column},
                                   {"change", base::to_string(change.kind())},
                                   {"first", change.from ? Json(change.from->name()) : Json()},
                                   {"second", change.to ? Json(change.to->name()) : Json()}});
  }
  for (const auto& [name, type] : diff.other_columns) {
    json["columns"].push_back(
        Json{{"column", name}, {"change", "added"}, {"first", Json()}, {"second", type}});
  }
  for (const RowExample& example : diff.examples) json["examples"].push_back(json_of(example));
  return json;
}

// A name without "/" and ".qvd" is a table's, unless a file has it.
bool is_table(const std::string& name) {
  return name.find('/') == std::string::npos &&
         base::to_lower(name).find(".qvd") == std::string::npos && !std::filesystem::exists(name);
}

render::File file_of(const std::string& name, Sources& sources, const Context& context) {
  std::vector<render::File> found = rendered_files("diff", {name}, sources, context);
  if (found.size() == 1) return std::move(found.front());
  throw UsageError(fmt::format("diff compares one file with another, or with a table; {} is {}",
                               masked_source(name), format_quantity(found.size(), "file")));
}

// None where there is no such table or view.
std::vector<clickhouse::ColumnDefinition> columns_of(const clickhouse::Endpoint& endpoint,
                                                     const std::string& table,
                                                     const Context& context) {
  clickhouse::Connection connection(endpoint, context.stop);
  return clickhouse::describe_table(connection, endpoint.database, table);
}

// TABLE of the target's database, or DATABASE.TABLE.
render::Table named_table(const std::string& name, const Target& target, const Context& context,
                          load::Layout& layout) {
  render::Table table{.name = name, .endpoint = target.endpoint()};
  std::string in_database = name;
  layout.columns = columns_of(table.endpoint, name, context);
  const std::size_t dot = name.find('.');
  if (layout.columns.empty() && dot != std::string::npos) {
    table.endpoint.database = name.substr(0, dot);
    in_database = name.substr(dot + 1);
    layout.columns = columns_of(table.endpoint, in_database, context);
  }
  if (layout.columns.empty()) {
    throw UsageError(fmt::format(
        "{} is neither a QVD file nor a table of {}; give a path, such as ./{}, or list the tables "
        "by: qvdhouse query \"SHOW TABLES\"",
        printable(name), target_name(context.config), printable(name)));
  }
  table.from = clickhouse::qualified(table.endpoint.database, in_database);
  return table;
}

// The columns that can be compared, and the rows: of a table of many files those of this one.
render::Table compared_table(const std::string& name, const render::File& file,
                             const Target& target, const Context& context) {
  load::Layout layout;
  render::Table table = named_table(name, target, context, layout);
  std::erase_if(layout.columns, [&](const clickhouse::ColumnDefinition& column) {
    if (clickhouse::parse_column_type(column.type)) return false;
    table.other_columns.emplace(column.name, column.type);
    return true;
  });
  table.shape = sync::live_shape(layout);
  const std::string& database = target.endpoint().database;
  if (!file.target.is_set() || table.from != clickhouse::qualified(database, file.target.table)) {
    return table;
  }
  // Its rows keep the path of their load.
  const auto record = target.tracking(context.config).find(file.target.file_key);
  const std::string key =
      clickhouse::quote_literal(record ? decide::file_key(*record) : file.target.file_key);
  const std::string all =
      clickhouse::qualified(database, decide::all_rows_of(file.target.mode, file.target.table));
  table.from = all;
  table.from += fmt::format(" WHERE {} = {}", schema::kFileColumn, key);
  if (file.target.mode == schema::LoadMode::kAppend) {
    table.from += fmt::format(" AND {0} = (SELECT max({0}) FROM {1} WHERE {2} = {3})",
                              schema::kVersionColumn, all, schema::kFileColumn, key);
  }
  return table;
}

int run_diff(const DiffArguments& arguments, const Context& context) {
  Sources sources(context);
  const bool with_table = is_table(arguments.second);
  if (with_table && !arguments.where.empty()) {
    throw UsageError("--where chooses rows of files; compare with a table without it");
  }
  std::vector<render::File> files;
  files.push_back(file_of(arguments.first, sources, context));
  if (!with_table) files.push_back(file_of(arguments.second, sources, context));
  const render::DiffRequest request{.key = source::split_list(arguments.key),
                                    .most_examples = arguments.limit,
                                    .threads = files[0].options.streams};
  render::Request rows{
      .columns = source::split_list(arguments.columns), .where = arguments.where, .limit = {}};
  Diff diff;
  if (with_table) {
    const Target target = Target::open_to_ask(context);
    const render::Table table = compared_table(arguments.second, files[0], target, context);
    rows.beside = &table.shape;
    render::Files file(std::move(files), std::move(rows), context.stop);
    diff = render::diff(file, table, request);
  } else {
    render::Files both(std::move(files), std::move(rows), context.stop);
    diff = render::diff(both, request);
  }
  if (arguments.json) {
    print_json(json_of(diff));
  } else {
    print_text(diff, with_table);
  }
  return diff.is_equal() ? kOk : kVerify;
}

}  // namespace

void add_diff(CommandLine& line) {
  auto [o, a] =
      line.add("diff", kFiles, "what differs between two files, or a file and a table", run_diff);
  o.example(
      "qvdhouse diff old/Item.qvd new/Item.qvd --key ItemNo\n"
      "  qvdhouse diff Item.qvd QvdItem --json");
  o.settings({Topic::kStorages, Topic::kTypes, Topic::kServer, Topic::kEngine});
  o.option("FIRST", a.first, "", "a QVD file, a path or a URL")->required();
  o.option("SECOND", a.second, "", "another one, or a table: NAME or DATABASE.NAME")->required();
  o.option("--key", a.key, "A,B", "columns that say which rows belong together");
  o.option("--columns", a.columns, "A,B*", "only these columns");
  o.option("--where", a.where, "CONDITION", "only rows like \"Region = 'West'\"");
  o->add_option("--limit", a.limit, "how many rows of each kind are shown")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
