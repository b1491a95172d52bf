// Workflows and their runs: what they did, what they do, and what they are told to do.
#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "claim/claims.h"
#include "serve/api_context.h"
#include "serve/api_json.h"
#include "serve/router.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kAttemptsShown = 1'000;

HttpResponse workflows_answer(const RoutedRequest& /*request*/, ApiContext& context) {
  Json list = Json::array();
  for (const WorkflowState& workflow : context.service.workflows()) {
    list.emplace_back(workflow_json(workflow));
  }
  return json_response(Json{{"workflows", std::move(list)}});
}

// The embedded engine has no claims: what works there is this service alone.
HttpResponse workers_answer(const RoutedRequest& request, ApiContext& context) {
  return context.answers.get(request.http, [&] {
    const auto configuration = context.configuration();
    const TargetAccess target = context.target();
    Json list = Json::array();
    if (!target.is_embedded) {
      for (const claim::Worker& worker :
           claim::workers(target.endpoint, configuration->database, request.http.stop)) {
        list.push_back(worker_json(worker));
      }
    }
    return json_response(Json{{"workers", std::move(list)}});
  });
}

HttpResponse run_workflow(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"full", "files", "retry_failed"});
  Service::RunRequest run;
  run.workflow = context.workflow(request.part("name")).name;
  run.full = flag_of(body, "full");
  run.files = texts_of(body, "files");
  run.retry_failed = flag_of(body, "retry_failed");
  return json_response(Json{{"run_id", start_run(run, context)}}, 202);
}

// Throws ConfigError.
void check_window(const decide::ChoiceTexts& window, const std::string& name,
                  const Configuration& configuration) {
  const auto workflow = std::ranges::find(configuration.workflows, name, &Workflow::name);
  if (workflow == configuration.workflows.end()) return;  // it is gone since
  const sync::Options& options = workflow->options;
  const schema::Policy& policy = options.load.policy;
  decide::check_choice(decide::parse_choice(window, "", policy.timezone, sync::now_us()),
                       decide::Placer(options.tables, policy, options.source));
}

HttpResponse backfill_workflow(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"since", "until", "by", "full", "limit"});
  Service::RunRequest run;
  run.workflow = context.workflow(request.part("name")).name;
  run.trigger = tracking::RunTrigger::kBackfill;
  run.full = flag_of(body, "full");
  run.limit = count_or_none_of(body, "limit");
  run.window = {.since = text_or_none_of(body, "since"),
                .until = text_or_none_of(body, "until"),
                .by = text_or_none_of(body, "by")};
  if (run.window.since.empty() && run.window.until.empty()) {
    throw Problem(400,
                  "expected since, until or both, found neither; a run of the whole source is "
                  "POST /api/workflows/{name}/run");
  }
  try {
    check_window(run.window, run.workflow, *context.configuration());
  } catch (const base::ConfigError& error) {
    throw Problem(400, error.what());
  }
  return json_response(Json{{"run_id", start_run(run, context)}}, 202);
}

template <bool paused>
HttpResponse pause_workflow(const RoutedRequest& request, ApiContext& context) {
  object_of(request.http, {});
  const std::string name = context.workflow(request.part("name")).name;
  context.target();  // where it is kept
  context.service.set_paused(name, paused, "api");
  context.answers.forget();
  return json_response(workflow_json(context.workflow(name)));
}

bool takes(const tracking::Runs::Query& query, const tracking::RunRecord& run) {
  return (query.workflow.empty() || query.workflow == run.workflow) &&
         (!query.status || query.status == run.status);
}

struct NewestRuns {
  std::vector<tracking::RunRecord> runs;  // newest first; those under way may make them more
  std::int64_t next_us = 0;               // where to go on: before this; 0: that is all
};

// What is written of a run under way is up to half a minute old: what the service knows of it
// stands in its place.
NewestRuns newest_runs(const tracking::Runs::Query& query, ApiContext& context) {
  const std::vector<LiveRun> live = context.service.live();
  std::vector<tracking::RunRecord> found = context.runs().find(query);
  NewestRuns newest;
  if (found.size() >= query.limit) newest.next_us = found.back().started_at_us;
  std::set<std::string> known;
  for (const LiveRun& one : live) {
    known.insert(one.run.run_id);
    const std::int64_t began_us = one.run.started_at_us;
    if (takes(query, one.run) && (query.before_us == 0 || began_us < query.before_us) &&
        began_us >= newest.next_us) {
      newest.runs.push_back(one.run);
    }
  }
  for (tracking::RunRecord& run : found) {
    if (!known.contains(run.run_id)) newest.runs.push_back(std::move(run));
  }
  std::ranges::sort(newest.runs, [](const auto& a, const auto& b) {
    return std::tie(a.started_at_us, a.run_id) > std::tie(b.started_at_us, b.run_id);
  });
  return newest;
}

// Several in one entry are quiet ones, one after the other.
// NOLINTNEXTLINE(bugprone-exception-escape): a json that is moved from throws nothing
struct RunPage {
  std::vector<std::vector<tracking::RunRecord>> entries;
  Json next;  // where the next page begins
};

