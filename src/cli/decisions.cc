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
              {"reason", decision.reason},
              {"has_other_settings", decision.has_other_settings}};
}

bool names_file(const std::string& text, std::string_view path, std::string_view name) {
  const std::string stem = std::filesystem::path(name).stem().string();
  return base::equal_ignoring_case(text, path) || base::equal_ignoring_case(text, name) ||
         base::equal_ignoring_case(text, stem) || source::identity_of(text) == path;
}

}  // namespace qvdhouse::cli
