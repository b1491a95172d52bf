#include "serve/alerts.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/pause.h"
#include "base/quantity.h"
#include "http/curl.h"
#include "http/fetch.h"
#include "serve/api_json.h"
#include "serve/events.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kMostFilesNamed = 10;
constexpr std::size_t kMostIncidentsNamed = 10;
constexpr std::size_t kMostChangesNamed = 10;
constexpr std::size_t kMostWaiting = 1'000;
constexpr std::size_t kMostRuns = 100;
constexpr std::size_t kMostAnomalies = 10'000;
constexpr std::chrono::milliseconds kLongestPause{60'000};
constexpr std::chrono::seconds kAfterGivenUp{60};

// The host of an http or https URL; empty for any other.
std::string receiver_of(const std::string& text) {
  const std::optional<http::Url> url = http::Url::parse(text);
  const std::string scheme = url ? url->part(CURLUPART_SCHEME) : "";
  return scheme == "http" || scheme == "https" ? url->part(CURLUPART_HOST) : "";
}

std::string utc(Time time) { return date::format("%FT%TZ", time); }

std::optional<Time> parse_utc(const std::string& text) {
  std::istringstream stream(text);
  Time time;
  stream >> date::parse("%FT%TZ", time);
  return stream.fail() ? std::nullopt : std::optional(time);
}

// "2 files broken, 1 source cannot be read or was not looked at"
std::string counts_text(const std::vector<const Incident*>& incidents) {
  const auto count = [&](Cause cause) {
    return static_cast<std::uint64_t>(std::ranges::count(incidents, cause, &Incident::cause));
  };
  std::string text;
  const auto add = [&](std::uint64_t number, const std::string& what) {
    if (number > 0) text += (text.empty() ? "" : ", ") + what;
  };
  add(count(Cause::kTarget), "ClickHouse fails");
  const std::uint64_t sources = count(Cause::kSource);
  add(sources, base::format_quantity(sources, "source") + " not looked at");
  const std::uint64_t files = count(Cause::kFile);
  add(files, base::format_quantity(files, "file") + " broken");
  return text;
}

// What, since when, how many, and the first error once.
std::string incidents_text(const std::vector<const Incident*>& incidents) {
  const Incident& first = *incidents.front();
  if (incidents.size() == 1) {
    std::string text = first.title;
    if (!first.workflow.empty() && first.cause == Cause::kFile) text += " in " + first.workflow;
    text += fmt::format(", since {}", utc(first.since));
    if (first.count > 1) text += fmt::format(", {} times", first.count);
    if (!first.error.empty()) text += ": " + first.error;
    if (!first.file_path.empty()) text += "\n• " + first.file_path;
    return text;
  }
  const auto* oldest = *std::ranges::min_element(incidents, {}, &Incident::since);
  std::string text = fmt::format("{}, since {}", counts_text(incidents), utc(oldest->since));
  if (!first.error.empty()) text += ": " + first.error;
  for (std::size_t i = 0; i < incidents.size() && i < kMostIncidentsNamed; ++i) {
    const Incident& one = *incidents[i];
    text += "\n• " + (one.file_path.empty() ? one.title : one.file_path);
  }
  if (incidents.size() > kMostIncidentsNamed) {
    text += fmt::format("\n• and {} more", incidents.size() - kMostIncidentsNamed);
  }
  return text;
}

// Their workflow; empty when they are of several.
template <class Workflows>
std::string common_workflow(const Workflows& workflows) {
  const std::set<std::string> names(workflows.begin(), workflows.end());
  return names.size() == 1 ? *names.begin() : "";
}

}  // namespace

// What one look found, by id; and which of it can be judged now.
class Alerts::Look {
 public:
  Look(const VerdictFacts& facts, const Judgement& judgement)
      : now(facts.now),
        facts_(facts),
        // What is not asked for, or more than is named, is not over.
        are_files_known_(facts.is_tracking_known &&
                         facts.failed_files <= facts.broken_files.size()) {
    for (const Incident& incident : judgement.incidents) standing.emplace(incident.id, &incident);
    for (const WorkflowFacts& workflow : facts.workflows) {
      const auto patience = workflow.stale_after;
      if (workflow.busy_since &&
          (patience.count() <= 0 || facts.now - *workflow.busy_since <= patience)) {
        busy_.emplace(workflow.name, *workflow.busy_since);
      }
    }
  }

