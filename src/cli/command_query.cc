// qvdhouse query: ClickHouse's answers to SQL statements: byte for byte as they come, but on a
// terminal without control characters.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/sql_argument.h"
#include "cli/target.h"
#include "clickhouse/engine_files.h"
#include "clickhouse/error_code.h"
#include "clickhouse/read_only.h"
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

bool starts_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(
      beginnings, [&](std::string_view beginning) { return text.starts_with(beginning); });
}

// Whether a statement of `sql` takes the parameter as a type whose text has escapes of its own.
bool is_compound(std::string_view sql, std::string_view name) {
  for (std::size_t at = sql.find('{'); at != std::string_view::npos; at = sql.find('{', at + 1)) {
    std::string_view rest = base::trimmed(sql.substr(at + 1));
    if (!rest.starts_with(name)) continue;
    rest = base::trimmed(rest.substr(name.size()));
    if (!rest.starts_with(':')) continue;
    if (starts_any(base::trimmed(rest.substr(1)), {"Array", "Map", "Nested", "Tuple"})) return true;
  }
  return false;
}

// As the server reads the value of a parameter: with the escapes of TSV, in which \N is NULL.
std::string escaped_value(std::string_view value) {
  if (value == "\\N") return std::string(value);
  std::string escaped;
  for (const char c : value) {
    constexpr std::string_view kPlain = "\\\t\n\r";
    constexpr std::string_view kLetters = "\\tnr";
    const std::size_t at = kPlain.find(c);
    if (at != std::string_view::npos) escaped += '\\';
    escaped += at == std::string_view::npos ? c : kLetters[at];
  }
  return escaped;
}

clickhouse::Settings settings_of(const QueryArguments& arguments, std::string_view sql,
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
    const std::string name = parameter.substr(0, equals);
    const std::string value = parameter.substr(equals + 1);
    settings["param_" + name] = is_compound(sql, name) ? value : escaped_value(value);
  }
  return settings;
}

// Requests share a session, but each names its database.
void refuse_use(const std::vector<Statement>& statements) {
  if (statements.size() == 1) return;
  for (const Statement& statement : statements) {
    if (!base::equal_ignoring_case(statement.first_word, "USE")) continue;
    throw UsageError(fmt::format(
        "line {}: USE has no effect on the statements behind it: name tables as DATABASE.TABLE, or "
        "choose the database by --database",
        statement.line));
  }
}

bool is_refusal(const base::ServerError& error) {
  namespace code = clickhouse::error_code;
  return error.code() == code::kReadonly || error.code() == code::kAccessDenied ||
         error.code() == code::kDatabaseAccessDenied;
}

// Who a target that only reads is logged in as.
bool is_reader(const Target& target, const Config& config) {
  const std::string& user = target.endpoint().user;
  return target.engine() != nullptr ? user == target.engine()->info().reader_user
                                    : user == config.server.reader_user;
}

class QueryRun {
 public:
  QueryRun(const QueryArguments& arguments, std::string_view sql, const Target& target,
           const Context& context)
      : arguments_(arguments),
        is_reader_(!arguments.write && is_reader(target, context.config)),
        connection_(target.connect(context.stop)),
        settings_(settings_of(arguments, sql, target.endpoint().dialect)) {
    if (arguments.write) return;
    settings_.merge(clickhouse::read_only_settings(
        connection_, arguments.read_only ? ReadOnly::kStrict : ReadOnly::kData));
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
    if (arguments_.read_only) clickhouse::refuse_files(connection_, statement.text, settings_);
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
    if (!arguments_.write && is_refusal(error)) throw_refusal(placed);
    throw placed;
  }

  // What the server says to a request that would change something, with what lets it do so.
  [[noreturn]] void throw_refusal(const base::ServerError& error) const {
    std::string message = error.what();
    message.resize(std::min(message.size(), message.find("; qvdhouse doctor shows")));
    const std::string& user = connection_.endpoint().user;
    if (arguments_.read_only) {
      message += fmt::format("; this request ran as user {} and was read-only", user);
    } else if (is_reader_) {
      message += fmt::format(
          "; the statement ran as user {}, who can only read: add --write to "
          "run it as the user who may change data",
          user);
    } else if (error.code() == clickhouse::error_code::kReadonly) {
      message += "; this request was read-only: add --write to let it change data";
    } else {
      message += fmt::format("; the statement ran as user {}", user);
    }
    throw base::ServerError(message, error.code());
  }

  const QueryArguments& arguments_;
  bool is_reader_;
  clickhouse::Connection connection_;
  clickhouse::Settings settings_;
};

int run_query(const QueryArguments& arguments, const Context& context) {
  const std::string text = text_of(arguments);
  const std::vector<Statement> statements = clickhouse::split_statements(text);
  if (statements.empty()) throw UsageError("expected a statement, found none");
  refuse_use(statements);
  const Target target =
      arguments.write ? Target::open(context, false) : Target::open_to_read(context);
  try {
    at_target(context.config, [&] { QueryRun(arguments, text, target, context).run(statements); });
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
           "the value of {NAME:Type} (\\N: NULL); --param_NAME=VALUE is the same")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  o.option("--max-rows", a.max_rows, "ROWS", "how many rows at most (0: all)");
  o->add_option("--format", a.format,
                "a ClickHouse format (default: PrettyCompact on a terminal, else TSV)");
}

}  // namespace qvdhouse::cli
