// The ClickHouse that a command works on: the embedded engine of the data directory, or a server.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "clickhouse/connection.h"
#include "clickhouse/engine.h"
#include "config/config.h"
#include "tracking/tracking.h"

namespace qvdhouse::cli {

class Target {
 public:
  // Attaches to the embedded engine or starts it, or finds that the server answers; creates the
  // database where it is absent and `may_create` (always, when embedded). With `native_clients` the
  // engine gets a TCP port too. Throws TargetError when it cannot be reached, ConfigError (with
  // `may_create` also when it is several servers; also for a data directory that was found and may
  // be another user's doing, and, without `may_create`, for one that is not there), ServerError,
  // Cancelled.
  static Target open(const Context& context, bool may_create, bool native_clients = false);

  // The same for what only reads: as the user who can read and nothing else, where there is one.
  static Target open_to_read(const Context& context, bool native_clients = false);

  // The same as open() without making anything: an embedded target that was never used is stood in
  // for by an empty one of the same engine, which goes with this object.
  static Target open_to_ask(const Context& context);

  const clickhouse::Endpoint& endpoint() const { return endpoint_; }
  // Null when the target is a server.
  const clickhouse::Engine* engine() const { return engine_ ? &*engine_ : nullptr; }
  clickhouse::Connection connect(std::stop_token stop) const;
  // For requests that must not fail for want of our own database.
  clickhouse::Connection connect_anywhere(std::stop_token stop) const;
  tracking::Tracking tracking(const Config& config) const;

 private:
  std::shared_ptr<const std::filesystem::path> folder_;  // of the stand-in; outlives its engine
  std::optional<clickhouse::Engine> engine_;
  clickhouse::Endpoint endpoint_;
};

// False when the target is embedded and has never been used: then there is nothing to ask.
bool target_may_hold_data(const Config& config);

// Where runs of an embedded target have their locks; empty for a server.
std::filesystem::path locks_of_target(const Config& config);

// "embedded in ./qvdhouse-data, database local" or "http://host:8123, database default".
std::string target_name(const Config& config);

// What a decision is made from: Tracking::files() and tables(), empty for a target that was never
// used. Changes nothing.
struct Tracked {
  std::vector<tracking::FileRecord> files;
  std::set<std::string> tables;
  tracking::PastLoads past;
  clickhouse::Dialect dialect;  // that plans are made for
};
Tracked read_tracked(const Context& context);
// For a plan that looks at no table: a server is asked for its dialect, the embedded engine's is
// known without starting it.
Tracked untracked(const Context& context);

// Runs `ask`, in which every IoError is ClickHouse's: it becomes a TargetError.
template <class Ask>
auto at_target(const Config& config, Ask&& ask) {
  try {
    return std::forward<Ask>(ask)();
  } catch (const base::IoError& error) {
    throw TargetError(std::string(error.what()) + " (target: " + target_name(config) + ")");
  }
}

}  // namespace qvdhouse::cli
