// The gauges of /metrics that ClickHouse and its machine are asked for: files that are failed,
// memory, disks, replicas and claims.
#pragma once

#include <prometheus/registry.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "serve/owners.h"
#include "serve/service.h"

namespace qvdhouse::serve {

// Used by one thread at a time.
class TargetMetrics {
 public:
  // `data_dir`, which may be empty: its disk and size are told where the target is embedded.
  explicit TargetMetrics(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {}

  // Puts them in. What cannot be asked now, or is not known by an old server, is left out.
  void show(prometheus::Registry& registry, const std::optional<TargetAccess>& target,
            const std::shared_ptr<const Configuration>& configuration, Time now,
            const std::stop_token& stop);

 private:
  void show_failed_files(prometheus::Registry& registry, const TargetAccess& target,
                         const std::stop_token& stop);
  void show_data_directory(prometheus::Registry& registry, Time now, const std::stop_token& stop);

  std::filesystem::path data_dir_;
  std::optional<Owners> owners_;
  double data_bytes_ = -1;  // negative: not known
  std::optional<Time> weighed_at_;
};

}  // namespace qvdhouse::serve
