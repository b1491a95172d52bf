// qvdhouse export: the rows of a query, a table or a file of another format become a QVD file.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/planned_source.h"
#include "cli/sql_argument.h"
#include "cli/target.h"
#include "clickhouse/quote.h"
#include "config/values.h"
#include "unload/file_query.h"
#include "unload/unload.h"

namespace qvdhouse::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct ExportArguments {
  std::string sql;
  std::string out;
  std::string table;
  std::string from;
  std::string max_symbols_bytes;
  bool replace = false;
  bool json = false;
};

// What is exported, and whereto.
struct Asked {
  std::string select;
  std::string out;
  std::string table_name;  // in the header of the file
};

Asked asked_for(const ExportArguments& arguments) {
  // A single argument is the file.
  const bool has_sql = !arguments.out.empty();
  Asked asked{.select = {}, .out = has_sql ? arguments.out : arguments.sql, .table_name = {}};
  if (asked.out.empty() || has_sql + !arguments.table.empty() + !arguments.from.empty() != 1) {
    throw UsageError(
        "expected exactly one of SQL, --table and --from, and the file to write, such as: "
        "qvdhouse export --table QvdItem Item.qvd");
  }
  asked.table_name = std::filesystem::path(asked.out).stem().string();
  if (has_sql) {
    asked.select = read_statement(arguments.sql);
  } else if (!arguments.from.empty()) {
    asked.select = unload::select_from_file(arguments.from);
  } else {
    asked.select = "SELECT * FROM " + clickhouse::quote_identifier(arguments.table);
    asked.table_name = arguments.table;
  }
  return asked;
}

std::uint64_t symbol_bytes(const ExportArguments& arguments) {
  if (arguments.max_symbols_bytes.empty()) return unload::kDefaultSymbolBytes;
  const std::uint64_t bytes = config::Bytes::bytes_of(arguments.max_symbols_bytes);
  if (bytes > 0) return bytes;
  throw UsageError(fmt::format("--max-symbols-bytes: expected {}, found '{}'",
                               config::Bytes().allowed, arguments.max_symbols_bytes));
}

// The engine of the data directory, or for a file of another format any that can read it.
Target open_target(const ExportArguments& arguments, const Context& context) {
  if (arguments.from.empty()) return Target::open(context, false);
  if (context.config.endpoint) {
    throw base::ConfigError(fmt::format(
        "--from reads a file of this machine with the embedded engine, and the target is {}, which "
        "cannot read it. Unset CLICKHOUSE_HOST and CLICKHOUSE_URL for this command, or load the "
        "file into the server and export that table",
        target_name(context.config)));
  }
  return Target::open_to_ask(context);
}

// Says how far it is: ten times a second on a terminal, a line in ten seconds otherwise.
class ExportProgress {
 public:
  explicit ExportProgress(Display& display)
      : display_(display),
        pause_(display.is_terminal() ? std::chrono::milliseconds(100)
                                     : std::chrono::milliseconds(10'000)) {}
  ~ExportProgress() { display_.show_live({}); }
  ExportProgress(const ExportProgress&) = delete;
  ExportProgress& operator=(const ExportProgress&) = delete;

  void show(const unload::Progress& progress) {
    const auto now = Clock::now();
    if (now - shown_ < pause_) return;
    shown_ = now;
    const std::string line =
        progress.rows_written > 0
            ? fmt::format("{} of {} rows written", format_count(progress.rows_written),
                          format_count(progress.row_count))
            : fmt::format("{} rows read   {} of distinct values", format_count(progress.row_count),
                          format_bytes(progress.symbol_bytes));
    if (display_.is_terminal()) {
      display_.show_live({line});
    } else {
      display_.line(line);
    }
  }

 private:
  Display& display_;
  std::chrono::milliseconds pause_;
  Clock::time_point shown_ = Clock::now();
};

void print_result(const unload::Result& result, const std::string& out, double seconds,
                  bool as_json) {
  if (!as_json) {
    print(fmt::format("{}: {}, {}, {} in {}\n", printable(out),
                      format_quantity(result.row_count, "row"),
                      format_quantity(result.columns.size(), "column"),
                      format_bytes(result.file_bytes), format_seconds(seconds)));
    return;
  }
  Json fields = Json::array();
  for (const unload::ColumnResult& column : result.columns) {
    fields.push_back(Json{{"name", column.name},
                          {"type", column.type},
                          {"number_format", column.number_format.type},
                          {"distinct", column.distinct_count},
                          {"nulls", column.null_rows},
                          {"warnings", column.warnings}});
  }
  print_json(Json{{"file", out},
                  {"rows", result.row_count},
                  {"columns", result.columns.size()},
                  {"bytes", result.file_bytes},
                  {"seconds", seconds},
                  {"fields", std::move(fields)}});
}

int run_export(const ExportArguments& arguments, const Context& context) {
  const Asked asked = asked_for(arguments);
  check_output_is_new(asked.out, arguments.replace, "--replace");
  const auto start = Clock::now();
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const unload::Options options{
      .out = asked.out,
      .existing = arguments.replace ? base::Existing::kReplace : base::Existing::kKeep,
      .table_name = asked.table_name,
      .created_at = format_time(now.count()),
      .invalid_utf8 = context.config.sync.load.invalid_utf8,
      .max_symbol_bytes = symbol_bytes(arguments)};
  const Target target = open_target(arguments, context);
  ExportProgress display(context.display);
  unload::Result result;
  try {
    result = unload::unload(
        target.endpoint(), asked.select, options,
        [&](const unload::Progress& progress) { display.show(progress); }, context.stop);
  } catch (const unload::AnswerError&) {
    at_target(context.config, [] { throw; });
  }
  for (const unload::ColumnResult& column : result.columns) {
    for (const std::string& warning : column.warnings) {
      context.log.warn("column \"{}\": {}", column.name, warning);
    }
  }
  const std::chrono::duration<double> passed = Clock::now() - start;
  print_result(result, asked.out, passed.count(), arguments.json);
  return kOk;
}

}  // namespace

void add_export(CommandLine& line) {
  auto [o, a] = line.add("export", kTables, "rows into a QVD file", run_export);
  o.example(
      "qvdhouse export --table QvdItem Item.qvd\n"
      "  qvdhouse export 'SELECT * FROM QvdItem WHERE Year = 2024' Item2024.qvd\n"
      "  qvdhouse export --from sales.parquet sales.qvd");
  o.settings({Topic::kServer, Topic::kEngine});
  o.option("SQL", a.sql, "",
           "one SELECT, unless --table or --from says what; - reads it from "
           "standard input");
  o.option("OUT", a.out, "", "the file to write");
  o.option("--table", a.table, "NAME", "all rows of a table, in place of SQL");
  o.file("--from", a.from, "all rows of a .parquet, .csv, .tsv or .jsonl file, likewise");
  o.flag("--replace", a.replace, "replace OUT.qvd where it is there (else that is an error)");
  o.option("--max-symbols-bytes", a.max_symbols_bytes, "SIZE",
           "the most memory for distinct values (default: 4GiB)");
  o.json(a.json);
}

}  // namespace qvdhouse::cli
