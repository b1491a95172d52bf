// qvdhouse doctor: each thing that must be there, and what to do where it is not.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/target.h"
#include "clickhouse/engine.h"
#include "source/listing.h"

namespace qvdhouse::cli {
namespace {

struct Finding {
  std::string what;
  bool good = true;
  std::string detail;
  std::string fix;
  int exit_code = kOk;
};

// Below this the engine refuses to merge and inserts start to fail.
constexpr std::uintmax_t kLeastFreeBytes = std::uintmax_t{1} << 30;

Finding find_file(const std::string& what, const std::vector<std::filesystem::path>& candidates,
                  const std::string& fix) {
  std::string searched;
  for (const std::filesystem::path& path : candidates) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return {.what = what, .detail = path.string()};
    searched += (searched.empty() ? "" : ", ") + path.string();
  }
  return {what, false, "not found in " + searched, fix, kClickHouse};
}

// The nearest folder at or above `path` that is there.
std::filesystem::path existing_folder(std::filesystem::path path) {
  std::error_code error;
  path = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

Finding check_data_dir(const Config& config) {
  const std::filesystem::path folder = existing_folder(config.data_dir);
  const std::string what = "data directory";
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return {what, false, folder.string() + " can not be written",
            "set QVD_DATA_DIR or --data-dir to a folder of yours", kConfig};
  }
  const bool is_there = std::filesystem::exists(config.data_dir);
  return {.what = what,
          .detail = config.data_dir.string() + (is_there ? "" : " (made by the first sync)")};
}

Finding check_space(const Config& config) {
  std::error_code error;
  const auto space = std::filesystem::space(existing_folder(config.data_dir), error);
  if (error) return {"disk space", false, error.message(), "check the data directory", kConfig};
  const std::string free = format_bytes(space.available) + " free";
  if (space.available >= kLeastFreeBytes) return {.what = "disk space", .detail = free};
  return {"disk space", false, free, "free some, or move QVD_DATA_DIR to a larger disk", kConfig};
}

Finding check_target(const Context& context) {
  const std::string what = context.config.endpoint ? "ClickHouse server" : "engine starts";
  try {
    const Target target = Target::open(context, false);
    std::string answer = at_target(context.config, [&] {
      return target.connect(context.stop).query("SELECT version() FORMAT TSVRaw");
    });
    while (answer.ends_with('\n')) answer.pop_back();
    return {.what = what,
            .detail = fmt::format("version {} ({})", answer, target_name(context.config))};
  } catch (const base::Cancelled&) {
    throw;
  } catch (const base::Error& error) {
    return {what, false, error.what(),
            context.config.endpoint ? "check CLICKHOUSE_HOST, port, user and password"
                                    : "see the message; the engine's log is in the data directory",
            exit_code_of(error)};
  }
}

Finding check_source(const Config& config) {
  if (config.source.empty()) {
    return {.what = "source", .detail = "none set (name one with each sync, or set QVD_SOURCE)"};
  }
  try {
    const auto files = source::list_files(config.source, config.selection);
    const auto wanted = std::count_if(files.begin(), files.end(), [](const source::FileEntry& f) {
      return f.skip_reason.empty();
    });
    return {.what = "source",
            .detail = fmt::format("{}: {} to sync", config.source,
                                  format_quantity(static_cast<std::uint64_t>(wanted), "file"))};
  } catch (const base::Error& error) {
    return {"source", false, error.what(), "check QVD_SOURCE and its permissions",
            exit_code_of(error)};
  }
}

std::vector<Finding> examine(const Context& context) {
  const Config& config = context.config;
  std::vector<Finding> findings;
  if (!config.endpoint) {
    findings.push_back(find_file("engine library",
                                 clickhouse::engine_library_candidates(config.engine),
                                 "install qvdhouse completely, or set QVD_ENGINE_LIBRARY"));
    findings.push_back(find_file("engine binary",
                                 clickhouse::engine_binary_candidates(config.engine),
                                 "install qvdhouse completely, or set QVD_ENGINE_BINARY"));
    findings.push_back(check_data_dir(config));
    findings.push_back(check_space(config));
  }
  const bool ready = std::all_of(findings.begin(), findings.end(),
                                 [](const Finding& finding) { return finding.good; });
  if (ready) findings.push_back(check_target(context));
  findings.push_back(check_source(config));
  return findings;
}

}  // namespace

int run_doctor(const DoctorArguments& arguments, const Context& context) {
  const std::vector<Finding> findings = examine(context);
  int exit_code = kOk;
  Json json = Json::array();
  for (const Finding& finding : findings) {
    if (exit_code == kOk) exit_code = finding.exit_code;
    if (arguments.json) {
      json.push_back(Json{{"check", finding.what},
                          {"good", finding.good},
                          {"detail", finding.detail},
                          {"fix", finding.fix}});
      continue;
    }
    print_paragraph(fmt::format("{:<4}{:<19}", finding.good ? "ok" : "BAD", finding.what),
                    finding.detail, 23);
    if (!finding.good) print_paragraph(std::string(23, ' '), "Fix: " + finding.fix, 23);
  }
  if (arguments.json) print_json(json);
  return exit_code;
}

}  // namespace qvdhouse::cli