// At most `limit` entries; of so many runs, where none of them can be told from the next.
RunPage folded_runs(tracking::Runs::Query query, std::size_t limit, ApiContext& context) {
  constexpr std::size_t kRead = 500;
  constexpr std::size_t kMostReads = 10;
  RunPage page;
  query.limit = kRead;
  for (std::size_t reads = 0; reads < kMostReads; ++reads) {
    const NewestRuns newest = newest_runs(query, context);
    for (const tracking::RunRecord& run : newest.runs) {
      const bool is_more =
          !page.entries.empty() && is_quiet(run) && is_quiet(page.entries.back().front());
      if (!is_more && page.entries.size() == limit) {
        page.next = std::to_string(page.entries.back().back().started_at_us);
        return page;
      }
      if (!is_more) page.entries.emplace_back();
      page.entries.back().push_back(run);
    }
    if (newest.next_us == 0) return page;
    query.before_us = newest.next_us;
  }
  page.next = std::to_string(query.before_us);
  return page;
}

RunPage plain_runs(tracking::Runs::Query query, std::size_t limit, ApiContext& context) {
  query.limit = limit + 1;  // one more tells whether there are more
  auto [runs, next_us] = newest_runs(query, context);
  if (runs.size() > limit) {
    runs.resize(limit);
    next_us = runs.back().started_at_us;
  }
  RunPage page;
  if (next_us != 0) page.next = std::to_string(next_us);
  for (tracking::RunRecord& run : runs) page.entries.push_back({std::move(run)});
  return page;
}

Json entry_json(const std::vector<tracking::RunRecord>& runs) {
  if (runs.size() == 1) return run_json(runs.front());
  std::set<std::string> workflows;
  for (const tracking::RunRecord& run : runs) workflows.insert(json_text(run.workflow));
  return Json{{"folded", runs.size()},
              {"first", rfc3339(runs.back().started_at_us)},
              {"last", rfc3339(runs.front().started_at_us)},
              {"workflows", workflows}};
}

HttpResponse runs_answer(const RoutedRequest& request, ApiContext& context) {
  tracking::Runs::Query query;
  query.workflow = text_parameter(request.http, "workflow");
  query.status = base::parse<tracking::RunState>(choice_parameter(
      request.http, "status",
      {"waiting", "running", "completed", "partial", "failed", "cancelled", "skipped", "lost"}));
  const std::size_t limit = number_parameter(request.http, "limit", 1, 500, 50);
  const bool is_folded = flag_parameter(request.http, "fold");
  query.before_us = static_cast<std::int64_t>(
      number_parameter(request.http, "before", 0, std::uint64_t{1} << 60, 0));
  return context.answers.get(request.http, [&] {
    const RunPage page =
        is_folded ? folded_runs(query, limit, context) : plain_runs(query, limit, context);
    Json list = Json::array();
    for (const auto& entry : page.entries) list.push_back(entry_json(entry));
    return json_response(Json{{"runs", std::move(list)}, {"next_before", page.next}});
  });
}

Json known_run(const std::string& run_id, ApiContext& context) {
  for (const LiveRun& live : context.service.live()) {
    if (live.run.run_id == run_id) return live_run_json(live);
  }
  tracking::Runs::Query query;
  query.run_id = run_id;
  query.limit = 1;
  const std::vector<tracking::RunRecord> found = context.runs().find(query);
  if (found.empty()) throw Problem(404, "no run has the id " + run_id);
  Json json = run_json(found.front());
  json["progress"] = nullptr;
  return json;
}

HttpResponse run_answer(const RoutedRequest& request, ApiContext& context) {
  return context.answers.get(request.http, [&] {
    Json json = known_run(request.part("id"), context);
    json["files"] = Json::array();
    const auto attempts =
        context.overview(request.http).attempts_of_run(request.part("id"), kAttemptsShown);
    for (const tracking::Attempt& attempt : attempts)
      json["files"].push_back(attempt_json(attempt));
    return json_response(json);
  });
}

HttpResponse cancel_run(const RoutedRequest& request, ApiContext& context) {
  object_of(request.http, {});
  const std::string& run_id = request.part("id");
  if (!context.service.cancel(run_id)) {
    known_run(run_id, context);  // 404 when there is none
    throw Problem(409, "the run " + run_id + " is not under way any more");
  }
  context.answers.forget();
  return json_response(Json{{"run_id", run_id}}, 202);
}

HttpResponse retry_file(const RoutedRequest& request, ApiContext& context) {
  const Json body = object_of(request.http, {"path"});
  const std::string path = text_of_member(body, "path");
  const auto owners = context.owners();
  const Workflow* workflow = owners->taking(path);
  if (workflow == nullptr) throw Problem(404, "no workflow's source takes " + path);
  Service::RunRequest run;
  run.workflow = workflow->name;
  run.trigger = tracking::RunTrigger::kRetry;
  run.files = {path};
  run.retry_failed = true;
  return json_response(Json{{"run_id", start_run(run, context)}}, 202);
}

}  // namespace

void add_run_routes(Router& router, ApiContext& context) {
  add_routes(router, context,
             {{"GET", "/api/workers", {}, workers_answer},
              {"GET", "/api/workflows", {}, workflows_answer},
              {"POST", "/api/workflows/{name}/run", {}, run_workflow},
              {"POST", "/api/workflows/{name}/backfill", {}, backfill_workflow},
              {"POST", "/api/workflows/{name}/pause", {}, pause_workflow<true>},
              {"POST", "/api/workflows/{name}/unpause", {}, pause_workflow<false>},
              {"GET", "/api/runs", {"workflow", "status", "before", "limit", "fold"}, runs_answer},
              {"GET", "/api/runs/{id}", {}, run_answer},
              {"POST", "/api/runs/{id}/cancel", {}, cancel_run},
              {"POST", "/api/file/retry", {}, retry_file}});
}

}  // namespace qvdhouse::serve
