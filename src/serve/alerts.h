// Tells the outside when something needs a person: a webhook is called when a workflow fails, when
// it has recovered, when its data grow stale, after a run that found files which are not as usual,
// and, where that is set, after one that changed columns of tables in use. One alert an incident: a
// workflow that fails again and again is told once, until it has recovered. Which incidents are
// open is kept in a file, so that a restart repeats nothing; it is written after the alert went
// out, so that a kill loses none.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serve/events.h"
#include "serve/schedule.h"

namespace qvdhouse::serve {

struct AlertOptions {
  std::string url;                   // a secret (Slack's is); empty: no alerts
  std::string form = "auto";         // "json", "slack"; "auto": by the host
  std::filesystem::path state_file;  // empty: forgotten with the process
  bool on_schema_change = false;
  unsigned attempts = 6;
  std::chrono::milliseconds first_pause{
      1'000};                        // before the second attempt; doubles up to a minute
  std::chrono::seconds timeout{10};  // of one attempt
};

// How fresh a workflow is.
struct Freshness {
  std::string workflow;
  std::optional<Time> last_good;  // when its newest run ended in which nothing failed
  std::chrono::seconds stale_after{0};
  bool is_paused = false;  // on purpose: never stale
};

// Thread-safe; calls by a thread of its own, so that nobody waits for a slow receiver.
class Alerts {
 public:
  // Throws ConfigError for a URL that is not http or https.
  Alerts(AlertOptions options, spdlog::logger& log);
  // Gives up what is not delivered yet; it is told after the next start, if it still holds.
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  // run_finished and file_finished matter.
  void add(const Event& event);
  void look(const std::vector<Freshness>& workflows, Time now);
  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;  // given up
  };
  Counts counts() const;

 private:
  // NOLINTNEXTLINE(bugprone-exception-escape): a json that is moved from throws nothing
  struct Alert {
    std::string
        kind;  // "failed", "recovered", "stale", "schema_changed", "replicas_behind", "anomaly"
    std::string workflow;
    std::string text;
    nlohmann::json details;
  };
  void work(const std::stop_token& stop);
  static void update(const Alert& alert, std::set<std::string>& failing,
                     std::set<std::string>& stale);
  void put(Alert alert);
  void deliver(const Alert& alert, const std::stop_token& stop);
  std::string try_once(const std::string& body, bool& may_repeat) const;
  void note_file(const Event& event);
  void note_changes(const Event& event);
  void tell_changes(const nlohmann::json& run);
  void note_anomaly(const Event& event);
  void tell_anomalies(const nlohmann::json& run);
  void note_run(const Event& event);
  void note_replicas(const nlohmann::json& run);
  void read_state();
  void write_state(const Alert& alert);

  AlertOptions options_;
  bool is_slack_ = false;
  std::string host_;  // what may be said of the URL
  spdlog::logger& log_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Alert> queue_;
  std::set<std::string> failing_;  // workflows, as the queue will leave them
  std::set<std::string> stale_;
  std::set<std::string> told_failing_;  // as the receiver knows them
  std::set<std::string> told_stale_;
  std::map<std::string, std::vector<nlohmann::json>> failed_files_;  // by run
  std::map<std::string, std::vector<nlohmann::json>> changes_;       // of columns, by run
  std::map<std::string, std::vector<nlohmann::json>> anomalies_;     // of files, by run
  std::map<std::string, std::string> told_anomalies_;                // by path of the file
  std::set<std::string> behind_;  // workflows whose replicas were behind
  Counts counts_;
  std::jthread thread_;
};

}  // namespace qvdhouse::serve
