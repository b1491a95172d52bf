// qvdhouse query: the engine's answer to one SQL statement, byte for byte as it comes.
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

// The reader of standard output went away: there is no one left to answer.
struct OutputClosed {};

std::string statement(const std::string& argument) {
  if (argument != "-") return argument;
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace

int run_query(const QueryArguments& arguments, const Context& context) {
  const std::string sql = statement(arguments.sql);
  const std::string fallback = stdout_is_terminal() ? "PrettyCompact" : "TSV";
  const std::string format = arguments.format.empty() ? fallback : arguments.format;
  const Target target = Target::open(context, false);
  try {
    clickhouse::Connection connection = target.connect(context.stop);
    at_target(context.config, [&] {
      // A FORMAT in the statement itself wins over default_format.
      connection.query_streamed(sql,
                                [](std::string_view bytes) {
                                  print(bytes);
                                  if (!output_is_open()) throw OutputClosed();
                                },
                                {{"default_format", format}});
    });
  } catch (const OutputClosed&) {
  }
  return kOk;
}

}  // namespace qvdhouse::cli
