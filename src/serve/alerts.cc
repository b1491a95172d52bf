#include "serve/alerts.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/pause.h"
#include "base/quantity.h"
#include "http/curl.h"
#include "http/fetch.h"
#include "serve/events.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kMostFilesNamed = 10;
constexpr std::size_t kMostChangesNamed = 10;
constexpr std::size_t kMostWaiting = 1'000;
constexpr std::size_t kMostRuns = 100;
constexpr std::size_t kMostAnomalies = 10'000;
constexpr std::chrono::milliseconds kLongestPause{60'000};

// The host of an http or https URL; empty for any other.
std::string host_of(const std::string& text) {
  const std::optional<http::Url> url = http::Url::parse(text);
  const std::string scheme = url ? url->part(CURLUPART_SCHEME) : "";
  return scheme == "http" || scheme == "https" ? url->part(CURLUPART_HOST) : "";
}

std::string utc(Time time) { return date::format("%FT%TZ", time); }

}  // namespace

Alerts::Alerts(AlertOptions options, spdlog::logger& log)
    : options_(std::move(options)), log_(log) {
  if (options_.url.empty()) return;
  host_ = host_of(options_.url);
  if (host_.empty()) {
    throw base::ConfigError("alert_url: expected an http or https URL of a webhook");
  }
  is_slack_ = options_.form == "slack" ||
              (options_.form == "auto" && (host_ == "slack.com" || host_.ends_with(".slack.com")));
  read_state();
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Alerts::~Alerts() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Alerts::add(const Event& event) {
  if (options_.url.empty()) return;
  const std::lock_guard lock(mutex_);
  if (event.type == "file_finished") note_file(event);
  if (event.type == "file_finished" && options_.on_schema_change) note_changes(event);
  if (event.type == "file_finished") note_anomaly(event);
  if (event.type == "run_finished") tell_changes(event.data);
  if (event.type == "run_finished") tell_anomalies(event.data);
  if (event.type == "run_finished") note_run(event);
  if (event.type == "run_finished") note_replicas(event.data);
}

void Alerts::note_file(const Event& event) {
  if (!is_bad(outcome_of(event.data))) return;
  // A run whose end was never told is dropped at last.
  if (failed_files_.size() > kMostRuns) failed_files_.erase(failed_files_.begin());
  std::vector<nlohmann::json>& files = failed_files_[text_of(event.data, "run_id")];
  if (files.size() >= kMostFilesNamed) return;
  files.push_back({{"file_path", text_of(event.data, "file_path")},
                   {"error", text_of(event.data, "error")},
                   {"error_class", text_of(event.data, "error_class")}});
}

void Alerts::note_changes(const Event& event) {
  const auto changes = list_of(event.data, "schema_changes");
  if (changes.empty()) return;
  if (changes_.size() > kMostRuns) changes_.erase(changes_.begin());
  std::vector<nlohmann::json>& all = changes_[text_of(event.data, "run_id")];
  for (const nlohmann::json& change : changes) {
    if (all.size() >= kMostChangesNamed) return;
    all.push_back(change);
    all.back()["table_name"] = text_of(event.data, "table_name");
    all.back()["file_path"] = text_of(event.data, "file_path");
  }
}

// However the run ended: what was changed stays so.
void Alerts::tell_changes(const nlohmann::json& run) {
  auto collected = changes_.extract(text_of(run, "run_id"));
  if (collected.empty()) return;
  const std::uint64_t count = count_of(run, "schema_changes");
  Alert alert{
      .kind = "schema_changed", .workflow = text_of(run, "workflow"), .text = {}, .details = {}};
  alert.text = fmt::format("qvdhouse: {} changed {} of tables in use", alert.workflow,
                           base::format_quantity(count, "column"));
  nlohmann::json changes = nlohmann::json::array();
  for (nlohmann::json& change : collected.mapped()) {
    const auto type = [&](const char* name) {
      const std::string text = text_of(change, name);
      return text.empty() ? "not there" : text;
    };
    alert.text += fmt::format("\n• {}.{}: {} → {} ({})", text_of(change, "table_name"),
                              text_of(change, "column"), type("from"), type("to"),
                              text_of(change, "file_path"));
    changes.push_back(std::move(change));
  }
  alert.details = {{"run", run}, {"changes", std::move(changes)}};
  put(std::move(alert));
}

// A file that is held is so in each run: it is told once, until something else is odd about it.
void Alerts::note_anomaly(const Event& event) {
  const std::string path = text_of(event.data, "file_path");
  const std::string anomaly = text_of(event.data, "anomaly");
  if (anomaly.empty()) {
    told_anomalies_.erase(path);
    return;
  }
  const auto [told, is_new] = told_anomalies_.emplace(path, anomaly);
  if (!is_new && std::exchange(told->second, anomaly) == anomaly) return;
  if (told_anomalies_.size() > kMostAnomalies) told_anomalies_.erase(told_anomalies_.begin());
  if (anomalies_.size() > kMostRuns) anomalies_.erase(anomalies_.begin());
  std::vector<nlohmann::json>& files = anomalies_[text_of(event.data, "run_id")];
  if (files.size() >= kMostFilesNamed) return;
  files.push_back({{"file_path", path},
                   {"table_name", text_of(event.data, "table_name")},
                   {"status", text_of(event.data, "status")},
                   {"anomaly", anomaly}});
}

void Alerts::tell_anomalies(const nlohmann::json& run) {
  auto collected = anomalies_.extract(text_of(run, "run_id"));
  if (collected.empty()) return;
  const std::string workflow = text_of(run, "workflow");
  std::string text = fmt::format("qvdhouse: {} found {} not as usual", workflow,
                                 base::format_quantity(collected.mapped().size(), "file"));
  for (const nlohmann::json& file : collected.mapped()) {
    text += fmt::format("\n• {} ({}): {}", text_of(file, "file_path"), text_of(file, "status"),
                        text_of(file, "anomaly"));
  }
  put({.kind = "anomaly",
       .workflow = workflow,
       .text = std::move(text),
       .details = {{"run", run}, {"files", collected.mapped()}}});
}

// Told once, until a run ends with all replicas in step.
void Alerts::note_replicas(const nlohmann::json& run) {
  const std::string workflow = text_of(run, "workflow");
  const std::uint64_t count = count_of(run, "replicas_behind");
  if (count == 0) {
    behind_.erase(workflow);
    return;
  }
  if (!behind_.insert(workflow).second) return;
  put({.kind = "replicas_behind",
       .workflow = workflow,
       .text = fmt::format("qvdhouse: {} of {} lacked rows at the end of a run; "
                           "they fetch them when they can",
                           base::format_quantity(count, "replica"), workflow),
       .details = {{"run", run}}});
}

void Alerts::note_run(const Event& event) {
  const nlohmann::json& data = event.data;
  const std::string workflow = text_of(data, "workflow");
  const std::optional<tracking::RunState> state = run_state_of(data);
  auto collected = failed_files_.extract(text_of(data, "run_id"));
  const bool failed = is_bad(state) || count_of(data, "failing_files") > 0;
  // A run that was cancelled or left out says nothing about the state of the files.
  if (!failed && state != tracking::RunState::kCompleted) return;
  if (failed == failing_.contains(workflow)) return;
  Alert alert;
  alert.kind = failed ? "failed" : "recovered";
  alert.workflow = workflow;
  alert.text = fmt::format("qvdhouse: {} {}", workflow, failed ? "failed" : "has recovered");
  nlohmann::json files = nlohmann::json::array();
  if (failed) {
    if (const std::string error = text_of(data, "error"); !error.empty())
      alert.text += ": " + error;
    if (!collected.empty()) files = std::move(collected.mapped());
    for (const nlohmann::json& file : files) {
      alert.text += fmt::format("\n• {}: {}", text_of(file, "file_path"), text_of(file, "error"));
    }
  }
  alert.details = {{"run", data}, {"files", std::move(files)}};
  put(std::move(alert));
}

void Alerts::look(const std::vector<Freshness>& workflows, Time now) {
  if (options_.url.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Freshness& one : workflows) {
    if (!one.last_good || one.stale_after <= std::chrono::seconds(0) || one.is_paused) continue;
    const std::chrono::seconds age = now - *one.last_good;
    const bool is_stale = age > one.stale_after;
    if (is_stale == stale_.contains(one.workflow)) continue;
    Alert alert;
    alert.kind = is_stale ? "stale" : "recovered";
    alert.workflow = one.workflow;
    alert.text =
        is_stale ? fmt::format(
                       "qvdhouse: {} is stale: the last good run ended at {}, {:.1f} "
                       "hours ago",
                       one.workflow, utc(*one.last_good), static_cast<double>(age.count()) / 3'600)
                 : fmt::format("qvdhouse: {} is fresh again", one.workflow);
    alert.details = {{"last_good_at", utc(*one.last_good)},
                     {"stale_after_seconds", one.stale_after.count()},
                     {"was_stale", true}};
    put(std::move(alert));
  }
}

Alerts::Counts Alerts::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// What is told after a run opens no incident.
void Alerts::update(const Alert& alert, std::set<std::string>& failing,
                    std::set<std::string>& stale) {
  if (alert.kind != "failed" && alert.kind != "stale" && alert.kind != "recovered") return;
  std::set<std::string>& open = alert.details.contains("was_stale") ? stale : failing;
  if (alert.kind == "recovered") {
    open.erase(alert.workflow);
  } else {
    open.insert(alert.workflow);
  }
}

// Under the lock.
void Alerts::put(Alert alert) {
  update(alert, failing_, stale_);
  if (queue_.size() >= kMostWaiting) {
    queue_.pop_front();
    ++counts_.failed;
  }
  queue_.push_back(std::move(alert));
  wake_.notify_all();
}

void Alerts::work(const std::stop_token& stop) {
  while (true) {
    Alert alert;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      alert = std::move(queue_.front());
      queue_.pop_front();
    }
    deliver(alert, stop);
  }
}

void Alerts::deliver(const Alert& alert, const std::stop_token& stop) {
  nlohmann::json json{{"text", alert.text}};
  if (!is_slack_) {
    json.update(alert.details);
    json["event"] = alert.kind;
    json["workflow"] = alert.workflow;
    json["at"] = utc(date::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  }
  const std::string body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::chrono::milliseconds pause = options_.first_pause;
  for (unsigned attempt = 1;; ++attempt) {
    bool may_repeat = true;
    const std::string error = try_once(body, may_repeat);
    if (error.empty()) {
      write_state(alert);
      return;
    }
    if (may_repeat && attempt < options_.attempts) {
      if (!base::pause_for(pause, stop)) return;
      pause = std::min(pause * 2, kLongestPause);
      continue;
    }
    log_.error("the alert that {} {} could not be delivered to {} in {} attempts: {}",
               alert.workflow, alert.kind, host_, attempt, error);
    const std::lock_guard lock(mutex_);
    ++counts_.failed;
    return;
  }
}

// Empty when the receiver took it, else why not. The URL is a secret and never part of it.
std::string Alerts::try_once(const std::string& body, bool& may_repeat) const {
  const http::Response response =
      http::fetch({.url = options_.url, .json = body, .timeout = options_.timeout});
  may_repeat = http::may_be_taken_later(response);
  return http::is_taken(response) ? "" : http::refusal_of(response);
}

void Alerts::read_state() {
  if (options_.state_file.empty()) return;
  std::ifstream stream(options_.state_file);
  const nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object()) return;
  const auto read = [&](const char* name, std::set<std::string>& names) {
    for (const nlohmann::json& one : json.value(name, nlohmann::json::array())) {
      if (one.is_string()) names.insert(one.get<std::string>());
    }
  };
  read("failing", told_failing_);
  read("stale", told_stale_);
  failing_ = told_failing_;
  stale_ = told_stale_;
}

void Alerts::write_state(const Alert& alert) {
  const std::lock_guard lock(mutex_);
  ++counts_.delivered;
  update(alert, told_failing_, told_stale_);
  if (options_.state_file.empty()) return;
  const nlohmann::json state{{"failing", told_failing_}, {"stale", told_stale_}};
  try {
    base::write_text(options_.state_file,
                     state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } catch (const base::IoError& error) {
    log_.warn("the state of alerts is not kept: {}", error.what());
  }
}

}  // namespace qvdhouse::serve
