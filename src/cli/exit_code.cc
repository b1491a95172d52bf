#include "cli/exit_code.h"

#include <set>

#include "sync/sync.h"

namespace qvdhouse::cli {

int exit_code_of(const std::exception& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kUsage;
  if (dynamic_cast<const base::ConfigError*>(&error) != nullptr) return kConfig;
  if (dynamic_cast<const base::SchemaError*>(&error) != nullptr) return kSchema;
  if (dynamic_cast<const base::InputError*>(&error) != nullptr) return kSource;
  if (dynamic_cast<const base::IoError*>(&error) != nullptr) return kSource;
  if (dynamic_cast<const base::ServerError*>(&error) != nullptr) return kClickHouse;
  if (dynamic_cast<const TargetError*>(&error) != nullptr) return kClickHouse;
  if (dynamic_cast<const base::VerifyError*>(&error) != nullptr) return kVerify;
  if (dynamic_cast<const base::Cancelled*>(&error) != nullptr) return kStopped;
  return kUsage;
}

int exit_code_of_class(std::string_view error_class) {
  if (error_class == "config") return kConfig;
  if (error_class == "schema") return kSchema;
  if (error_class == "server") return kClickHouse;
  if (error_class == "verify") return kVerify;
  return kSource;
}

int exit_code_of_run(const sync::Summary& summary) {
  if (summary.count(sync::Outcome::kCancelled) > 0) return kStopped;
  if (summary.count(sync::Outcome::kFailed) == 0) return kOk;
  if (summary.count(sync::Outcome::kLoaded) > 0) return kPartial;
  std::set<int> codes;
  for (const sync::FileOutcome& file : summary.files) {
    if (file.outcome == sync::Outcome::kFailed) codes.insert(exit_code_of_class(file.error_class));
  }
  return codes.size() == 1 ? *codes.begin() : kPartial;
}

}  // namespace qvdhouse::cli
