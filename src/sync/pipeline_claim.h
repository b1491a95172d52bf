// The right of one run to write certain tables of a server, kept in the server for pipelines on
// other machines to see: a row with a heartbeat in QvdPipelineClaims. On one machine sync/claim.h
// is exact and enough, so the embedded engine needs none.
//
// Without atomic operations in the server, a run first writes that it wants the tables and then
// looks: only one that sees no other goes on; two that see each other both step back, and come
// again after different times.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "clickhouse/connection.h"

namespace qvdhouse::sync {

// The name of this machine, for people to read; "(unknown)" where it has none.
std::string host_name();

struct ClaimOptions {
  std::chrono::seconds heartbeat{10};
  std::chrono::seconds expiry{60};     // without a heartbeat
  std::chrono::seconds patience{600};  // for another holder; 0: none
};

class PipelineClaim {
 public:
  // Waits for other holders of any of `tables`, saying whom in the log; throws ServerError naming
  // host, process, run, start and last heartbeat when patience ends; Cancelled. A holder that has
  // ended on this machine counts for nothing. `had_to_wait` then tells to look again at what is
  // loaded.
  PipelineClaim(const clickhouse::Endpoint& endpoint, const std::string& database,
                const std::set<std::string>& tables, const std::string& run_id,
                const ClaimOptions& options, spdlog::logger& log, std::stop_token stop);
  // Gives the claim back.
  ~PipelineClaim();
  PipelineClaim(const PipelineClaim&) = delete;
  PipelineClaim& operator=(const PipelineClaim&) = delete;

  bool had_to_wait() const;
  // Before a commit: throws ServerError when the claim may have expired meanwhile (no heartbeat
  // could be written for longer than half of it).
  void check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::sync
