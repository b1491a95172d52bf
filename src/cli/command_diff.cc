// qvdhouse diff: what differs between two files, as their tables would hold them; needs no
// ClickHouse.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/words.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/rendered_files.h"
#include "cli/sources.h"
#include "render/diff.h"
#include "render/files.h"
#include "source/listing.h"

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
  std::string line =
      is_changed ? fmt::format("~ row {} and {}:", *example.first_row + 1, *example.second_row + 1)
      : is_first ? fmt::format("- row {}:", *example.first_row + 1)
                 : fmt::format("+ row {}:", *example.second_row + 1);
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

void print_text(const Diff& diff) {
  if (diff.is_equal()) {
    print(fmt::format("The files are equal: {}\n", format_quantity(diff.first_rows, "row")));
    return;
  }
  for (const schema::ColumnChange& change : diff.columns) print(line_of(change));
  print(fmt::format("{} in the first file, {} in the second\n",
                    format_quantity(diff.first_rows, "row"), format_count(diff.second_rows)));
  if (!diff.different_columns.empty()) {
    std::string names;
    for (const std::string& name : diff.different_columns) {
      names += (names.empty() ? "" : ", ") + printable(name);
    }
    print(fmt::format("values differ in {}\n", names));
  }
  print(fmt::format("{} only in the first, {} only in the second, {} changed\n",
                    format_quantity(diff.only_first, "row"), format_count(diff.only_second),
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
    if (example.first_row) one["first"] = cell_json(cell.first);
    if (example.second_row) one["second"] = cell_json(cell.second);
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
  for (const RowExample& example : diff.examples) json["examples"].push_back(json_of(example));
  return json;
}

int run_diff(const DiffArguments& arguments, const Context& context) {
  Sources sources(context);
  std::vector<render::File> files;
  for (const std::string& name : {arguments.first, arguments.second}) {
    std::vector<render::File> found = rendered_files("diff", {name}, sources, context);
    if (found.size() > 1) {
      throw UsageError(fmt::format("diff takes two files; {} is {}", masked_source(name),
                                   format_quantity(found.size(), "file")));
    }
    files.push_back(std::move(found.front()));
  }
  const unsigned threads = files[0].options.streams;
  render::Files both(
      std::move(files),
      {.columns = source::split_list(arguments.columns), .where = arguments.where, .limit = {}},
      context.stop);
  const Diff diff = render::diff(both, {.key = source::split_list(arguments.key),
                                        .most_examples = arguments.limit,
                                        .threads = threads});
  if (arguments.json) {
    print_json(json_of(diff));
  } else {
    print_text(diff);
  }
  return diff.is_equal() ? kOk : kVerify;
}

}  // namespace

void add_diff(CommandLine& line) {
  auto [o, a] =
      line.add("diff", kFiles, "what differs between two files: columns, values, rows", run_diff);
  o.example(
      "qvdhouse diff old/Item.qvd new/Item.qvd --key ItemNo\n"
      "  qvdhouse diff a.qvd b.qvd --json");
  o.settings({Topic::kStorages, Topic::kTypes});
  o.option("FIRST", a.first, "", "a QVD file, a path or a URL")->required();
  o.option("SECOND", a.second, "", "another one")->required();
  o.option("--key", a.key, "A,B", "columns that say which rows belong together");
  o.option("--columns", a.columns, "A,B*", "only these columns");
  o.option("--where", a.where, "CONDITION", "only rows like \"Region = 'West'\"");
  o->add_option("--limit", a.limit, "how many rows of each kind are shown")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  o.json(a.json);
}

}  // namespace qvdhouse::cli
