// What monitoring asks for, in Prometheus' text format: counters and durations that follow the
// events (so they move only after a load was committed), and gauges of how things are, as of the
// last look. docs/service.md lists all names.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "serve/alerts.h"
#include "serve/events.h"
#include "serve/service.h"

namespace qvdhouse::serve {

struct MetricsOptions {
  std::string version{};
  std::string commit{};              // of the sources; empty: not known
  std::size_t most_tables = 5'000;   // with series of their own
  std::filesystem::path data_dir{};  // whose disk and size are told of; empty: none's
};

// Thread-safe.
class Metrics {
 public:
  explicit Metrics(MetricsOptions options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void add(const Event& event);
  // Asks the service, and ClickHouse once for all tables; to be called now and then, from one
  // thread. While ClickHouse does not answer, the tables stay as they were last seen.
  void look(const Service& service, const Alerts::Counts& alerts, Time now,
            const std::stop_token& stop = {});
  // The answer to GET /metrics; its type is "text/plain; version=0.0.4".
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::serve
