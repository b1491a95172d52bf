// qvdhouse query: the engine's answer to one SQL statement: byte for byte as it comes, but on a
// terminal without control characters.
#include <unistd.h>

#include <string>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sql_argument.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

struct QueryArguments {
  std::string sql;  // "-" reads standard input
  std::string format;
  bool read_only = false;
  std::uint64_t max_rows = 0;  // 0: all
};

// The reader of standard output went away: there is no one left to answer.
struct OutputClosed {};

clickhouse::Settings settings_of(const QueryArguments& arguments, const std::string& format,
                                 const clickhouse::Dialect& dialect) {
  clickhouse::Settings settings = {{"default_format", format}};
  if (arguments.max_rows > 0 && dialect.has_limit_setting) {
    settings.emplace("limit", std::to_string(arguments.max_rows));
  } else if (arguments.max_rows > 0) {
    // Up to a block more.
    settings.emplace("max_result_rows", std::to_string(arguments.max_rows));
    settings.emplace("result_overflow_mode", "break");
  }
  // Refuses also functions that read files and URLs, and a SETTINGS clause that would undo it.
  if (arguments.read_only) settings.emplace("readonly", "1");
  return settings;
}

int run_query(const QueryArguments& arguments, const Context& context) {
  const std::string sql = read_statement(arguments.sql);
  const bool is_terminal = stdout_is_terminal();
  const std::string fallback = is_terminal ? "PrettyCompact" : "TSV";
  const std::string format = arguments.format.empty() ? fallback : arguments.format;
  const Target target = Target::open(context, false);
  try {
    clickhouse::Connection connection = target.connect(context.stop);
    // A terminal obeys control characters, also those that a cell holds.
    PrintableStream cells;
    const auto show = [&](std::string_view bytes) {
      if (is_terminal) {
        print(cells.add(bytes));
      } else {
        print(bytes);
      }
      if (!output_is_open()) throw OutputClosed();
    };
    // A FORMAT in the statement itself wins over default_format.
    at_target(context.config, [&] {
      connection.query_streamed(sql, show,
                                settings_of(arguments, format, target.endpoint().dialect));
    });
    print(cells.finish());
  } catch (const OutputClosed&) {
  }
  return kOk;
}

}  // namespace

void add_query(CommandLine& line) {
  auto [o, a] = line.add("query", kTables, "ask ClickHouse", run_query);
  o.example("qvdhouse query 'SELECT count() FROM QvdItem' --format JSON");
  o.settings({Topic::kServer, Topic::kEngine});
  o.option("SQL", a.sql, "", "one statement; - reads it from standard input")->required();
  o.flag("--read-only", a.read_only, "refuse what changes data, reads files or asks other servers");
  o.option("--max-rows", a.max_rows, "ROWS", "how many rows at most (0: all)");
  o->add_option("--format", a.format,
                "a ClickHouse format (default: PrettyCompact on a terminal, else TSV)");
}

}  // namespace qvdhouse::cli