  // While a run is under way, what it finds is told at its end; but for one that hangs.
  bool is_of_run(const std::string& workflow, Time since) const {
    const auto run = busy_.find(workflow);
    return run != busy_.end() && since >= run->second;
  }
  // That no run has looked is for the one under way to end.
  bool is_of_run(const Incident& incident) const {
    return is_of_run(incident.workflow, incident.is_overdue ? now : incident.since);
  }
  bool is_silent() const { return !facts_.is_tracking_known; }
  bool is_over(const std::string& id, const Known& known) const {
    if (standing.contains(id)) return false;
    if (known.cause == Cause::kTarget) return facts_.target.is_tried;
    if (is_silent()) return false;
    return known.cause != Cause::kFile || are_files_known_;
  }

  const Time now;
  std::map<std::string, const Incident*> standing;

 private:
  const VerdictFacts& facts_;
  bool are_files_known_;
  std::map<std::string, Time> busy_;  // since when, by workflow
};

Alerts::Alerts(AlertOptions options, spdlog::logger& log)
    : options_(std::move(options)), log_(log) {
  if (options_.url.empty()) return;
  receiver_ = receiver_of(options_.url);
  if (receiver_.empty()) {
    throw base::ConfigError("alert_url: expected an http or https URL of a webhook");
  }
  is_slack_ =
      options_.form == "slack" ||
      (options_.form == "auto" && (receiver_ == "slack.com" || receiver_.ends_with(".slack.com")));
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
  if (event.type == "file_finished" && options_.on_schema_change) note_changes(event);
  if (event.type == "file_finished") note_anomaly(event);
  if (event.type != "run_finished") return;
  last_runs_[text_of(event.data, "workflow")] = event.data;
  tell_changes(event.data);
  tell_anomalies(event.data);
  note_replicas(event.data);
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
  alert.text = fmt::format("{}: {} changed {} of tables in use", sender(), alert.workflow,
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
  std::string text = fmt::format("{}: {} found {} not as usual", sender(), workflow,
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
       .text = fmt::format("{}: {} of {} lacked rows at the end of a run; "
                           "they fetch them when they can",
                           sender(), base::format_quantity(count, "replica"), workflow),
       .details = {{"run", run}}});
}

void Alerts::look(const VerdictFacts& facts, const Judgement& judgement) {
  if (options_.url.empty()) return;
  const Look look(facts, judgement);
  const std::lock_guard lock(mutex_);
  last_look_ = look.now;
  std::erase_if(put_off_, [&](const auto& one) {
    return one.second <= look.now || one.second > look.now + kAfterGivenUp;
  });
  if (!look.is_silent()) take_over_names(look);
  tell_over(look);
  tell_new(look);
  remind(look);
}

// Incidents of a workflow that an earlier version has told of are known to the receiver.
void Alerts::take_over_names(const Look& look) {
  Incidents over;
  std::erase_if(names_before_, [&](const std::string& name) {
    bool stands = false;
    for (const auto& [id, incident] : look.standing) {
      if (incident->workflow != name) continue;
      stands = true;
      const Known known{incident->cause, name, incident->title, incident->since, look.now};
      open_.emplace(id, known);
      told_.emplace(id, known);
    }
    if (stands) return true;
    const std::string id = "workflow:" + name;
    if (look.is_of_run(name, first_gone_.emplace(id, look.now).first->second)) return false;
    over[id] = {Cause::kSource, name, name, look.now, look.now};
    return true;
  });
  if (!over.empty()) tell_recovered(std::move(over), look.now);
}

void Alerts::tell_over(const Look& look) {
  Incidents over;
  for (const auto& [id, known] : open_) {
    if (!look.is_over(id, known)) {
      first_gone_.erase(id);
      continue;
    }
    const Time since = first_gone_.emplace(id, look.now).first->second;
    if (look.is_of_run(known.workflow, since) || put_off_.contains(id)) continue;
    over.emplace(id, known);
  }
  if (!over.empty()) tell_recovered(std::move(over), look.now);
}

