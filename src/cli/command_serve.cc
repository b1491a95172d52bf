// qvdhouse serve: schedule, API and page in one process, until it is told to stop.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/loopback.h"
#include "claim/lease.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/decisions.h"
#include "cli/exit_code.h"
#include "cli/observation.h"
#include "cli/service_manager.h"
#include "cli/sources.h"
#include "cli/target.h"
#include "config/setting.h"
#include "serve/alerts.h"
#include "serve/api.h"
#include "serve/auth.h"
#include "serve/http_server.h"
#include "serve/judge.h"
#include "serve/log_book.h"
#include "serve/metrics.h"
#include "serve/service.h"
#include "source/archive_name.h"
#include "source/remote.h"
#include "source/scope.h"
#include "source/url.h"

namespace qvdhouse::cli {
namespace {

struct ServeArguments {};

std::string token_hash(const config::ServeSettings& set) {
  if (!set.token.empty()) serve::check_token(set.token);
  if (!set.token_hash.empty() && !serve::is_token_hash(set.token_hash)) {
    throw base::ConfigError("serve.token_hash: expected what `qvdhouse token` printed (sha256:…)");
  }
  if (!set.token_hash.empty() || set.token.empty()) return set.token_hash;
  return serve::hash_token(set.token);
}

// That of the token that opens /metrics alone; empty: none does.
std::string metrics_token_hash(const config::ServeSettings& set, const std::string& whole) {
  if (set.metrics_token.empty()) return {};
  serve::check_token(set.metrics_token, "serve.metrics_token");
  std::string hash = serve::hash_token(set.metrics_token);
  if (hash != whole) return hash;
  throw base::ConfigError(
      "serve.metrics_token is the same as serve.token, which opens everything: make another one "
      "with `qvdhouse token`");
}

// The hash of the token that clients must send; empty: none is asked for. `address` is the one that
// is listened to. Throws ConfigError when anything is wrong with what guards the service: nobody is
// let in by a mistake.
std::string checked_guard(const Config& config, const std::string& address) {
  const config::ServeSettings& set = config.serve;
  if (!config.misspelt_guards.empty()) {
    throw base::ConfigError(config.misspelt_guards.front() +
                            "; the service does not start with a setting that may be meant to "
                            "guard it: correct the name or remove it");
  }
  if (set.http.tls_certificate.empty() != set.http.tls_key.empty()) {
    throw base::ConfigError(
        fmt::format("serve.tls_certificate and serve.tls_key go together: {} is not set",
                    set.http.tls_key.empty() ? "serve.tls_key" : "serve.tls_certificate"));
  }
  std::string hash = token_hash(set);
  serve::check_exposure(address, !hash.empty(), set.allow_anonymous);
  metrics_token_hash(set, hash);
  return hash;
}

// The configuration in effect, and what is made from it. It is read again at SIGHUP, while runs
// with the one before may still go on.
class Setup {
 public:
  // Throws ConfigError when the configuration of the start is wrong.
  Setup(const Context& context, spdlog::logger& log)
      : context_(context),
        log_(log),
        config_(std::make_shared<const Config>(context.config)),
        token_hash_(checked_guard(*config_, context.config.serve.http.address)) {
    make(*config_);
  }

  const std::string& token_hash() const { return token_hash_; }
  // Told when another token is set. To be called before the service starts.
  void on_token(std::function<void(const std::string& hash)> listener) {
    on_token_ = std::move(listener);
  }
  // The same of the token of metrics, which may be none.
  void on_metrics_token(std::function<void(const std::string& hash)> listener) {
    on_metrics_token_ = std::move(listener);
  }

  // Throws ConfigError, and then the one before stays. From one thread at a time.
  serve::Configuration read() {
    auto fresh = std::make_shared<const Config>(config::load_config(context_.sources));
    const std::string hash = checked_guard(*fresh, context_.config.serve.http.address);
    serve::Configuration made = make(*fresh);
    {
      const std::lock_guard lock(mutex_);
      config_ = fresh;
    }
    take_token(hash);
    if (on_metrics_token_) on_metrics_token_(metrics_token_hash(fresh->serve, hash));
    return made;
  }

