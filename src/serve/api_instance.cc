// What this service is and runs with: its name, its target, its settings and which tables were
// loaded under others, and whether its sources can be reached.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "claim/lease.h"
#include "clickhouse/connection.h"
#include "clickhouse/quote.h"
#include "decide/decide.h"
#include "decide/placement.h"
#include "serve/api_context.h"
#include "serve/router.h"
#include "source/url.h"
#include "tracking/row_binary.h"
#include "tracking/tables.h"

namespace qvdhouse::serve {
namespace {

// As set; else the machine's.
std::string instance_name(const Configuration& configuration) {
  const auto set = std::ranges::find_if(configuration.settings, [](const SettingShown& setting) {
    return setting.key.ends_with("instance_name") && !setting.value.empty();
  });
  return set == configuration.settings.end() ? claim::host_name() : set->value;
}

// Where other programs find the tables; without the password.
Json connect_json(const TargetAccess& target) {
  const auto url = source::parse_url(target.endpoint.url);
  if (!url) return {};
  const bool is_secure = url->scheme == "https";
  return Json{{"host", url->host},
              {"http_port", url->port != 0 ? url->port
                            : is_secure    ? 443
                                           : 80},
              {"user", target.endpoint.user},
              {"is_secure", is_secure},
              {"is_embedded", target.is_embedded}};
}

HttpResponse instance_answer(const RoutedRequest& /*request*/, ApiContext& context) {
  const auto configuration = context.configuration();
  std::set<std::string> zones;
  for (const WorkflowState& workflow : context.service.workflows()) {
    zones.insert(workflow.timezone);
  }
  const auto target = context.service.target();
  return json_response(Json{{"instance", instance_name(*configuration)},
                            {"version", context.options.version},
                            {"target", configuration->target},
                            {"database", configuration->database},
                            {"timezones", zones},
                            {"connect", target ? connect_json(*target) : Json()}});
}

// Every step on the way to the source, as `qvdhouse doctor --source`.
HttpResponse test_source(const RoutedRequest& request, ApiContext& context) {
  object_of(request.http, {});
  const std::string name = context.workflow(request.part("name")).name;
  const auto configuration = context.configuration();
  const auto workflow = std::ranges::find(configuration->workflows, name, &Workflow::name);
  if (workflow == configuration->workflows.end()) throw Problem(404, "no workflow is " + name);
  const SlowTurn turn(context);
  Json steps = Json::array();
  bool passed = true;
  for (const source::Storage::Step& step :
       workflow->storage->probe(workflow->options.source, workflow->options.selection)) {
    passed = passed && step.passed;
    steps.push_back(Json{
        {"name", step.name}, {"passed", step.passed}, {"detail", step.detail}, {"fix", step.fix}});
  }
  return json_response(Json{{"workflow", name}, {"passed", passed}, {"steps", std::move(steps)}});
}

struct Outdated {
  std::set<std::string> tables;
  std::uint64_t files = 0;
};

// Today's rules of one workflow.
class Rules {
 public:
  explicit Rules(const Workflow& workflow)
      : placer_(workflow.options.tables, workflow.options.load.policy, workflow.options.source),
        general_(decide::settings_hash(workflow.options.load)) {}

  bool would_differ(const tracking::FileRecord& file) const {
    try {
      const decide::Placement placement = placer_.place(file.file_path, file.table_name);
      return decide::has_other_settings(file, decide::settings_hash(general_, placement));
    } catch (const base::Error&) {
      return false;  // today's rules give it no table
    }
  }

