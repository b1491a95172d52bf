// qvdhouse logs: what the service says, out of its log file, or asked of it where there is none.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include "base/encoding.h"
#include "base/pause.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/service_client.h"
#include "cli/text_width.h"
#include "serve/log_book.h"

namespace qvdhouse::cli {
namespace {

struct LogsArguments {
  bool tail = false;
  std::string filter;
  std::string level;
  std::size_t limit = 100;
  bool json = false;
};

constexpr std::chrono::milliseconds kBetweenLooks{1'000};
constexpr std::size_t kMostAtOnce = 500;  // of the API, and between two looks

using Lines = std::vector<serve::LogLine>;

Lines ask_service(const LogsArguments& arguments, std::size_t limit, const Context& context) {
  std::string path = fmt::format("/api/logs?limit={}", std::min(limit, kMostAtOnce));
  if (!arguments.filter.empty()) path += "&filter=" + base::encode_component(arguments.filter);
  if (!arguments.level.empty()) path += "&level=" + base::encode_component(arguments.level);
  const Json answer = ServiceClient(context.config.serve).get(path);
  Lines lines;
  for (const Json& json : answer.at("lines")) {
    serve::LogLine line;
    if (serve::parse_log_line(json.dump(), line)) lines.push_back(std::move(line));
  }
  return lines;
}

Lines newest(const LogsArguments& arguments, std::size_t limit, const Context& context) {
  const std::filesystem::path& file = context.config.serve.log.file;
  if (file.empty()) return ask_service(arguments, limit, context);
  serve::LogFilter filter;
  filter.text = arguments.filter;
  filter.level = arguments.level;
  return serve::read_log_file(file, limit, filter);
}

bool is_same(const serve::LogLine& a, const serve::LogLine& b) {
  return a.at_us == b.at_us && a.message == b.message && a.run_id == b.run_id && a.file == b.file;
}

void print_lines(Lines::const_iterator first, Lines::const_iterator last, bool json) {
  for (; first != last; ++first) {
    print(json ? to_json(*first).dump(-1, ' ', false, Json::error_handler_t::replace)
               : printable(to_text(*first)));
    print("\n");
  }
}

// Prints what is added, until it is stopped.
void follow(const LogsArguments& arguments, Lines shown, const Context& context) {
  while (base::pause_for(kBetweenLooks, context.stop)) {
    Lines lines = newest(arguments, kMostAtOnce, context);
    auto from = lines.cbegin();
    if (!shown.empty()) {
      const auto known =
          std::find_if(lines.crbegin(), lines.crend(),
                       [&](const serve::LogLine& line) { return is_same(line, shown.back()); });
      from = known.base();  // all of them when the last one is no longer among them
    }
    print_lines(from, lines.cend(), arguments.json);
    if (!lines.empty()) shown = std::move(lines);
  }
}

int run_logs(const LogsArguments& arguments, const Context& context) {
  const Lines lines = newest(arguments, arguments.limit, context);
  print_lines(lines.cbegin(), lines.cend(), arguments.json);
  if (arguments.tail) follow(arguments, lines, context);
  return kOk;
}

}  // namespace

void add_logs(CommandLine& line) {
  auto [o, a] = line.add("logs", kService, "what the service says", run_logs);
  o.example("qvdhouse logs --tail --filter sales.qvd");
  o.settings({Topic::kService});
  o.flag("-t,--tail", a.tail, "go on with what is added, until Ctrl-C");
  o.option("--filter", a.filter, "TEXT", "a text in the message, event, workflow, run or file");
  o.option("--level", a.level, "LEVEL", "the minimum level")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  o->add_option("--limit", a.limit, "most lines shown")->capture_default_str();
  o.flag("--json", a.json, "print a JSON object a line");
}

}  // namespace qvdhouse::cli
