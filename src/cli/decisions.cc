#include "cli/decisions.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.h"

namespace qvdhouse::cli {
namespace {

constexpr std::array kAllActions = {sync::Action::kLoad, sync::Action::kSkip, sync::Action::kWait,
                                    sync::Action::kRefuse};

bool same_in_any_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

const std::string& required_source(const Config& config, std::string_view command) {
  if (!config.source.empty()) return config.source;
  throw base::ConfigError(
      fmt::format("no source is set; name the folder that holds the QVD files: `qvdhouse {} "
                  "./qvds`, or set QVD_SOURCE or `source` in qvdhouse.toml",
                  command));
}

void check_source_exists(const std::string& source) {
  const bool is_plain_path =
      source.find("://") == std::string::npos && source.find_first_of("*?[{") == std::string::npos;
  std::error_code error;
  if (!is_plain_path || std::filesystem::exists(source, error) || error) return;
  throw base::IoError(
      fmt::format("{}: there is no such file or folder; check the path, or "
                  "QVD_SOURCE",
                  source));
}

sync::Options sync_options(const Config& config) {
  sync::Options options;
  options.source = required_source(config, "sync");
  options.selection = config.selection;
  options.load.policy = config.policy;
  options.load.invalid_utf8 = config.invalid_utf8;
  options.load.batch_rows = config.batch_rows;
  options.load.streams = config.streams;
  options.load.memory_bytes = config.memory_bytes;
  options.database = config.database;
  options.lock_dir = config.data_dir / "locks";
  options.parallel_files = config.parallel_files;
  options.max_attempts = config.max_attempts;
  options.history_days = config.history_days;
  return options;
}

std::string short_path(const source::FileEntry& file, const std::string& source) {
  if (source.find("://") != std::string::npos) return file.path;
  std::error_code error;
  const auto folder = std::filesystem::weakly_canonical(source, error);
  if (error) return file.path;
  const std::string below = std::filesystem::path(file.path).lexically_relative(folder).string();
  if (below == ".") return file.name;
  return below.empty() || below.starts_with("..") ? file.path : below;
}

std::string_view action_name(sync::Action action) {
  switch (action) {
    case sync::Action::kLoad:
      return "load";
    case sync::Action::kSkip:
      return "skip";
    case sync::Action::kWait:
      return "wait";
    case sync::Action::kRefuse:
      return "refuse";
  }
  return "";
}

void print_decisions(const std::vector<sync::Decision>& decisions, const std::string& source) {
  std::vector<std::vector<std::string>> rows;
  std::uint64_t bytes_to_load = 0;
  std::string counts;
  for (const sync::Decision& decision : decisions) {
    if (decision.action == sync::Action::kLoad) bytes_to_load += decision.file.size;
    rows.push_back({std::string(action_name(decision.action)), short_path(decision.file, source),
                    format_bytes(decision.file.size), decision.table, decision.reason});
  }
  for (const sync::Action action : kAllActions) {
    const auto count = static_cast<std::uint64_t>(
        std::count_if(decisions.begin(), decisions.end(),
                      [&](const sync::Decision& d) { return d.action == action; }));
    if (count == 0) continue;
    counts += fmt::format("{}{} to {}", counts.empty() ? "" : ", ", count, action_name(action));
  }
  if (rows.empty()) {
    print("No files match.\n");
    return;
  }
  print_table({{"Do"},
               {.title = "File", .flexible = true},
               {.title = "Size", .right = true},
               {.title = "Table", .flexible = true},
               {.title = "Why", .flexible = true}},
              rows);
  print(fmt::format("\n{}: {} ({} to load)\n", format_quantity(decisions.size(), "file"), counts,
                    format_bytes(bytes_to_load)));
}

Json decision_json(const sync::Decision& decision) {
  return Json{{"path", decision.file.path},
              {"name", decision.file.name},
              {"size", decision.file.size},
              {"mtime", format_time(decision.file.mtime_us)},
              {"table", decision.table},
              {"action", action_name(decision.action)},
              {"reason_code", decision.reason_code},
              {"reason", decision.reason}};
}

bool names_file(std::string_view text, std::string_view path) {
  const std::filesystem::path file(path);
  if (same_in_any_case(text, path) || same_in_any_case(text, file.filename().string()) ||
      same_in_any_case(text, file.stem().string())) {
    return true;
  }
  std::error_code error;
  const auto absolute = std::filesystem::weakly_canonical(std::filesystem::path(text), error);
  return !error && absolute == file;
}

}  // namespace qvdhouse::cli