  // What files and environment say now; nothing is put in force. Throws ConfigError.
  std::vector<serve::SettingShown> settings_on_file() const {
    return config::shown_settings(config::load_config(context_.sources));
  }

  observe::ToldRun told(const tracking::RunRecord& order, const serve::Workflow& workflow,
                        const serve::TargetAccess& target) {
    return told_run(order, workflow.source_url, target.endpoint, target.is_embedded, *current());
  }

  serve::TargetAccess open_target() {
    const std::shared_ptr<const Config> config = current();
    const Context context = with(*config);
    auto target = std::make_shared<const Target>(Target::open(context, true));
    serve::TargetAccess access;
    access.endpoint = target->endpoint();
    access.is_embedded = target->engine() != nullptr;
    access.keep_alive = std::move(target);
    return access;
  }

 private:
  // A token that is gone from the settings may have gone by mistake.
  void take_token(const std::string& hash) {
    if (hash == token_hash_) return;
    if (hash.empty()) {
      log_.warn(
          "no token is set any more; the service asks for the last one until it is restarted");
      return;
    }
    token_hash_ = hash;
    if (on_token_) on_token_(hash);
    log_.info("the token that was set is asked for from now on");
  }

  std::shared_ptr<const Config> current() {
    const std::lock_guard lock(mutex_);
    return config_;
  }

  Context with(const Config& config) const {
    return Context{.config = config,
                   .display = context_.display,
                   .log = log_,
                   .stop = context_.stop,
                   .sources = context_.sources,
                   .on_reload = {},
                   .quiet = context_.quiet,
                   .verbose = context_.verbose};
  }

  // Throws ConfigError for what every run of the source would end with.
  static void check_source(const Config& config, const SourceSettings& source) {
    const sync::Options options = sync_options(config, source);
    const source::Reach patterns(options.source, options.selection);
    const auto archive = source::chained_place(options.source);
    const std::string& place = archive ? archive->place : options.source;
    if (const auto url = source::parse_url(place)) source::check_scheme(*url);
  }

  serve::Workflow workflow_of(const Config& config, const SourceSettings& source) {
    check_source(config, source);
    serve::Workflow workflow = source.workflow;
    workflow.name = source.name.empty() ? "default" : source.name;
    workflow.title = source_title(source);
    workflow.source_url = masked_source(source.url);
    workflow.agenda.schedule = serve::Schedule::parse(source.schedule, source.schedule_timezone);
    workflow.options = sync_options(config, source);
    workflow.storage = make_storage(source, log_, context_.stop);
    workflow.open_storage = [this, source](std::stop_token stop) {
      return make_storage(source, log_, std::move(stop));
    };
    return workflow;
  }

  serve::Configuration make(const Config& config) {
    serve::Configuration made;
    for (const std::size_t index : config.chosen) {
      made.workflows.push_back(workflow_of(config, config.sources[index]));
    }
    made.database = config.sync.database;
    made.lock_dir = config.sync.lock_dir;
    made.target = target_name(config);
    made.history_days = config.sync.history_days;
    made.quiet_history_days = config.sync.quiet_history_days;
    made.settings = config::shown_settings(config);
    made.warnings = config.warnings;
    for (const serve::Workflow& workflow : made.workflows) {
      if (!workflow.is_watched || serve::is_watchable(workflow.options.source)) continue;
      made.warnings.push_back(
          fmt::format("watch: the source of workflow {} is not a folder of this machine and cannot "
                      "be watched; its schedule ({}) finds files",
                      workflow.name, workflow.agenda.schedule.text()));
    }
    return made;
  }

