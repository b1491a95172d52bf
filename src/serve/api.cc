#include "serve/api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "serve/api_context.h"

namespace qvdhouse::serve {
namespace {

constexpr std::size_t kMostAnswers = 1'000;
constexpr std::chrono::seconds kKept{1};

Problem not_ready(const Service& service) {
  const std::vector<std::string> problems = service.health().problems;
  // None: it became ready just now.
  const std::string why = fmt::format("{}", fmt::join(problems, "; "));
  return {503, "not ready yet, because " + (why.empty() ? "it was still starting" : why)};
}

}  // namespace

HttpResponse SharedAnswers::get(const HttpRequest& request,
                                const std::function<HttpResponse()>& make) {
  std::string key = request.path;
  for (const auto& [name, value] : request.query) {
    key.append(1, '\n').append(name).append(1, '\0').append(value);
  }
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMostAnswers) entries_.clear();
    std::shared_ptr<Entry>& place = entries_[key];
    if (!place) place = std::make_shared<Entry>();
    entry = place;
  }
  const std::lock_guard lock(entry->mutex);
  if (entry->response && std::chrono::steady_clock::now() < entry->until) return *entry->response;
  entry->response = make();
  entry->until = std::chrono::steady_clock::now() + kKept;
  return *entry->response;
}

void SharedAnswers::forget() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

std::shared_ptr<const Configuration> ApiContext::configuration() const {
  auto configuration = service.configuration();
  if (!configuration) throw not_ready(service);
  return configuration;
}

TargetAccess ApiContext::target() const {
  auto target = service.target();
  if (!target) throw not_ready(service);
  return *target;
}

tracking::Overview ApiContext::overview(const HttpRequest& request) const {
  return {target().endpoint, configuration()->database, request.stop};
}

tracking::Tracking ApiContext::tracking() const {
  const auto known = configuration();
  return {target().endpoint, known->database, known->history_days};
}

tracking::Runs ApiContext::runs() const {
  const auto known = configuration();
  return {target().endpoint, known->database, known->history_days};
}

WorkflowState ApiContext::workflow(const std::string& name) const {
  configuration();  // without one it is not known which workflows there are
  std::vector<std::string> names;
  for (WorkflowState& workflow : service.workflows()) {
    if (workflow.name == name) return std::move(workflow);
    names.push_back(workflow.name);
  }
  throw Problem(404, "no workflow is called " + name, std::move(names));
}

std::shared_ptr<const Owners> ApiContext::owners() const {
  auto known = configuration();
  const std::lock_guard lock(owners_mutex);
  if (!known_owners || known_owners->configuration() != known) {
    known_owners = std::make_shared<const Owners>(std::move(known));
  }
  return known_owners;
}

SlowTurn::SlowTurn(ApiContext& context) : context_(context) {
  if (!context_.slow.try_acquire_for(std::chrono::seconds(3))) {
    throw Problem(503, "several looks at files and sources are under way; try again");
  }
}

sync::Options options_of(const Workflow& workflow, const ApiContext& context) {
  sync::Options options = workflow.options;
  options.load.policy.dialect = context.target().endpoint.dialect;
  return options;
}

std::string start_run(const Service::RunRequest& request, ApiContext& context) {
  try {
    std::string run_id = context.service.run_now(request);
    context.answers.forget();
    return run_id;
  } catch (const base::ConfigError& error) {
    throw Problem(409, error.what());
  }
}

void add_routes(Router& router, ApiContext& context, const std::vector<ApiRoute>& routes) {
  for (const ApiRoute& route : routes) {
    router.add({.method = route.method,
                .pattern = route.pattern,
                .parameters = route.parameters,
                .handle = [&context, handle = route.handle](
                              const RoutedRequest& request) { return handle(request, context); },
                .is_public = route.is_public,
                .is_of_metrics = route.is_of_metrics,
                .sites = route.sites});
  }
}

struct Api::State {
  State(Service& service, ApiOptions&& options, spdlog::logger& log)
      : router({.token_hash = options.token_hash,
                .metrics_token_hash = options.metrics_token_hash,
                .checks_host = options.token_hash.empty() && options.is_loopback},
               log),
        context{service, std::move(options), log},
        listening(service.events().listen([this](const Event& event) {
          // What was kept for a second is old now.
          if (event.type == "run_finished") context.answers.forget();
        })) {}
  Router router;
  ApiContext context;
  Listening listening;
};

Api::Api(Service& service, ApiOptions options, spdlog::logger& log)
    : state_(std::make_unique<State>(service, std::move(options), log)) {
  add_status_routes(state_->router, state_->context);
  add_table_routes(state_->router, state_->context);
  add_cat_routes(state_->router, state_->context);
  add_file_routes(state_->router, state_->context);
  add_run_routes(state_->router, state_->context);
  add_instance_routes(state_->router, state_->context);
  add_service_routes(state_->router, state_->context);
}

Api::~Api() = default;

HttpResponse Api::handle(const HttpRequest& request) const {
  return state_->router.handle(request);
}

void Api::set_token_hash(std::string hash) {
  state_->router.set_token_hash(std::move(hash));
  ++state_->context.access_changes;
}

void Api::set_metrics_token_hash(std::string hash) {
  state_->router.set_metrics_token_hash(std::move(hash));
}

bool Api::is_quick(const HttpRequest& request) {
  static constexpr std::array<std::string_view, 8> kPaths = {
      "/",           "/health",  "/ready", "/metrics", "/openapi.json", "/api/version",
      "/api/events", "/api/logs"};
  return std::ranges::find(kPaths, request.path) != kPaths.end() ||
         request.path.starts_with("/assets/");
}

std::span<const Route> Api::routes() const { return state_->router.routes(); }

}  // namespace qvdhouse::serve
