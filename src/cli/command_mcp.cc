// qvdhouse mcp: the commands that only look, as tools of a language model (cli/mcp.h). Each call is
// a run of this very program with the settings of this one: what it prints is the answer.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/mcp.h"
#include "cli/output.h"
#include "config/setting.h"

namespace qvdhouse::cli {
namespace {

struct McpArguments {};

// A model pays for what it reads.
constexpr std::size_t kLongestAnswer = 200'000;  // bytes
constexpr std::string_view kMostRows = "1000";

const std::vector<McpTool>& tools() {
  static const std::vector<McpTool> kTools = {
      {"list_files",
       "List QVD files",
       "The QVD files of a source with size and time, and why some are left out. Without a source: "
       "of all that are configured.",
       {{"source",
         "a folder, file, glob or archive, as a path or a URL, or the name of a source"}}},
      {"inspect_file",
       "Inspect a QVD file",
       "Header, fields, lineage and the ClickHouse column made of each field, with the reason; "
       "problems of the file. Reads no rows into a table.",
       {{"file", "a path or a URL", true}}},
      {"plan",
       "Plan a sync",
       "What a sync would do with each file and why, with the CREATE TABLE and ALTER statements. "
       "Changes nothing.",
       {{"source", "as for list_files"},
        {"full", "as if all files were to be loaded again", false, "boolean"}}},
      {"status",
       "Status of all files",
       "The last known state of each file: its table, rows, duration, error, and what waits.",
       {}},
      {"explain_file",
       "Explain a file",
       "Why one file was loaded or skipped, its last error, and what the next sync does with it.",
       {{"file", "a path, a URL, a name or a name without .qvd", true}}},
      {"query",
       "Ask ClickHouse",
       "The rows of one SQL statement that only reads, at most 1,000 of them. Tables and columns: "
       "system.tables and system.columns of currentDatabase().",
       {{"sql", "one statement in ClickHouse's SQL", true},
        {"format", "a ClickHouse format; by default JSONCompact"}}},
  };
  return kTools;
}

std::string text_of(const Json& arguments, std::string_view name) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? std::string() : found->get<std::string>();
}

// The command line of a call. What the model said stands behind `--`: none of it is a flag.
std::vector<std::string> command_line(const McpTool& tool, const Json& arguments) {
  std::vector<std::string> words;
  std::string operand;
  if (tool.name == "list_files") {
    words = {"ls", "--json"};
    operand = text_of(arguments, "source");
  } else if (tool.name == "inspect_file") {
    words = {"inspect", "--json"};
    operand = text_of(arguments, "file");
  } else if (tool.name == "plan") {
    words = {"plan", "--json"};
    if (arguments.value("full", false)) words.emplace_back("--full");
    operand = text_of(arguments, "source");
  } else if (tool.name == "status") {
    words = {"status", "--json"};
  } else if (tool.name == "explain_file") {
    words = {"explain", "--json"};
    operand = text_of(arguments, "file");
  } else {
    const std::string format = text_of(arguments, "format");
    words = {"query", "--read-only", "--max-rows", std::string(kMostRows)};
    words.push_back("--format=" + (format.empty() ? "JSONCompact" : format));
    operand = text_of(arguments, "sql");
    if (operand == "-") throw base::ConfigError("expected a statement, found -");
  }
  if (!operand.empty()) {
    words.emplace_back("--");
    words.push_back(std::move(operand));
  }
  return words;
}

// What this program was told by flags, as variables: other users can read a command line.
std::map<std::string, std::string> child_environment(const ConfigSources& sources) {
  std::map<std::string, std::string> environment = sources.environment;
  for (const auto& [key, value] : sources.flags) {
    if (const config::Setting* setting = config::find_setting(key)) {
      environment[std::string(setting->env)] = value;
    }
  }
  return environment;
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestAnswer) return text;
  const std::size_t size = text.size();
  text.resize(kLongestAnswer);
  return text + fmt::format("\n[the first {} of {} bytes: ask for less]",
                            format_count(kLongestAnswer), format_count(size));
}

McpAnswer call(const Context& context, const McpTool& tool, const Json& arguments,
               const std::stop_token& stop) {
  std::vector<std::string> words = command_line(tool, arguments);
  if (const auto& file = context.sources.config_file) {
    words.insert(words.begin() + 1, "--config=" + file->string());
  }
  const ChildResult result = run_child(std::filesystem::read_symlink("/proc/self/exe").string(),
                                       words, child_environment(context.sources), stop);
  std::string text = result.output;
  // Warnings help, progress is not there without a terminal.
  if (!result.errors.empty()) text += (text.empty() ? "" : "\n") + result.errors;
  return {.text = shortened(std::move(text)), .is_error = result.exit_code != kOk};
}

// The lines of standard input. No line at its end, or when a stop is asked for.
class InputLines {
 public:
  explicit InputLines(std::stop_token stop) : stop_(std::move(stop)) {}

  std::optional<std::string> next() {
    std::size_t searched = 0;
    for (;;) {
      if (const std::size_t end = held_.find('\n', searched); end != std::string::npos) {
        std::string line = held_.substr(0, end);
        held_.erase(0, end + 1);
        return line;
      }
      searched = held_.size();
      if (!read_more()) return std::nullopt;
    }
  }

 private:
  bool read_more() {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    constexpr int kLook = 200;  // ms: how soon a stop is seen
    while (!stop_.stop_requested()) {
      if (::poll(&input, 1, kLook) <= 0) continue;
      std::array<char, 65536> buffer;
      const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      held_.append(buffer.data(), static_cast<std::size_t>(count));
      return true;
    }
    return false;
  }

  std::stop_token stop_;
  std::string held_;
};

int run_mcp(const McpArguments&, const Context& context) {
  if (::isatty(STDIN_FILENO) == 1) {
    context.log.info("Waiting for an MCP client on standard input; Ctrl-C ends it.");
  }
  McpSession session(
      tools(), version(),
      [&](const McpTool& tool, const Json& arguments, const std::stop_token& stop) {
        return call(context, tool, arguments, stop);
      },
      [](const std::string& message) {
        print(message + "\n");
        flush_output();
      });
  InputLines lines(context.stop);
  while (const auto line = lines.next()) {
    if (!line->empty() && *line != "\r") session.take(*line);
  }
  return context.stop.stop_requested() ? kStopped : kOk;
}

}  // namespace

void add_mcp(CommandLine& line) {
  auto [o, a] = line.add("mcp", kService, "tools for a language model, over stdio", run_mcp);
  o.example("qvdhouse mcp --data-dir /var/lib/qvdhouse");
  o.settings({Topic::kServer, Topic::kEngine});
}

}  // namespace qvdhouse::cli
