#include "cli/source_models.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/planned_source.h"
#include "cli/sources.h"
#include "cli/target.h"

namespace qvdhouse::cli {
namespace {

// Why files are in no table.
class Failures {
 public:
  Failures(const Context& context, const std::string& source)
      : context_(context), source_(source) {}

  void add(const source::FileEntry& file, const std::string& why, int exit_code) {
    context_.log.error("{}: {}", short_path(file, source_), why);
    exit_codes_.push_back(exit_code);
  }
  const std::vector<int>& exit_codes() const { return exit_codes_; }

 private:
  const Context& context_;
  const std::string& source_;
  std::vector<int> exit_codes_;
};

std::string source_names(const std::vector<OpenSource>& sources) {
  std::string names;
  for (const OpenSource& source : sources) {
    names += (names.empty() ? "" : ", ") + masked_source(source.settings.url);
  }
  return names;
}

}  // namespace

SourceModels read_models(std::string_view command, const Context& context) {
  Sources sources(context);
  const std::vector<OpenSource> chosen = sources.chosen(command, true);
  const Tracked nothing = untracked(context);
  const DecidedSources decided = decide_sources(chosen, nothing, true, context);
  const AllPlanned all = plan_all(decided, nothing, context);

  SourceModels found{.document = {.version = version(),
                                  .source = source_names(chosen),
                                  .database = context.config.sync.database}};
  std::vector<int> failures;
  std::set<std::string> tables;
  for (std::size_t i = 0; i < decided.sources.size(); ++i) {
    const DecidedSource& source = decided.sources[i];
    Failures failed(context, source.options.source);
    for (const sync::Decision& decision : source.decisions) {
      const bool is_left =
          decision.action == sync::Action::kWait || decision.action == sync::Action::kRefuse;
      if (is_left) failed.add(decision.file, decision.reason, kSource);
    }
    for (const sync::PlannedTable& planned : all[i]) {
      for (const sync::PlannedFile& file : planned.files) {
        if (file.error.empty()) continue;
        failed.add(file.decision->file, file.error, exit_code_of_class(file.error_class));
      }
      if (!planned.definition) continue;
      if (tables.insert(planned.definition->name).second) {
        found.document.tables.push_back(model_of(planned, source.options.source));
        continue;
      }
      for (const sync::PlannedFile& file : planned.files) {
        if (!file.error.empty()) continue;
        failed.add(file.decision->file,
                   fmt::format("table {} is another source's; a table_prefix or name parts them",
                               planned.definition->name),
                   kSource);
      }
    }
    failures.insert(failures.end(), failed.exit_codes().begin(), failed.exit_codes().end());
  }
  found.failed_files = failures.size();
  if (failures.empty() && found.document.tables.empty() && decided.exit_code == kOk) {
    throw base::IoError(fmt::format("no files match in {}", found.document.source));
  }
  found.exit_code = failures.empty()                ? decided.exit_code
                    : found.document.tables.empty() ? failures[0]
                                                    : static_cast<int>(kPartial);
  return found;
}

void check_output_is_new(const std::string& path, bool overwrite) {
  if (path.empty() || overwrite) return;
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return;
  if (error) {
    throw base::ConfigError(
        fmt::format("{} cannot be written: {}", printable(path), error.message()));
  }
  throw base::ConfigError(
      fmt::format("{} is there already; --overwrite replaces it", printable(path)));
}

}  // namespace qvdhouse::cli
