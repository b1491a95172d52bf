#include "serve/metrics.h"

#include <date/date.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "serve/api_json.h"
#include "serve/events.h"
#include "serve/gauges.h"
#include "serve/target_metrics.h"
#include "tracking/overview.h"

namespace qvdhouse::serve {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Registry;

const Histogram::BucketBoundaries kSeconds = {0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600, 14'400};

Family<Counter>& counter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Histogram>& histogram(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

// What the events add up to, since the service began.
struct Flow {
  Registry registry;
  Family<Counter>& runs = counter(registry, "qvdhouse_runs_total", "Runs that ended, by outcome.");
  Family<Counter>& run_retries =
      counter(registry, "qvdhouse_run_retries_total", "Runs that were tried again as a whole.");
  Family<Histogram>& run_seconds =
      histogram(registry, "qvdhouse_run_duration_seconds", "Duration of runs.");
  Family<Counter>& files =
      counter(registry, "qvdhouse_files_total", "Files that runs looked at, by outcome.");
  Family<Counter>& failures =
      counter(registry, "qvdhouse_file_failures_total", "Files that failed, by class of error.");
  Family<Counter>& retries = counter(registry, "qvdhouse_file_retries_total",
                                     "Attempts at a file after its first in a run.");
  Family<Counter>& changes =
      counter(registry, "qvdhouse_schema_changes_total",
              "Columns of tables in use that a load changed, by kind of change.");
  Family<Gauge>& behind = gauge(registry, "qvdhouse_replicas_behind",
                                "Replicas that lacked rows of the newest run at its end.");
  Family<Counter>& anomalies =
      counter(registry, "qvdhouse_file_anomalies_total",
              "Files that runs found far from their last loads, by outcome.");
  Family<Counter>& rows = counter(registry, "qvdhouse_rows_total", "Rows that were committed.");
  Family<Counter>& left_out =
      counter(registry, "qvdhouse_rows_left_out_total",
              "Rows of committed files that are not in their table, and why.");
  Family<Counter>& bytes =
      counter(registry, "qvdhouse_file_bytes_total", "Bytes of the files that were committed.");
  Family<Counter>& sent = counter(registry, "qvdhouse_sent_bytes_total",
                                  "Bytes sent to ClickHouse for what was committed.");
  Family<Histogram>& file_seconds =
      histogram(registry, "qvdhouse_file_duration_seconds", "Duration of committed loads.");
  Family<Histogram>& step_seconds = histogram(registry, "qvdhouse_step_duration_seconds",
                                              "Duration of the steps of committed loads.");
};

// Seconds of Unix time of a header's CreateUtcTime; nothing for another text.
std::optional<double> time_in_header(const std::string& created) {
  std::istringstream stream(created);
  Time time;
  stream >> date::parse("%F %T", time);
  if (stream.fail()) return std::nullopt;
  return static_cast<double>(time.time_since_epoch().count());
}

// By table: from the creation of its newest QVD file until it could be queried, in seconds.
using Freshnesses = std::map<std::string, double>;

// `created` is the header's CreateUtcTime, `loaded` seconds of Unix time. A time that is not known
// changes nothing.
void set_freshness(Freshnesses& all, const std::string& table, const std::string& created,
                   double loaded, std::size_t most) {
  const std::optional<double> at = time_in_header(created);
  if (!at || loaded < *at || (all.size() >= most && !all.contains(table))) return;
  all[table] = loaded - *at;
}

double seconds_of(std::int64_t time_us) { return static_cast<double>(time_us) / 1e6; }

void count_file(Flow& flow, const nlohmann::json& data) {
  const Labels workflow{{"workflow", text_of(data, "workflow")}};
  const std::string status = text_of(data, "status");
  flow.files.Add({{"workflow", text_of(data, "workflow")}, {"outcome", status}}).Increment();
  const std::uint64_t attempts = count_of(data, "attempts");
  if (attempts > 1) flow.retries.Add(workflow).Increment(static_cast<double>(attempts - 1));
  const std::optional<sync::Outcome> outcome = outcome_of(data);
  if (is_bad(outcome)) {
    flow.failures
        .Add({{"workflow", text_of(data, "workflow")}, {"class", text_of(data, "error_class")}})
        .Increment();
  }
  if (!text_of(data, "anomaly").empty()) {
    flow.anomalies.Add({{"workflow", text_of(data, "workflow")}, {"outcome", status}}).Increment();
  }
  for (const nlohmann::json& change : list_of(data, "schema_changes")) {
    flow.changes.Add({{"workflow", text_of(data, "workflow")}, {"kind", text_of(change, "kind")}})
        .Increment();
  }
  if (outcome != sync::Outcome::kLoaded) return;
  flow.rows.Add(workflow).Increment(number_of(data, "rows"));
  for (const char* action : {"quarantined", "dropped", "filtered"}) {
    const double rows = number_of(data, (std::string("rows_") + action).c_str());
    if (rows == 0) continue;
    flow.left_out.Add({{"workflow", text_of(data, "workflow")}, {"action", action}})
        .Increment(rows);
  }
  flow.bytes.Add(workflow).Increment(number_of(data, "file_size_bytes"));
  flow.sent.Add(workflow).Increment(number_of(data, "bytes_sent"));
  flow.file_seconds.Add(workflow, kSeconds).Observe(number_of(data, "duration_seconds"));
  for (const nlohmann::json& step : list_of(data, "steps")) {
    flow.step_seconds.Add({{"step", text_of(step, "name")}}, kSeconds)
        .Observe(number_of(step, "seconds"));
  }
}

void note_freshness(Freshnesses& all, const nlohmann::json& data, std::size_t most) {
  if (outcome_of(data) != sync::Outcome::kLoaded) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  set_freshness(all, text_of(data, "table_name"), text_of(data, "qvd_created_at"),
                std::chrono::duration<double>(now).count(), most);
}

void count_run(Flow& flow, const nlohmann::json& data) {
  const std::string workflow = text_of(data, "workflow");
  const std::string status = text_of(data, "status");
  flow.runs.Add({{"workflow", workflow}, {"status", status}}).Increment();
  if (run_state_of(data) == tracking::RunState::kSkipped) return;
  flow.behind.Add({{"workflow", workflow}}).Set(number_of(data, "replicas_behind"));
  if (count_of(data, "attempt") > 1) flow.run_retries.Add({{"workflow", workflow}}).Increment();
  flow.run_seconds.Add({{"workflow", workflow}}, kSeconds)
      .Observe(number_of(data, "duration_seconds"));
  // Skipped files have no event of their own.
  flow.files.Add({{"workflow", workflow}, {"outcome", "skipped"}})
      .Increment(number_of(data, "files_skipped"));
}

double unix_seconds(Time time) { return static_cast<double>(time.time_since_epoch().count()); }

void show_workflows(Registry& registry, const std::vector<WorkflowState>& workflows) {
  Family<Gauge>& paused = gauge(registry, "qvdhouse_workflow_paused", "1: it starts no runs.");
  Family<Gauge>& next =
      gauge(registry, "qvdhouse_workflow_next_run_timestamp_seconds", "When the next run starts.");
  Family<Gauge>& good = gauge(registry, "qvdhouse_workflow_last_good_run_timestamp_seconds",
                              "When the newest run ended in which nothing failed.");
  for (const WorkflowState& one : workflows) {
    const Labels labels{{"workflow", json_text(one.name)}};
    paused.Add(labels).Set(one.is_paused ? 1 : 0);
    if (one.next_run) next.Add(labels).Set(unix_seconds(*one.next_run));
    if (one.last_good) good.Add(labels).Set(unix_seconds(*one.last_good));
  }
}

void show_runs(Registry& registry, const std::vector<LiveRun>& live) {
  double waiting = 0;
  for (const LiveRun& one : live) waiting += one.run.status == tracking::RunState::kWaiting ? 1 : 0;
  set_gauge(registry, "qvdhouse_queue_runs", "Runs that wait for their turn.", waiting);
  set_gauge(registry, "qvdhouse_active_runs", "Runs that are under way.",
            static_cast<double>(live.size()) - waiting);
}

void show_tables(Registry& registry, const std::vector<tracking::TableOverview>& tables, Time now,
                 std::size_t most) {
  Family<Gauge>& lag = gauge(registry, "qvdhouse_table_lag_seconds",
                             "Since the newest load of a table was committed.");
  Family<Gauge>& loaded = gauge(registry, "qvdhouse_table_last_loaded_timestamp_seconds",
                                "When the newest load of a table was committed.");
  Family<Gauge>& rows = gauge(registry, "qvdhouse_table_rows", "Rows of a table.");
  Family<Gauge>& bytes = gauge(registry, "qvdhouse_table_bytes", "Bytes of a table on disk.");
  Family<Gauge>& files = gauge(registry, "qvdhouse_table_files", "Files of a table, by state.");
  Family<Gauge>& age = gauge(registry, "qvdhouse_table_data_age_seconds",
                             "Since the newest QVD file of a table was created.");
  for (std::size_t i = 0; i < tables.size() && i < most; ++i) {
    const tracking::TableOverview& table = tables[i];
    const std::string name = json_text(table.name);
    rows.Add({{"table", name}}).Set(static_cast<double>(table.rows));
    bytes.Add({{"table", name}}).Set(static_cast<double>(table.bytes));
    files.Add({{"table", name}, {"state", "failed"}}).Set(static_cast<double>(table.failed_files));
    files.Add({{"table", name}, {"state", "other"}})
        .Set(static_cast<double>(table.files - table.failed_files));
    if (table.last_loaded_at_us <= 0) continue;
    const double at = seconds_of(table.last_loaded_at_us);
    loaded.Add({{"table", name}}).Set(at);
    lag.Add({{"table", name}}).Set(unix_seconds(now) - at);
    const std::optional<double> created = time_in_header(table.newest_created_at);
    if (created) age.Add({{"table", name}}).Set(unix_seconds(now) - *created);
  }
}

void show_freshness(Registry& registry, const Freshnesses& all) {
  Family<Gauge>& freshness =
      gauge(registry, "qvdhouse_table_freshness_seconds",
            "From the creation of the newest QVD file of a table until it could be queried.");
  for (const auto& [table, seconds] : all) freshness.Add({{"table", table}}).Set(seconds);
}

// Names of the tables of which no file stands loaded now: what their rows are of, the history says.
std::vector<std::string> without_loaded_file(const std::vector<tracking::TableOverview>& tables,
                                             std::size_t most) {
  std::vector<std::string> names;
  for (const tracking::TableOverview& table : tables) {
    if (table.last_loaded_at_us == 0 && names.size() < most) names.push_back(table.name);
  }
  return names;
}

void show_alerts(Registry& registry, const Alerts::Counts& counts) {
  Family<Counter>& alerts =
      counter(registry, "qvdhouse_alerts_total", "Alerts, by whether the receiver took them.");
  alerts.Add({{"outcome", "delivered"}}).Increment(static_cast<double>(counts.delivered));
  alerts.Add({{"outcome", "failed"}}).Increment(static_cast<double>(counts.failed));
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Entries of a folder of /proc/self; 0: it can't be read.
double entries(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator first(folder, error);
  if (error) return 0;
  return static_cast<double>(std::distance(first, std::filesystem::directory_iterator()));
}

double resident_bytes() {
  std::ifstream stream("/proc/self/statm");
  double all = 0;
  double resident = 0;
  stream >> all >> resident;
  return stream ? resident * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

// Memory, descriptors, threads and processor time, as of now, by the names that Prometheus' own
// libraries give them. Figures that the system does not tell are left out.
void add_process_gauges(prometheus::Registry& registry) {
  const auto set = [&](const char* name, const char* help, double value) {
    if (value > 0) set_gauge(registry, name, help, value);
  };
  set("process_resident_memory_bytes", "Memory of the service that is resident.", resident_bytes());
  set("process_open_fds", "Open file descriptors of the service.", entries("/proc/self/fd"));
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
    set("process_max_fds", "Most file descriptors that the service may open.",
        static_cast<double>(descriptors.rlim_cur));
  }
  set("process_threads", "Threads of the service.", entries("/proc/self/task"));
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return;
  counter(registry, "process_cpu_seconds_total", "Processor time of the service, user and system.")
      .Add({})
      .Increment(seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
}

}  // namespace

struct Metrics::State {
  explicit State(MetricsOptions options_in) : options(std::move(options_in)) {}

  const MetricsOptions options;
  mutable std::mutex mutex;
  Flow flow;
  // As of the last look: rebuilt each time, so that what is gone leaves no series behind.
  std::unique_ptr<Registry> looked = std::make_unique<Registry>();
  std::vector<tracking::TableOverview> tables;
  Freshnesses freshness;
  TargetMetrics of_target{options.data_dir};  // of look() alone
  std::set<std::string> asked;  // tables of which the history was asked; of look() alone

  std::vector<tracking::NewestLoad> newest_loads(tracking::Overview& overview,
                                                 const std::vector<tracking::TableOverview>& all,
                                                 const Freshnesses& known);
  void refresh(const Freshnesses& known, const std::vector<tracking::NewestLoad>& loads);
};

// From the history, once for each table: what happens later the events say.
std::vector<tracking::NewestLoad> Metrics::State::newest_loads(
    tracking::Overview& overview, const std::vector<tracking::TableOverview>& all,
    const Freshnesses& known) {
  std::vector<std::string> names = without_loaded_file(all, options.most_tables);
  std::erase_if(names, [&](const std::string& name) {
    return known.contains(json_text(name)) || asked.contains(name);
  });
  std::vector<tracking::NewestLoad> found = overview.newest_loads(names);
  asked.insert(names.begin(), names.end());
  return found;
}

// Under the lock. `known` is what was known before the tables were looked at.
void Metrics::State::refresh(const Freshnesses& known,
                             const std::vector<tracking::NewestLoad>& loads) {
  std::set<std::string> there;
  for (const tracking::TableOverview& table : tables) {
    const std::string name = json_text(table.name);
    if (table.last_loaded_at_us > 0) {
      set_freshness(freshness, name, table.newest_created_at, seconds_of(table.last_loaded_at_us),
                    options.most_tables);
    }
    there.insert(name);
  }
  for (const tracking::NewestLoad& load : loads) {
    set_freshness(freshness, json_text(load.table), load.created_at,
                  seconds_of(load.finished_at_us), options.most_tables);
  }
  for (const auto& [name, seconds] : known) {
    if (!there.contains(name)) freshness.erase(name);
  }
}

Metrics::Metrics(MetricsOptions options) : state_(std::make_unique<State>(std::move(options))) {
  const MetricsOptions& known = state_->options;
  gauge(state_->flow.registry, "qvdhouse_build_info",
        "Always 1; the labels are the version and the commit that it was built from.")
      .Add({{"version", known.version}, {"commit", known.commit}})
      .Set(1);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  set_gauge(state_->flow.registry, "process_start_time_seconds", "When the service started.",
            std::chrono::duration<double>(now).count());
}

Metrics::~Metrics() = default;

void Metrics::add(const Event& event) {
  const std::lock_guard lock(state_->mutex);
  if (event.type == "file_finished") {
    count_file(state_->flow, event.data);
    note_freshness(state_->freshness, event.data, state_->options.most_tables);
  }
  if (event.type == "run_finished") count_run(state_->flow, event.data);
}

void Metrics::look(const Service& service, const Alerts::Counts& alerts, Time now,
                   const std::stop_token& stop) {
  const Health health = service.health();
  const std::optional<TargetAccess> target = service.target();
  const std::shared_ptr<const Configuration> configuration = service.configuration();
  std::optional<std::vector<tracking::TableOverview>> tables;
  std::vector<tracking::NewestLoad> loads;
  Freshnesses known;
  {
    const std::lock_guard lock(state_->mutex);
    known = state_->freshness;
  }
  if (health.target_ok && target && configuration) {
    try {
      tracking::Overview overview(target->endpoint, configuration->database, stop);
      tables = overview.tables();
      loads = state_->newest_loads(overview, *tables, known);
    } catch (const base::Error&) {
      // health() says it as soon as the service itself has noticed.
    }
  }
  auto registry = std::make_unique<Registry>();
  set_gauge(*registry, "qvdhouse_engine_up", "1: ClickHouse answers.", health.target_ok ? 1 : 0);
  set_gauge(*registry, "qvdhouse_configuration_ok", "1: the configuration could be read.",
            health.configuration_ok ? 1 : 0);
  set_gauge(*registry, "qvdhouse_ready", "1: nothing keeps the service from its work.",
            health.is_ready() ? 1 : 0);
  show_workflows(*registry, service.workflows());
  show_runs(*registry, service.live());
  if (configuration) {
    state_->of_target.show(*registry, health.target_ok ? target : std::nullopt, configuration, now,
                           stop);
  }
  show_alerts(*registry, alerts);
  const std::lock_guard lock(state_->mutex);
  if (tables) {
    state_->tables = std::move(*tables);
    state_->refresh(known, loads);
  }
  show_tables(*registry, state_->tables, now, state_->options.most_tables);
  state_->looked = std::move(registry);
}

std::string Metrics::text() const {
  Registry process;
  add_process_gauges(process);
  Registry fresh;
  const std::lock_guard lock(state_->mutex);
  show_freshness(fresh, state_->freshness);
  std::vector<prometheus::MetricFamily> families = state_->flow.registry.Collect();
  for (Registry* registry : {state_->looked.get(), &fresh, &process}) {
    for (prometheus::MetricFamily& family : registry->Collect()) {
      families.push_back(std::move(family));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace qvdhouse::serve