  const Context& context_;
  spdlog::logger& log_;
  std::mutex mutex_;
  std::shared_ptr<const Config> config_;
  std::string token_hash_;  // of the token that is asked for; empty: none
  std::function<void(const std::string&)> on_token_;
  std::function<void(const std::string&)> on_metrics_token_;
};

serve::HttpOptions http_options(const config::ServeSettings& set) {
  serve::HttpOptions options = set.http;
  options.ports = {set.port};
  if (set.dashboard_port != 0) options.ports.push_back(set.dashboard_port);
  options.is_quick = &serve::Api::is_quick;
  return options;
}

// A service says what it does unless it was told how much to say.
spdlog::level::level_enum log_level(const Context& context) {
  const bool is_given = context.config.values.contains("log_level");
  return is_given || context.verbose ? context.log.level() : spdlog::level::info;
}

serve::LogBookOptions log_options(const Context& context) {
  serve::LogBookOptions options = context.config.serve.log;
  Display& display = context.display;
  if (!context.quiet) options.console = [&display](std::string_view line) { display.line(line); };
  options.secrets = config::secrets_of(context.config);
  options.level = log_level(context);
  return options;
}

serve::ServiceOptions service_options(Setup& setup, const config::ServeSettings& set,
                                      observe::Observer& observer) {
  serve::ServiceOptions options = set.service;
  options.watch_run = [&](const tracking::RunRecord& order, const serve::Workflow& workflow,
                          const serve::TargetAccess& target, sync::RunHooks hooks) {
    return observer.watch(setup.told(order, workflow, target), std::move(hooks));
  };
  options.load_configuration = [&setup] { return setup.read(); };
  options.open_target = [&setup] { return setup.open_target(); };
  options.now = [] {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  };
  return options;
}

serve::MetricsOptions metrics_options(const Config& config) {
  serve::MetricsOptions options = config.serve.metrics;
  options.version = version();
  options.commit = commit();
  if (!config.endpoint) options.data_dir = config.engine.data_dir;
  return options;
}

serve::ApiOptions api_options(const config::ServeSettings& set, const Setup& setup,
                              const serve::LogBook& book, const serve::Metrics& metrics) {
  serve::ApiOptions options;
  options.version = version();
  options.token_hash = setup.token_hash();
  options.metrics_token_hash = metrics_token_hash(set, options.token_hash);
  options.settings_on_file = [&setup] { return setup.settings_on_file(); };
  options.is_loopback = base::is_loopback_host(set.http.address);
  options.metrics = [&metrics] { return metrics.text(); };
  options.logs = [&book](std::size_t limit, const std::string& filter, const std::string& level) {
    nlohmann::json lines = nlohmann::json::array();
    serve::LogFilter wanted;
    wanted.text = filter;
    wanted.level = level;
    for (const serve::LogLine& line : book.newest(limit, wanted)) lines.push_back(to_json(line));
    return lines;
  };
  return options;
}

serve::AlertOptions alert_options(const config::ServeSettings& set) {
  serve::AlertOptions options = set.alerts;
  options.host = claim::host_name();
  options.instance = set.instance_name;
  options.page = set.public_url;
  if (!options.page.empty() || set.port == 0) return options;
  const std::string& address = set.http.address;
  const bool is_any = address == "0.0.0.0" || address == "::";
  std::string host = is_any ? options.host : address;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  options.page = fmt::format("{}://{}:{}/", set.http.tls_certificate.empty() ? "http" : "https",
                             host, set.port);
  return options;
}

// Wakes the thread that looks around.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    is_rung_ = true;
    rung_.notify_all();
  }
  // Until it was rung since the last time, the time is over, or `stop`; false: stop.
  bool wait(std::chrono::seconds longest, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    rung_.wait_for(lock, stop, longest, [&] { return is_rung_; });
    is_rung_ = false;
    return !stop.stop_requested();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any rung_;
  bool is_rung_ = false;
};

void look_for_incidents(const serve::Service& service, serve::Alerts& alerts,
                        const std::stop_token& stop) {
  if (!alerts.are_wanted()) return;
  try {
    const serve::VerdictFacts facts = serve::ask_facts(service, stop);
    alerts.look(facts, serve::judge(facts));
  } catch (const base::Error&) {
    // ClickHouse was lost meanwhile: the service says it as soon as it has noticed.
  }
}

// At once, when the bell rings and now and then, until `stop`: what stands open, and what can only
// be measured by looking.
void look_around(const serve::Service& service, serve::Alerts& alerts, serve::Metrics& metrics,
                 Bell& bell, const std::stop_token& stop) {
  constexpr std::chrono::seconds kBetween{15};
  do {
    look_for_incidents(service, alerts, stop);
    metrics.look(service, alerts.counts(), service.now(), stop);
  } while (bell.wait(kBetween, stop));
}

// When the bell rings and as often as it wants, until `stop`: what systemd waits for. Health is
// asked under the service's own lock, so that a service that hangs is not told to be alive.
void tell_manager(const serve::Service& service, const ServiceManager& manager, spdlog::logger& log,
                  Bell& bell, const std::stop_token& stop) {
  constexpr std::chrono::seconds kSeldom{3600};
  const std::chrono::seconds pause =
      manager.watchdog() ? std::max(*manager.watchdog() / 3, std::chrono::seconds(1)) : kSeldom;
  bool was_ready = false;
  do {
    const serve::Health health = service.health();
    std::string failure = manager.status(
        health.is_ready() ? "ready" : fmt::format("not ready: {}", health.problems.front()));
    if (health.is_ready() && !std::exchange(was_ready, true)) failure += manager.ready();
    failure += manager.alive();
    if (!failure.empty()) {
      log.warn("systemd is not told any more how the service is (NOTIFY_SOCKET): {}", failure);
      return;
    }
  } while (bell.wait(pause, stop));
}

void wait_for_stop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait(lock, stop, [] { return false; });
}

