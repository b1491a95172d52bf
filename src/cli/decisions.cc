#include "cli/decisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/exit_code.h"
#include "source/scope.h"

namespace qvdhouse::cli {
namespace {

constexpr std::array kAllActions = {decide::Action::kLoad,  decide::Action::kSkip,
                                    decide::Action::kWait,  decide::Action::kRefuse,
                                    decide::Action::kAdopt, decide::Action::kRemove};

}  // namespace

sync::Options sync_options(const Config& config, const SourceSettings& source) {
  sync::Options options;
  options.source = source.url;
  options.selection = source.selection;
  options.load.policy = config.policy;
  options.load.policy.table_prefix = source.table_prefix;
  options.load.invalid_utf8 = config.invalid_utf8;
  options.load.batch_rows = config.batch_rows;
  options.load.streams = config.streams;
  options.load.memory_bytes = config.memory_bytes;
  options.database = config.database;
  options.lock_dir = config.data_dir / "locks";
  options.parallel_files = config.parallel_files;
  options.max_attempts = config.max_attempts;
  options.file_timeout = config.file_timeout;
  options.min_age = config.min_age;
  options.load.zero_tail = config.zero_tail;
  options.history_days = config.history_days;
  options.tables = config.tables;
  options.max_file_partitions = config.max_file_partitions;
  options.lease.patience = config.claim_wait;
  return options;
}

DecidedSources decide_sources(const std::vector<OpenSource>& sources, const Tracked& tracked,
                              bool full, const Context& context) {
  DecidedSources decided{.sources = {}, .asked = sources.size()};
  std::size_t well = 0;
  const auto note = [&](int code) {
    decided.exit_code = decided.exit_code == kOk ? code : static_cast<int>(kPartial);
  };
  for (const OpenSource& source : sources) {
    sync::Options options = sync_options(context.config, source.settings);
    options.full = full;
    options.load.policy.dialect = tracked.dialect;
    try {
      std::string problem;
      auto decisions =
          sync::decide(options, source.storage, tracked.files, tracked.tables, &problem);
      if (!problem.empty()) {
        context.log.error("{}: {}", source_title(source.settings), problem);
        note(kSource);
      } else {
        ++well;
      }
      decided.sources.push_back({source, std::move(options), std::move(decisions)});
    } catch (const base::Cancelled&) {
      throw;
    } catch (const base::Error& error) {
      if (sources.size() == 1) throw;
      context.log.error("{}: {}", source_title(source.settings), error.what());
      note(exit_code_of(error));
    }
  }
  if (decided.exit_code != kOk && well > 0) decided.exit_code = kPartial;
  return decided;
}

std::string short_path(const source::FileEntry& file, const std::string& source) {
  return source::Scope(source).relative(file.path);
}

void print_decisions(const std::vector<decide::Decision>& decisions, const SourceSettings& source,
                     bool with_title) {
  if (with_title) print(fmt::format("\n{}\n", printable(source_title(source))));
  std::vector<std::vector<std::string>> rows;
  std::uint64_t bytes_to_load = 0;
  std::string counts;
  for (const decide::Decision& decision : decisions) {
    if (decision.action == decide::Action::kLoad) bytes_to_load += decision.file.size;
    rows.push_back({std::string(base::to_string(decision.action)),
                    short_path(decision.file, source.url), format_bytes(decision.file.size),
                    decision.table, decision.reason});
  }
  for (const decide::Action action : kAllActions) {
    const auto count = static_cast<std::uint64_t>(
        std::count_if(decisions.begin(), decisions.end(),
                      [&](const decide::Decision& d) { return d.action == action; }));
    if (count == 0) continue;
    counts += fmt::format("{}{} to {}", counts.empty() ? "" : ", ", count, base::to_string(action));
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

Json decision_json(const decide::Decision& decision) {
  return Json{{"path", decision.file.path},
              {"name", decision.file.name},
              {"size", decision.file.size},
              {"mtime", format_time(decision.file.mtime_us)},
              {"table", decision.table},
              {"stored_as", decision.table.empty() ? "" : decision.stored_as},
              {"moved_from", decision.moved_from},
              {"action", base::to_string(decision.action)},
              {"reason_code", base::to_string(decision.reason_code)},
              {"reason", decision.reason}};
}

bool names_file(const std::string& text, std::string_view path, std::string_view name) {
  const std::string stem = std::filesystem::path(name).stem().string();
  return base::equal_ignoring_case(text, path) || base::equal_ignoring_case(text, name) ||
         base::equal_ignoring_case(text, stem) || source::identity_of(text) == path;
}

}  // namespace qvdhouse::cli