void Alerts::tell_new(const Look& look) {
  std::erase_if(first_new_, [&](const auto& one) {
    return open_.contains(one.first) || !look.standing.contains(one.first);
  });
  std::vector<const Incident*> fresh;
  Time oldest = look.now;
  for (const auto& [id, incident] : look.standing) {
    if (open_.contains(id) || put_off_.contains(id) || look.is_of_run(*incident)) continue;
    fresh.push_back(incident);
    Time& first = first_new_.emplace(id, look.now).first->second;
    first = std::min(first, look.now);  // a clock that was set back
    oldest = std::min(oldest, first);
  }
  if (fresh.empty() || look.now - oldest < options_.grouping) return;
  // The widest first.
  std::ranges::stable_sort(fresh, std::greater{}, &Incident::cause);
  const bool is_overdue = std::ranges::all_of(fresh, &Incident::is_overdue);
  tell(is_overdue ? "stale" : "failed", fresh, look.now);
}

void Alerts::remind(const Look& look) {
  if (options_.reminder.count() <= 0) return;
  std::vector<const Incident*> standing;
  for (const auto& [id, known] : open_) {
    const auto incident = look.standing.find(id);
    if (incident == look.standing.end() || look.now - known.told_at < options_.reminder ||
        put_off_.contains(id)) {
      continue;
    }
    standing.push_back(incident->second);
  }
  if (!standing.empty()) tell("reminder", standing, look.now);
}

// "qvdhouse prod (host-1)"
std::string Alerts::sender() const {
  if (options_.instance.empty() || options_.instance == options_.host) {
    return options_.host.empty() ? "qvdhouse" : "qvdhouse on " + options_.host;
  }
  return fmt::format("qvdhouse {} ({})", options_.instance, options_.host);
}

void Alerts::tell(const std::string& kind, const std::vector<const Incident*>& incidents,
                  Time now) {
  Alert alert{.kind = kind, .workflow = {}, .text = {}, .details = {}};
  std::vector<std::string> workflows;
  nlohmann::json list = nlohmann::json::array();
  nlohmann::json files = nlohmann::json::array();
  for (const Incident* one : incidents) {
    const std::string workflow = one->workflow;
    alert.changed[one->id] = {one->cause, workflow, one->title, one->since, now};
    workflows.push_back(workflow);
    if (list.size() < kMostIncidentsNamed) {
      list.push_back(nlohmann::json(incident_json(*one)));
    }
    if (one->cause != Cause::kFile || files.size() >= kMostFilesNamed) continue;
    files.push_back({{"file_path", one->file_path},
                     {"error", one->error},
                     {"error_class", base::to_string(one->error_class)}});
  }
  alert.workflow = common_workflow(workflows);
  const char* still = kind == "reminder" ? "still: " : "";
  alert.text = fmt::format("{}: {}{}", sender(), still, incidents_text(incidents));
  const auto run = last_runs_.find(alert.workflow);
  alert.details = {{"count", incidents.size()},
                   {"incidents", std::move(list)},
                   {"files", std::move(files)},
                   {"run", run == last_runs_.end() ? nlohmann::json() : run->second},
                   {"at", utc(now)}};
  put(std::move(alert));
}

void Alerts::tell_recovered(Incidents over, Time now) {
  Alert alert{.kind = "recovered", .workflow = {}, .text = {}, .details = {}};
  std::vector<std::string> workflows;
  nlohmann::json list = nlohmann::json::array();
  std::string lines;
  for (const auto& [id, known] : over) {
    first_gone_.erase(id);
    workflows.push_back(known.workflow);
    if (list.size() >= kMostIncidentsNamed) continue;
    lines += fmt::format("\n• {}, since {}", known.title, utc(known.since));
    list.push_back({{"id", json_text(id)},
                    {"cause", base::to_string(known.cause)},
                    {"workflow", json_text(known.workflow)},
                    {"title", json_text(known.title)},
                    {"since", utc(known.since)}});
  }
  alert.workflow = common_workflow(workflows);
  const Known& first = over.begin()->second;
  alert.text = over.size() == 1
                   ? fmt::format("{}: recovered: {}, since {}, is over", sender(), first.title,
                                 utc(first.since))
                   : fmt::format("{}: recovered: {} are over{}", sender(),
                                 base::format_quantity(over.size(), "incident"), lines);
  const auto run = last_runs_.find(alert.workflow);
  alert.details = {{"count", over.size()},
                   {"incidents", std::move(list)},
                   {"run", run == last_runs_.end() ? nlohmann::json() : run->second},
                   {"at", utc(now)}};
  alert.changed = std::move(over);
  put(std::move(alert));
}