int run_serve(const ServeArguments&, const Context& context) {
  const config::ServeSettings& set = context.config.serve;

  // The log, which the page shows too.
  serve::LogBook book(log_options(context));
  spdlog::logger log("serve", book.sink());
  log.set_level(log_level(context));

  // The service, and what looks at it. What is wrong with the settings ends it here.
  Setup setup(context, log);
  const auto observer = make_observer(context, log, true);
  serve::Service service(service_options(setup, set, *observer), log);
  book.listen([&](const serve::LogLine& line) { service.events().add("log", to_json(line)); });
  serve::Alerts alerts(alert_options(set), log);
  serve::Metrics metrics(metrics_options(context.config));
  Bell bell;
  const ServiceManager manager = ServiceManager::of_environment();
  Bell bell_of_manager;
  const serve::Listening followers = service.events().listen([&](const serve::Event& event) {
    book.add(event);
    alerts.add(event);
    metrics.add(event);
    // A run is over when its workflow says so.
    if (event.type == "health_changed" || event.type == "workflow_changed") bell.ring();
    if (event.type == "health_changed") bell_of_manager.ring();
  });
  serve::Api api(service, api_options(set, setup, book, metrics), log);
  setup.on_token([&api](const std::string& hash) { api.set_token_hash(hash); });
  setup.on_metrics_token([&api](const std::string& hash) { api.set_metrics_token_hash(hash); });

  // Listens, then begins; ends in the opposite order.
  {
    serve::HttpServer http(
        http_options(set), [&](const serve::HttpRequest& request) { return api.handle(request); },
        log);
    const serve::Listening wake =
        service.events().listen([&](const serve::Event&) { http.wake(); });
    const std::jthread looks(
        [&](const std::stop_token& stop) { look_around(service, alerts, metrics, bell, stop); });
    std::jthread tells;
    if (manager.is_there()) {
      tells = std::jthread([&](const std::stop_token& stop) {
        tell_manager(service, manager, log, bell_of_manager, stop);
      });
    }
    context.on_reload([&] { service.reload(); });
    service.start();
    log.info("qvdhouse {} serves on {}://{}:{}", version(),
             set.http.tls_certificate.empty() ? "http" : "https", set.http.address,
             http.ports().front());
    wait_for_stop(context.stop);
    context.on_reload([] {});
    manager.stopping();
  }
  service.stop();
  observer->finish();  // what it logs is an event of the service
  return kOk;
}

}  // namespace

void add_serve(CommandLine& line) {
  auto o = line.add("serve", kLoading, "sync by the schedule; API and page on port 4000", run_serve)
               .options;
  o.example("qvdhouse serve ./qvds --schedule '@every 5m'");
  o.settings({Topic::kSchedule, Topic::kService, Topic::kLogs, Topic::kSources, Topic::kStorages,
              Topic::kTypes, Topic::kLoading, Topic::kTables, Topic::kServer, Topic::kEngine,
              Topic::kObservation});
  o->alias("dev");
  o.is_service();
  o.source();
}

}  // namespace qvdhouse::cli
