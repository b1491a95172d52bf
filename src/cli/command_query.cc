// qvdhouse query: ClickHouse's answers to SQL statements: byte for byte as they come, but on a
// terminal without control characters.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sql_argument.h"
#include "cli/target.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/error_code.h"
#include "clickhouse/statements.h"

namespace qvdhouse::cli {
namespace {

using clickhouse::ReadOnly;
using clickhouse::Statement;

struct QueryArguments {
  std::string sql;                      // "-" reads standard input
  std::string file;                     // instead of it
  std::vector<std::string> parameters;  // NAME=VALUE
  std::string format;
  bool write = false;
  bool read_only = false;
  std::uint64_t max_rows = 0;  // 0: all
};

// The reader of standard output went away: there is no one left to answer.
struct OutputClosed {};

std::string text_of(const QueryArguments& arguments) {
  if (arguments.sql.empty() == arguments.file.empty()) {
    throw UsageError(
        "expected exactly one of SQL and --file, such as: qvdhouse query 'SHOW TABLES'");
  }
  if (arguments.file.empty()) return read_statement(arguments.sql);
  std::ifstream file(arguments.file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) {
    throw UsageError(fmt::format("--file: {} cannot be read", arguments.file));
  }
  return text;
}

clickhouse::Settings settings_of(const QueryArguments& arguments,
                                 const clickhouse::Dialect& dialect) {
  const std::string fallback = stdout_is_terminal() ? "PrettyCompact" : "TSV";
  clickhouse::Settings settings = {
      {"default_format", arguments.format.empty() ? fallback : arguments.format}};
  if (arguments.max_rows > 0 && dialect.has_limit_setting) {
    settings.emplace("limit", std::to_string(arguments.max_rows));
  } else if (arguments.max_rows > 0) {
    // Up to a block more.
    settings.emplace("max_result_rows", std::to_string(arguments.max_rows));
    settings.emplace("result_overflow_mode", "break");
  }
  if (!arguments.parameters.empty() && !dialect.has_query_parameters) {
    throw base::ConfigError(fmt::format(
        "--param_NAME: ClickHouse {} knows no parameters; write the values into the statement",
        dialect.version()));
  }
  for (const std::string& parameter : arguments.parameters) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format(
          "--param: expected NAME=VALUE, found '{}'; --param_NAME=VALUE is the same", parameter));
    }
    settings["param_" + parameter.substr(0, equals)] = parameter.substr(equals + 1);
  }
  return settings;
}

// file() asks for no grant, and for no path of its own in the embedded engine.
void refuse_files(const std::vector<Statement>& statements) {
  constexpr std::string_view kFile = "file";
  for (const Statement& statement : statements) {
    if (!clickhouse::may_call(statement.text, kFile)) continue;
    throw base::ConfigError(
        "with --read-only the function file(), which reads files of this machine, is not allowed; "
        "a column of that name is written TABLE.file");
  }
}

// What the server says to a reader who would change something, with the flag that lets them.
[[noreturn]] void throw_refusal(const base::ServerError& error, const std::string& user) {
  std::string message = error.what();
  message.resize(std::min(message.size(), message.find("; qvdhouse doctor shows")));
  throw base::ServerError(
      fmt::format("{}; the statement ran as user {}, who can only read: add --write to run it as "
                  "the user who may change data",
                  message, user),
      error.code());
}

bool is_refusal(const base::ServerError& error) {
  namespace code = clickhouse::error_code;
  return error.code() == code::kReadonly || error.code() == code::kAccessDenied ||
         error.code() == code::kDatabaseAccessDenied;
}

class QueryRun {
 public:
  QueryRun(const QueryArguments& arguments, const Target& target, const Context& context)
      : arguments_(arguments),
        connection_(target.connect(context.stop)),
        settings_(settings_of(arguments, target.endpoint().dialect)) {
    if (arguments.write) return;
    settings_.merge(
        target.read_only(connection_, arguments.read_only ? ReadOnly::kStrict : ReadOnly::kData));
  }

  void run(const std::vector<Statement>& statements) {
    // SET and temporary tables hold for the statements behind them.
    if (statements.size() > 1) {
      settings_["session_id"] = "qvdhouse_" + clickhouse::random_hex(16);
    }
    for (const Statement& statement : statements) run(statement, statements);
  }

 private:
  void run(const Statement& statement, const std::vector<Statement>& all) try {
    // A terminal obeys control characters, also those that a cell holds.
    PrintableStream cells;
    // A FORMAT in the statement itself wins over default_format.
    connection_.query_streamed(
        statement.text,
        [&](std::string_view bytes) {
          if (stdout_is_terminal()) {
            print(cells.add(bytes));
          } else {
            print(bytes);
          }
          if (!output_is_open()) throw OutputClosed();
        },
        settings_);
    print(cells.finish());
  } catch (const base::ServerError& error) {
    const base::ServerError placed(
        all.size() == 1
            ? error.what()
            : fmt::format("statement {} of {}, line {}: {}", &statement - all.data() + 1,
                          all.size(), statement.line, error.what()),
        error.code());
    if (!arguments_.write && is_refusal(error)) {
      throw_refusal(placed, connection_.endpoint().user);
    }
    throw placed;
  }

  const QueryArguments& arguments_;
  clickhouse::Connection connection_;
  clickhouse::Settings settings_;
};

int run_query(const QueryArguments& arguments, const Context& context) {
  const std::string text = text_of(arguments);
  const std::vector<Statement> statements = clickhouse::split_statements(text);
  if (statements.empty()) throw UsageError("expected a statement, found none");
  if (arguments.read_only) refuse_files(statements);
  const Target target =
      arguments.write ? Target::open(context, false) : Target::open_to_read(context);
  try {
    at_target(context.config, [&] { QueryRun(arguments, target, context).run(statements); });
  } catch (const OutputClosed&) {
  }
  return kOk;
}

}  // namespace

void add_query(CommandLine& line) {
  auto [o, a] = line.add("query", kTables, "ask ClickHouse", run_query);
  o.example(
      "qvdhouse query 'SELECT count() FROM QvdItem' --format JSON\n"
      "  qvdhouse query --file report.sql --param_year=2024");
  o.settings({Topic::kServer, Topic::kEngine});
  o.option("SQL", a.sql, "", "statements, parted by semicolons; - reads them from standard input");
  o.file("--file", a.file, "read the statements from a file");
  CLI::Option* write =
      o.flag("--write", a.write, "as the user who may change data, not as a reader");
  o.flag("--read-only", a.read_only, "refuse what changes settings or reads files, too")
      ->excludes(write);
  o.option("--param", a.parameters, "NAME=VALUE",
           "the value of {NAME:Type}; --param_NAME=VALUE is the same")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  o.option("--max-rows", a.max_rows, "ROWS", "how many rows at most (0: all)");
  o->add_option("--format", a.format,
                "a ClickHouse format (default: PrettyCompact on a terminal, else TSV)");
}

}  // namespace qvdhouse::cli
