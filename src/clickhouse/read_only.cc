#include "clickhouse/read_only.h"

#include <fmt/format.h>

#include <string>

#include "base/ascii.h"
#include "base/error.h"
#include "clickhouse/statements.h"

namespace qvdhouse::clickhouse {

Settings read_only_settings(Connection& connection, ReadOnly wanted) {
  const std::string answer =
      connection.query("SELECT value FROM system.settings WHERE name = 'readonly' FORMAT TSV");
  const std::string_view profile = base::trimmed(answer);
  const auto value = fmt::to_string(static_cast<int>(wanted));
  const std::string& user = connection.endpoint().user;
  if (profile == "0") return {{"readonly", value}};
  if (profile == "1" || profile == value) return {};
  if (profile != "2") {
    throw base::ConfigError(
        fmt::format("expected 0, 1 or 2 as the value of readonly in the profile of user {}, found "
                    "\"{}\": the request cannot be made read-only; use another user",
                    user, profile));
  }
  throw base::ConfigError(
      fmt::format("the profile of user {} says readonly = 2, which lets a request change settings "
                  "and which no request can make stricter: leave --read-only out, or use a user "
                  "whose profile says readonly = 1 or nothing (clickhouse.reader_user)",
                  user));
}

void refuse_files(Connection& connection, std::string_view statement, Settings settings) {
  constexpr std::string_view kFunction = "file";
  const Dialect& dialect = connection.endpoint().dialect;
  const bool is_known = dialect.major > 21 || (dialect.major == 21 && dialect.minor >= 3);
  if (!is_known || !may_name(statement, kFunction)) return;
  // A tree that is cut would hide its end.
  for (const char* limit : {"limit", "max_result_rows", "result_overflow_mode"}) {
    settings.erase(limit);
  }
  settings["default_format"] = "TSV";
  const std::string tree = connection.query("EXPLAIN AST " + std::string(statement), settings);
  if (shows_no_call(tree, kFunction)) return;
  throw base::ConfigError(
      "with --read-only the function file(), which reads files of the server's machine, is not "
      "allowed, nor what may hide it where these four letters, a backslash or a parameter stand: "
      "SHOW … (ask system.tables, system.columns) and APPLY; write a column of that name as "
      "TABLE.file");
}

}  // namespace qvdhouse::clickhouse
