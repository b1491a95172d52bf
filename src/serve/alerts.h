// Tells the outside when something needs a person: a webhook is called when an incident begins
// (verdict.h: a broken file, a source that cannot be read or was not looked at, a ClickHouse that
// does not answer) and when it is over, again after a while where that is asked for, after a run
// that found files which are not as usual, and, where that is set, after one that changed columns
// of tables in use. Each cause is told once, however many runs find it; causes that begin together
// are one alert. Which incidents the receiver knows is kept in a file, so that a restart repeats
// nothing; it is written after the alert went out, so that a kill loses none. What was given up is
// told again later, while it holds.
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
#include "serve/verdict.h"

namespace qvdhouse::serve {

struct AlertOptions {
  std::string url;                   // a secret (Slack's is); empty: no alerts
  std::string form = "auto";         // "json", "slack"; "auto": by the host
  std::filesystem::path state_file;  // empty: forgotten with the process
  bool on_schema_change = false;
  // From the first new cause until it is told: what begins meanwhile is told with it, and what is
  // over by then is not told at all.
  std::chrono::seconds grouping{30};
  std::chrono::seconds reminder{0};  // of incidents that last, after each such time; 0: none
  std::string instance;              // what this service is called; empty: its host
  std::string host;                  // that it runs on
  std::string page;                  // URL of its page
  unsigned attempts = 6;
  std::chrono::milliseconds first_pause{
      1'000};                        // before the second attempt; doubles up to a minute
  std::chrono::seconds timeout{10};  // of one attempt
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
  bool are_wanted() const { return !options_.url.empty(); }
  // What stands now: `judgement` is that of `facts`. Called when a run has ended and now and then.
  void look(const VerdictFacts& facts, const Judgement& judgement);
  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;  // given up
  };
  Counts counts() const;
  bool is_idle() const;  // all that was to be told is delivered or given up

 private:
  // What is remembered of an incident while it lasts.
  struct Known {
    Cause cause = Cause::kFile;
    std::string workflow{};
    std::string title{};
    Time since{};
    Time told_at{};
  };
  using Incidents = std::map<std::string, Known>;  // by Incident::id
  // NOLINTNEXTLINE(bugprone-exception-escape): a json that is moved from throws nothing
  struct Alert {
    // "failed", "stale", "recovered", "reminder"; "schema_changed", "replicas_behind", "anomaly"
    std::string kind;
    std::string workflow;  // empty: of several, or of none
    std::string text;
    nlohmann::json details;
    Incidents changed{};  // that it tells of
  };
  class Look;
  void work(const std::stop_token& stop);
  static void update(const Alert& alert, Incidents& open);
  void put(Alert alert);
  void give_up(const Alert& alert);
  void deliver(const Alert& alert, const std::stop_token& stop);
  std::string try_once(const std::string& body, bool& may_repeat) const;
  std::string sender() const;
  void tell(const std::string& kind, const std::vector<const Incident*>& incidents, Time now);
  void tell_recovered(Incidents over, Time now);
  void take_over_names(const Look& look);
  void tell_new(const Look& look);
  void tell_over(const Look& look);
  void remind(const Look& look);
  void note_changes(const Event& event);
  void tell_changes(const nlohmann::json& run);
  void note_anomaly(const Event& event);
  void tell_anomalies(const nlohmann::json& run);
  void note_replicas(const nlohmann::json& run);
  void read_state();
  void write_state(const Alert& alert);

  AlertOptions options_;
  bool is_slack_ = false;
  std::string receiver_;  // what may be said of the URL
  spdlog::logger& log_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Alert> queue_;
  const Alert* delivering_ = nullptr;
  Incidents open_;  // as the queue will leave them
  Incidents told_;  // as the receiver knows them
  // Workflows that an earlier version, which told of workflows, has told of.
  std::set<std::string> names_before_;
  // By Incident::id:
  std::map<std::string, Time> first_new_;   // the look that found it, until it is told or over
  std::map<std::string, Time> first_gone_;  // the look that found it over, until that is told
  std::map<std::string, Time> put_off_;     // not told before, since telling it failed
  Time last_look_{};
  std::map<std::string, nlohmann::json> last_runs_;               // by workflow
  std::map<std::string, std::vector<nlohmann::json>> changes_;    // of columns, by run
  std::map<std::string, std::vector<nlohmann::json>> anomalies_;  // of files, by run
  std::map<std::string, std::string> told_anomalies_;             // by path of the file
  std::set<std::string> behind_;  // workflows whose replicas were behind
  Counts counts_;
  std::jthread thread_;
};

}  // namespace qvdhouse::serve
