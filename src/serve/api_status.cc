// What tracking says: the original's status endpoint, and the first page.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "decide/choice.h"
#include "serve/api_context.h"
#include "serve/api_json.h"
#include "serve/api_tables.h"
#include "serve/judge.h"
#include "serve/router.h"
#include "sync/sync.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kHistoryEach = 20;
constexpr std::size_t kFailuresShown = 20;
constexpr std::size_t kMostIncidents = 100;

std::int64_t microseconds_of(Time time) { return time.time_since_epoch().count() * 1'000'000; }

std::int64_t today_us(const Service& service) {
  return microseconds_of(std::chrono::floor<std::chrono::days>(service.now()));
}

std::uint64_t files_under_way(const Service& service) {
  std::uint64_t count = 0;
  for (const LiveRun& live : service.live()) count += live.progress.active.size();
  return count;
}

Json summary_json(const tracking::Totals& totals, std::uint64_t under_way) {
  return Json{{"total_files", totals.files},
              {"total_syncs_all_time", totals.syncs},
              {"syncs_today", totals.syncs_today},
              {"total_rows_processed", totals.rows},
              {"current_failures", totals.failed_files},
              {"currently_processing", under_way},
              {"last_sync_at", rfc3339(totals.last_sync_at_us)}};
}

// Files that are being loaded right now; tracking hears of them when they end.
Json processing_files(const Service& service, std::size_t limit) {
  Json files = Json::array();
  for (const LiveRun& live : service.live()) {
    for (const sync::Monitor::Active& active : live.progress.active) {
      if (files.size() >= limit) return files;
      tracking::FileRecord record;
      record.file_name = active.name;
      record.status = tracking::FileState::kProcessing;
      record.row_count = active.rows_sent;
      files.push_back(file_json(record, live.run.workflow));
    }
  }
  return files;
}

// One question for all files of the page.
void add_histories(Json& files, const std::vector<tracking::FileRecord>& records,
                   tracking::Overview& overview) {
  std::vector<std::string> paths;
  for (const tracking::FileRecord& record : records) paths.push_back(record.file_path);
  std::map<std::string, Json> histories;
  for (const tracking::Attempt& attempt : overview.attempts_of_files(paths, kHistoryEach)) {
    histories[attempt.file.file_path].push_back(history_json(attempt));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto found = histories.find(records[i].file_path);
    files[i]["history"] = found == histories.end() ? Json::array() : found->second;
  }
}

// A time, or how long ago.
std::optional<std::int64_t> since_parameter(const HttpRequest& request) {
  const std::string text = text_parameter(request, "since");
  if (text.empty()) return std::nullopt;
  try {
    return decide::parse_choice({.since = text}, "", "UTC", sync::now_us()).since_us;
  } catch (const base::ConfigError& error) {
    throw Problem(400, error.what(), {"2026-07-12T10:15:00Z", "2026-07-12", "2d"});
  }
}

HttpResponse qvd_status(const RoutedRequest& request, ApiContext& context) {
  tracking::FileQuery query;
  query.file = text_parameter(request.http, "file_name");
  query.status = base::parse<tracking::FileState>(
      choice_parameter(request.http, "status", {"completed", "failed", "processing", "waiting"}));
  query.table = text_parameter(request.http, "table");
  query.since_us = since_parameter(request.http);
  query.after = text_parameter(request.http, "after");
  query.limit = number_parameter(request.http, "limit", 1, 500, 50);
  const bool with_history = flag_parameter(request.http, "include_history");
  return context.answers.get(request.http, [&] {
    tracking::Overview overview = context.overview(request.http);
    const auto owners = context.owners();
    const tracking::Totals totals = overview.totals(today_us(context.service));
    Json files = Json::array();
    tracking::FilePage page;
    if (query.status == tracking::FileState::kProcessing) {
      files = processing_files(context.service, query.limit);
    } else {
      page = find_page(overview, query);
      files = files_json(page.files, *owners);
      if (with_history) add_histories(files, page.files, overview);
    }
    VerdictFacts facts = facts_of(context.service);
    add_tracked(facts, overview, *owners, overview.tables(), totals);
    Json failures = Json::array();
    for (const tracking::FileRecord& record : overview.failures(kFailuresShown)) {
      failures.push_back(failure_json(record));
    }
    return json_response(Json{{"summary", summary_json(totals, files_under_way(context.service))},
                              {"files", std::move(files)},
                              {"next_after", text_or_null(page.next_after)},
                              {"failures", std::move(failures)},
                              {"verdict", verdict_json(judge(facts).verdict)}});
  });
}

// The steps of a plot of so many hours: 24 to 56 points.
std::uint64_t step_seconds(std::uint64_t hours) {
  if (hours <= 24) return 1'800;
  if (hours <= 168) return 3 * 3'600;
  return 86'400;
}