 private:
  decide::Placer placer_;
  std::string general_;
};

// Throws ServerError, IoError.
std::map<std::string, Outdated> find_outdated(clickhouse::Connection& connection,
                                              const Owners& owners) {
  std::map<std::string, std::unique_ptr<Rules>> rules;
  std::map<std::string, Outdated> found;
  // Only these columns: there may be 100,000 files.
  const std::string answer = tracking::ask(
      connection,
      fmt::format("SELECT file_path, table_name, settings_hash FROM {} FINAL WHERE status = "
                  "'completed' AND settings_hash != ''",
                  clickhouse::qualified(owners.configuration()->database, tracking::kFileTable)));
  for (tracking::RowReader reader(answer); !reader.done();) {
    tracking::FileRecord file;
    reader(file.file_path, file.table_name, file.settings_hash);
    const Workflow* workflow = owners.taking(file.file_path);
    if (workflow == nullptr) continue;
    std::unique_ptr<Rules>& known = rules[workflow->name];
    if (!known) known = std::make_unique<Rules>(*workflow);
    if (!known->would_differ(file)) continue;
    Outdated& outdated = found[workflow->name];
    outdated.tables.insert(file.table_name);
    ++outdated.files;
  }
  return found;
}

// The end of the newest run; 0: none has ended.
std::int64_t newest_end_us(const Service& service) {
  std::int64_t newest_us = 0;
  for (const WorkflowState& workflow : service.workflows()) {
    if (workflow.last) newest_us = std::max(newest_us, workflow.last->finished_at_us);
  }
  return newest_us;
}

// What was loaded under other settings than those in force, by workflow: a run of all files loads
// it under these. Each file is placed for it, so the answer is kept until the configuration is
// another or a run has ended, and no longer than a minute: other programs load, too. Thread-safe.
class OutdatedAnswer {
 public:
  // Null while ClickHouse cannot be asked.
  Json get(const HttpRequest& request, const ApiContext& context) {
    const auto target = context.service.target();
    if (!target || !context.service.health().target.problem.empty()) return {};
    const auto owners = context.owners();
    const std::int64_t end_us = newest_end_us(context.service);
    const Time now = context.service.now();
    const std::lock_guard lock(mutex_);
    const bool is_same = owners_ == owners && end_us_ == end_us;
    if (is_same && now >= made_at_ && now < made_at_ + kKept) return list_;
    try {
      clickhouse::Connection connection(target->endpoint, request.stop);
      Json list = Json::array();
      for (const auto& [workflow, outdated] : find_outdated(connection, *owners)) {
        list.push_back(Json{
            {"workflow", workflow}, {"tables", outdated.tables.size()}, {"files", outdated.files}});
      }
      list_ = std::move(list);
    } catch (const base::ServerError&) {
      return {};
    } catch (const base::IoError&) {
      return {};
    }
    owners_ = owners;
    end_us_ = end_us;
    made_at_ = now;
    return list_;
  }

 private:
  static constexpr std::chrono::seconds kKept{60};
  std::mutex mutex_;
  std::shared_ptr<const Owners> owners_;  // of the configuration that the list was made by
  std::int64_t end_us_ = 0;
  Time made_at_{};
  Json list_;
};

// What the files and the environment say now, by key; empty: it cannot be read.
std::map<std::string, std::string> values_on_file(const ApiContext& context) {
  std::map<std::string, std::string> values;
  if (!context.options.settings_on_file) return values;
  try {
    for (const SettingShown& setting : context.options.settings_on_file()) {
      values[setting.key] = setting.value;
    }
  } catch (const base::Error&) {
    values.clear();  // a reload says what is wrong
  }
  return values;
}

HttpResponse settings_answer(const RoutedRequest& request, ApiContext& context,
                             OutdatedAnswer& outdated) {
  return context.answers.get(request.http, [&] {
    const auto configuration = context.configuration();
    const std::map<std::string, std::string> on_file = values_on_file(context);
    Json settings = Json::array();
    for (const SettingShown& setting : configuration->settings) {
      const auto now = on_file.find(setting.key);
      const bool is_pending = now != on_file.end() && now->second != setting.value;
      settings.push_back(Json{{"key", setting.key},
                              {"value", setting.value},
                              {"origin", setting.origin},
                              {"pending", is_pending ? Json(now->second) : Json()}});
    }
    return json_response(Json{{"settings", std::move(settings)},
                              {"warnings", configuration->warnings},
                              {"outdated", outdated.get(request.http, context)}});
  });
}

}  // namespace

void add_instance_routes(Router& router, ApiContext& context) {
  add_routes(router, context,
             {{"GET", "/api/instance", {}, instance_answer},
              {"POST", "/api/workflows/{name}/test", {}, test_source}});
  router.add({.method = "GET",
              .pattern = "/api/settings",
              .handle = [&context, outdated = std::make_shared<OutdatedAnswer>()](
                            const RoutedRequest& request) {
                return settings_answer(request, context, *outdated);
              }});
}

}  // namespace qvdhouse::serve
