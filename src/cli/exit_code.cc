#include "cli/exit_code.h"

#include <set>

#include "sync/outcome.h"
#include "sync/sync.h"

namespace qvdhouse::cli {

bool has_lines(const std::exception& error) {
  return dynamic_cast<const TargetError*>(&error) != nullptr ||
         dynamic_cast<const LockDriftError*>(&error) != nullptr;
}

int exit_code_of(const std::exception& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kUsage;
  if (dynamic_cast<const InitQvdError*>(&error) != nullptr) return kConfig;
  if (dynamic_cast<const base::ConfigError*>(&error) != nullptr) return kConfig;
  if (dynamic_cast<const base::SchemaError*>(&error) != nullptr) return kSchema;
  if (dynamic_cast<const base::InputError*>(&error) != nullptr) return kSource;
  if (dynamic_cast<const base::IoError*>(&error) != nullptr) return kSource;
  if (dynamic_cast<const base::ServerError*>(&error) != nullptr) return kClickHouse;
  if (dynamic_cast<const TargetError*>(&error) != nullptr) return kClickHouse;
  if (dynamic_cast<const base::VerifyError*>(&error) != nullptr) return kVerify;
  if (dynamic_cast<const base::Cancelled*>(&error) != nullptr) return kStopped;
  if (base::is_out_of_memory(error)) return kSource;
  return kUsage;
}

int exit_code_of_class(std::string_view error_class) {
  if (error_class == "config") return kConfig;
  if (error_class == "schema") return kSchema;
  if (error_class == "server") return kClickHouse;
  if (error_class == "verify") return kVerify;
  return kSource;
}

int exit_code_of_runs(const std::vector<sync::Summary>& runs) {
  std::set<int> codes;
  std::size_t sources_down = 0;
  bool any_good = false;
  for (const sync::Summary& run : runs) {
    if (run.count(sync::Outcome::kCancelled) > 0) return kStopped;
    if (!run.source_error.empty()) {
      ++sources_down;
      codes.insert(exit_code_of_class(run.source_error_class));
    }
    for (const sync::FileOutcome& file : run.files) {
      if (sync::is_failing(file)) codes.insert(exit_code_of_class(sync::failure_class(file)));
      if (sync::is_good(file)) any_good = true;
    }
  }
  if (codes.empty()) return kOk;
  const bool others_are_well = any_good || (sources_down > 0 && sources_down < runs.size());
  return others_are_well || codes.size() > 1 ? static_cast<int>(kPartial) : *codes.begin();
}

}  // namespace qvdhouse::cli