Alerts::Counts Alerts::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool Alerts::is_idle() const {
  const std::lock_guard lock(mutex_);
  return queue_.empty() && delivering_ == nullptr;
}

// What is told after a run opens no incident.
void Alerts::update(const Alert& alert, Incidents& open) {
  for (const auto& [id, known] : alert.changed) {
    if (alert.kind == "recovered") {
      open.erase(id);
    } else {
      open.insert_or_assign(id, known);
    }
  }
}

// Under the lock.
void Alerts::put(Alert alert) {
  update(alert, open_);
  if (!options_.page.empty()) alert.text += "\n" + options_.page;
  queue_.push_back(std::move(alert));
  if (queue_.size() > kMostWaiting) {
    const Alert oldest = std::move(queue_.front());
    queue_.pop_front();
    give_up(oldest);
  }
  wake_.notify_all();
}

// Under the lock. What it tells of is open as if it had not been put.
void Alerts::give_up(const Alert& alert) {
  ++counts_.failed;
  for (const auto& [id, known] : alert.changed) {
    const auto told = told_.find(id);
    if (told == told_.end()) {
      open_.erase(id);
    } else {
      open_.insert_or_assign(id, told->second);
    }
    first_gone_.erase(id);
    put_off_[id] = last_look_ + kAfterGivenUp;
  }
  if (delivering_ != nullptr && delivering_ != &alert) update(*delivering_, open_);
  for (const Alert& waiting : queue_) update(waiting, open_);
}

void Alerts::work(const std::stop_token& stop) {
  while (true) {
    Alert alert;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      alert = std::move(queue_.front());
      queue_.pop_front();
      delivering_ = &alert;
    }
    deliver(alert, stop);
    const std::lock_guard lock(mutex_);
    delivering_ = nullptr;
  }
}

void Alerts::deliver(const Alert& alert, const std::stop_token& stop) {
  nlohmann::json json{{"text", alert.text}};
  if (!is_slack_) {
    json.update(alert.details);
    json["event"] = alert.kind;
    json["workflow"] = alert.workflow.empty() ? nlohmann::json() : nlohmann::json(alert.workflow);
    json["instance"] = options_.instance.empty() ? options_.host : options_.instance;
    json["host"] = options_.host;
    json["url"] = options_.page;
    if (!json.contains("at")) {
      json["at"] = utc(date::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    }
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
    log_.error("an alert ({}) could not be delivered to {} in {} attempts: {}", alert.kind,
               receiver_, attempt, error);
    const std::lock_guard lock(mutex_);
    give_up(alert);
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
  // As older versions wrote it.
  for (const char* name : {"failing", "stale"}) {
    for (const nlohmann::json& one : json.value(name, nlohmann::json::array())) {
      if (one.is_string()) names_before_.insert(one.get<std::string>());
    }
  }
  for (const nlohmann::json& one : list_of(json, "open")) {
    const std::string id = text_of(one, "id");
    const auto cause = base::parse<Cause>(text_of(one, "cause"));
    if (id.empty() || !cause) continue;
    const Time since = parse_utc(text_of(one, "since")).value_or(Time());
    told_[id] = {*cause, text_of(one, "workflow"), text_of(one, "title"), since,
                 parse_utc(text_of(one, "told_at")).value_or(since)};
  }
  open_ = told_;
}

void Alerts::write_state(const Alert& alert) {
  const std::lock_guard lock(mutex_);
  ++counts_.delivered;
  update(alert, told_);
  if (options_.state_file.empty()) return;
  nlohmann::json open = nlohmann::json::array();
  for (const auto& [id, known] : told_) {
    open.push_back({{"id", id},
                    {"cause", base::to_string(known.cause)},
                    {"workflow", known.workflow},
                    {"title", known.title},
                    {"since", utc(known.since)},
                    {"told_at", utc(known.told_at)}});
  }
  const nlohmann::json state{{"open", std::move(open)}, {"failing", names_before_}};
  try {
    base::write_text(options_.state_file,
                     state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } catch (const base::IoError& error) {
    log_.warn("the state of alerts is not kept: {}", error.what());
  }
}

}  // namespace qvdhouse::serve
