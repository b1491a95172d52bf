#include "cli/exit_code.h"

#include <array>
#include <set>

#include "sync/failure.h"
#include "sync/outcome.h"

namespace qvdhouse::cli {

using tracking::ErrorClass;

std::span<const ExitMeaning> exit_meanings() {
  static constexpr std::array<ExitMeaning, 9> kMeanings = {{
      {kOk, "done; also when there was nothing to do"},
      {kUsage, "the command line is wrong, or names something that is not there to name"},
      {kConfig, "a setting is wrong; of `init-qvd` the command line too"},
      {kSchema, "a policy forbids the schema of a file"},
      {kSource, "a file is wrong or needs more memory than there is, or the source cannot be read"},
      {kClickHouse, "ClickHouse cannot be reached or answered with an error"},
      {kVerify, "a table is not what its file is; of `diff`: the two differ"},
      {kPartial, "some files failed and others did not, or they failed for different reasons"},
      {kStopped, "stopped by Ctrl-C or SIGTERM"},
  }};
  return kMeanings;
}

bool has_lines(const std::exception& error) {
  return dynamic_cast<const TargetError*>(&error) != nullptr ||
         dynamic_cast<const LockDriftError*>(&error) != nullptr;
}

int exit_code_of(const std::exception& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kUsage;
  if (dynamic_cast<const InitQvdError*>(&error) != nullptr) return kConfig;
  if (dynamic_cast<const TargetError*>(&error) != nullptr) return kClickHouse;
  const ErrorClass error_class = tracking::class_of(error);
  const bool is_of_a_class = error_class != ErrorClass::kIo || base::is_out_of_memory(error) ||
                             dynamic_cast<const base::IoError*>(&error) != nullptr;
  return is_of_a_class ? exit_code_of_class(error_class) : static_cast<int>(kUsage);
}

int exit_code_of_class(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kConfig:
      return kConfig;
    case ErrorClass::kSchema:
      return kSchema;
    case ErrorClass::kServer:
      return kClickHouse;
    case ErrorClass::kVerify:
      return kVerify;
    case ErrorClass::kCancelled:
      return kStopped;
    default:
      return kSource;
  }
}

int exit_code_of_runs(const std::vector<sync::Summary>& runs) {
  std::set<int> codes;
  std::size_t sources_down = 0;
  bool any_good = false;
  for (const sync::Summary& run : runs) {
    if (run.count(sync::Outcome::kCancelled) > 0) return kStopped;
    if (run.source_error) {
      ++sources_down;
      codes.insert(exit_code_of_class(sync::describe_failure(run.source_error).error_class));
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
