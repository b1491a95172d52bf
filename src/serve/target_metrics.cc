#include "serve/target_metrics.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "claim/claims.h"
#include "clickhouse/connection.h"
#include "clickhouse/quote.h"
#include "clickhouse/tab_separated.h"
#include "serve/api_json.h"
#include "serve/gauges.h"
#include "tracking/failed_files.h"

namespace qvdhouse::serve {
namespace {

namespace fs = std::filesystem;
using prometheus::Registry;

// A folder of a million files takes seconds to add up.
constexpr std::chrono::minutes kBetweenWeighings{10};

// The values of each line of an answer in TSV.
std::vector<std::vector<std::string>> cells_of(std::string_view answer) {
  std::vector<std::vector<std::string>> lines;
  while (!answer.empty()) {
    const std::size_t end = std::min(answer.find('\n'), answer.size());
    std::string_view line = answer.substr(0, end);
    auto& cells = lines.emplace_back();
    for (bool is_more = true; is_more;) {
      is_more = line.find('\t') != std::string_view::npos;
      cells.push_back(clickhouse::take_tsv_value(line));
    }
    answer.remove_prefix(std::min(end + 1, answer.size()));
  }
  return lines;
}

// What the server refuses (an old one, or for want of a grant) is not known, which is no error.
void if_known(const std::function<void()>& ask) {
  try {
    ask();
  } catch (const base::ServerError&) {
  } catch (const base::IoError&) {
  }
}

void show_version(Registry& registry, clickhouse::Connection& connection, bool is_embedded) {
  const auto lines = cells_of(connection.query("SELECT version() FORMAT TSV"));
  if (lines.empty()) return;
  gauge(registry, "qvdhouse_engine_info",
        "Always 1; the labels are the version of ClickHouse, and whether it is embedded.")
      .Add({{"version", lines[0][0]}, {"kind", is_embedded ? "embedded" : "server"}})
      .Set(1);
}

void show_memory(Registry& registry, clickhouse::Connection& connection) {
  const auto lines = cells_of(connection.query(
      "SELECT toString(value) FROM system.metrics WHERE metric = 'MemoryTracking' FORMAT TSV"));
  if (lines.empty()) return;
  set_gauge(registry, "qvdhouse_engine_memory_bytes", "Memory that ClickHouse says it uses.",
            std::stod(lines[0][0]));
}

void show_disks(Registry& registry, clickhouse::Connection& connection) {
  const auto lines = cells_of(connection.query(
      "SELECT name, toString(free_space), toString(total_space) FROM system.disks WHERE "
      "total_space < 18446744073709551615 ORDER BY name LIMIT 100 FORMAT TSV"));
  auto& free = gauge(registry, "qvdhouse_disk_free_bytes", "Free bytes of a disk of ClickHouse.");
  auto& all = gauge(registry, "qvdhouse_disk_bytes", "Bytes of a disk of ClickHouse.");
  for (const auto& line : lines) {
    free.Add({{"disk", json_text(line[0])}}).Set(std::stod(line[1]));
    all.Add({{"disk", json_text(line[0])}}).Set(std::stod(line[2]));
  }
}

void show_replicas(Registry& registry, clickhouse::Connection& connection,
                   const std::string& database) {
  const auto lines = cells_of(connection.query(
      fmt::format("SELECT toString(max(absolute_delay)), toString(max(queue_size)) FROM "
                  "system.replicas WHERE database = {} FORMAT TSV",
                  clickhouse::quote_literal(database))));
  if (lines.empty()) return;
  set_gauge(registry, "qvdhouse_replica_lag_seconds",
            "How far the tables of this server are behind their replicas, the farthest one.",
            std::stod(lines[0][0]));
  set_gauge(registry, "qvdhouse_replica_queue_entries",
            "Entries that a table's replication still has to do, of the table with most.",
            std::stod(lines[0][1]));
}

void show_claims(Registry& registry, const std::vector<claim::Worker>& workers) {
  set_gauge(registry, "qvdhouse_workers", "Runs of all machines that claim tables.",
            static_cast<double>(workers.size()));
  auto& held = gauge(registry, "qvdhouse_leases_held", "Tables that runs hold, by their machine.");
  for (const claim::Worker& worker : workers) {
    if (!worker.is_working) continue;
    held.Add({{"host", json_text(worker.host)}})
        .Increment(static_cast<double>(worker.tables.size()));
  }
}

// Bytes on disk of all files below; negative after a stop.
double bytes_below(const fs::path& folder, const std::stop_token& stop) {
  constexpr double kBlock = 512;  // of st_blocks
  double bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (stop.stop_requested()) return -1;
    struct stat facts {};
    // What is merged away meanwhile is not there any more.
    if (::lstat(entry->path().c_str(), &facts) != 0) continue;
    bytes += static_cast<double>(facts.st_blocks) * kBlock;
  }
  return bytes;
}

}  // namespace

void TargetMetrics::show_failed_files(Registry& registry, const TargetAccess& target,
                                      const std::stop_token& stop) {
  auto& failed =
      gauge(registry, "qvdhouse_failed_files",
            "Files that failed and have not been loaded since, by workflow and class of error.");
  for (const tracking::FailedFile& file :
       tracking::failed_files(target.endpoint, owners_->configuration()->database, stop)) {
    failed
        .Add({{"workflow", json_text(owners_->name_of(file.path))},
              {"class", std::string(base::to_string(file.error_class))}})
        .Increment();
  }
}

void TargetMetrics::show_data_directory(Registry& registry, Time now, const std::stop_token& stop) {
  std::error_code error;
  const fs::space_info space = fs::space(data_dir_, error);
  if (error) return;
  set_gauge(registry, "qvdhouse_data_directory_free_bytes",
            "Free bytes of the disk of the data directory.", static_cast<double>(space.available));
  set_gauge(registry, "qvdhouse_data_directory_disk_bytes",
            "Bytes of the disk of the data directory.", static_cast<double>(space.capacity));
  if (!weighed_at_ || now - *weighed_at_ >= kBetweenWeighings) {
    data_bytes_ = bytes_below(data_dir_, stop);
    weighed_at_ = now;
  }
  if (data_bytes_ < 0) return;
  set_gauge(registry, "qvdhouse_data_directory_bytes",
            "Bytes that the data directory takes, as of the last 10 minutes.", data_bytes_);
}

void TargetMetrics::show(Registry& registry, const std::optional<TargetAccess>& target,
                         const std::shared_ptr<const Configuration>& configuration, Time now,
                         const std::stop_token& stop) {
  if (!target) return;
  if (!owners_ || owners_->configuration() != configuration) owners_.emplace(configuration);
  clickhouse::Endpoint endpoint = target->endpoint;
  endpoint.database = "system";
  clickhouse::Connection connection(std::move(endpoint), stop);
  try {
    if_known([&] { show_version(registry, connection, target->is_embedded); });
    if_known([&] { show_memory(registry, connection); });
    if_known([&] { show_failed_files(registry, *target, stop); });
    if (target->is_embedded) {
      if (!data_dir_.empty()) show_data_directory(registry, now, stop);
      return;
    }
    if_known([&] { show_disks(registry, connection); });
    if (target->endpoint.dialect.replication.is_on) {
      if_known([&] { show_replicas(registry, connection, configuration->database); });
    }
    if_known([&] {
      show_claims(registry, claim::workers(target->endpoint, configuration->database, stop));
    });
  } catch (const base::Cancelled&) {
    // The service ends.
  }
}

}  // namespace qvdhouse::serve