// Steps in which nothing ran are points, too: a plot shows them as nothing.
Json series_json(tracking::Overview& overview, std::uint64_t hours, Time now) {
  const std::uint64_t step = step_seconds(hours);
  const auto step_us = static_cast<std::int64_t>(step) * 1'000'000;
  const std::int64_t end_us = microseconds_of(now);
  const std::int64_t begin_us =
      (end_us - static_cast<std::int64_t>(hours) * 3'600 * 1'000'000) / step_us * step_us;
  std::map<std::int64_t, tracking::SeriesPoint> points;
  for (std::int64_t at = begin_us; at <= end_us; at += step_us) points[at].at_us = at;
  for (const tracking::SeriesPoint& point : overview.series(begin_us, step)) {
    points[point.at_us] = point;
  }
  Json list = Json::array();
  for (const auto& [at, point] : points) {
    list.push_back(Json{{"at", rfc3339(at)},
                        {"runs", point.runs},
                        {"files_loaded", point.files_loaded},
                        {"files_failed", point.files_failed},
                        {"rows", point.rows},
                        {"bytes", point.bytes},
                        {"seconds", point.seconds}});
  }
  return Json{{"step_seconds", step}, {"points", std::move(list)}};
}

Json next_run_json(const std::vector<WorkflowState>& workflows) {
  const WorkflowState* next = nullptr;
  for (const WorkflowState& workflow : workflows) {
    if (!workflow.next_run) continue;
    if (next == nullptr || *workflow.next_run < *next->next_run) next = &workflow;
  }
  if (next == nullptr) return {};
  return Json{{"workflow", next->name}, {"at", rfc3339(next->next_run)}};
}

// Those of them that are there; in the order of judge().
Json freshness_list(const std::vector<tracking::TableOverview>& tables, const Judgement& judgement,
                    Time now) {
  Json list = Json::array();
  auto fresh = judgement.tables.begin();
  for (const tracking::TableOverview& table : tables) {
    if (table.is_there) list.push_back(freshness_json(table, *fresh++, now));
  }
  return list;
}

void add_judgement(Json& json, const Judgement& judgement) {
  json["verdict"] = verdict_json(judgement.verdict);
  json["incidents"] = Json::array();
  for (const Incident& incident : judgement.incidents) {
    if (json["incidents"].size() >= kMostIncidents) break;
    json["incidents"].push_back(incident_json(incident));
  }
}

HttpResponse overview_answer(const RoutedRequest& request, ApiContext& context) {
  const std::string hours_text = choice_parameter(request.http, "hours", {"24", "168", "720"});
  const std::uint64_t hours = hours_text.empty() ? 24 : std::stoul(hours_text);
  return context.answers.get(request.http, [&] {
    const Health health = context.service.health();
    Json live = Json::array();
    for (const LiveRun& run : context.service.live()) live.emplace_back(live_run_json(run));
    Json json{{"summary", nullptr},
              {"ready", health.is_ready()},
              {"problems", health.problems},
              {"next_run", next_run_json(context.service.workflows())},
              {"live", std::move(live)},
              {"freshness", Json::array()},
              {"series", nullptr}};
    // Without ClickHouse the page says what is wrong; that is when it is needed most.
    VerdictFacts facts = facts_of(context.service);
    if (!context.service.target() || !context.service.configuration()) {
      add_judgement(json, judge(facts));
      return json_response(json);
    }
    tracking::Overview overview = context.overview(request.http);
    const tracking::Totals totals = overview.totals(today_us(context.service));
    const std::vector<tracking::TableOverview> tables = overview.tables();
    add_tracked(facts, overview, *context.owners(), tables, totals);
    const Judgement judgement = judge(facts);
    add_judgement(json, judgement);
    json["summary"] = summary_json(totals, files_under_way(context.service));
    json["freshness"] = freshness_list(tables, judgement, facts.now);
    json["series"] = series_json(overview, hours, context.service.now());
    return json_response(json);
  });
}

}  // namespace

Json freshness_json(const tracking::TableOverview& table, const TableFreshness& fresh, Time now) {
  Json lag;
  if (table.last_loaded_at_us != 0) {
    const std::int64_t lag_us = microseconds_of(now) - table.last_loaded_at_us;
    lag = static_cast<double>(std::max<std::int64_t>(lag_us, 0)) / 1e6;
  }
  return Json{{"table_name", table.name},
              {"last_loaded_at", rfc3339(table.last_loaded_at_us)},
              {"lag_seconds", std::move(lag)},
              {"stale", !fresh.stale_reason.empty()},
              {"stale_reason", text_or_null(fresh.stale_reason)},
              {"looked_at", rfc3339(fresh.looked_at)}};
}

void add_status_routes(Router& router, ApiContext& context) {
  const std::vector<std::string> of_status = {"file_name",       "status", "table", "since",
                                              "include_history", "limit",  "after"};
  add_routes(router, context,
             {{"GET", "/consumption/qvd_status", of_status, qvd_status},
              {"GET", "/api/qvd_status", of_status, qvd_status},
              {"GET", "/api/overview", {"hours"}, overview_answer}});
}

}  // namespace qvdhouse::serve
