// What the groups of paths share: the service, its ClickHouse, and answers that are kept for a
// second, so that many clients that poll cost no more than one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <vector>

#include "serve/api.h"
#include "serve/owners.h"
#include "serve/router.h"
#include "tracking/overview.h"
#include "tracking/runs.h"
#include "tracking/tracking.h"

namespace qvdhouse::serve {

// Thread-safe. Of many that ask for the same at once, one works and the others wait for its answer.
class SharedAnswers {
 public:
  HttpResponse get(const HttpRequest& request, const std::function<HttpResponse()>& make);
  void forget();  // something has changed

 private:
  struct Entry {
    std::mutex mutex;
    std::chrono::steady_clock::time_point until;
    std::optional<HttpResponse> response;
  };
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

// Bytes of symbol tables, as they are in a file, that one request reads: its memory is a few times
// as much.
constexpr std::uint64_t kMostSymbolBytes = std::uint64_t{64} << 20;

class CatStreams;

struct ApiContext {
  Service& service;
  ApiOptions options;
  spdlog::logger& log;
  SharedAnswers answers{};
  // Requests that read files or list sources: a few at a time, so that threads are left for others.
  std::counting_semaphore<8> slow{3};
  std::atomic<int> event_streams{0};
  std::shared_ptr<CatStreams> cat_streams{};  // of api_cat.cc
  std::atomic<unsigned> access_changes{0};    // how often another token was set

  // Throw Problem 503, "not ready yet, because …", while there is no configuration or no
  // ClickHouse.
  std::shared_ptr<const Configuration> configuration() const;
  TargetAccess target() const;
  tracking::Overview overview(const HttpRequest& request) const;
  tracking::Tracking tracking() const;
  tracking::Runs runs() const;

  // Throws Problem 404, and 503 while there is no configuration.
  WorkflowState workflow(const std::string& name) const;
  // Which workflow a file belongs to, by the configuration of this moment.
  std::shared_ptr<const Owners> owners() const;

  mutable std::mutex owners_mutex{};
  mutable std::shared_ptr<const Owners> known_owners{};  // of the configuration when last asked
};

// A turn at work that takes long, while it lives: threads are left for quick answers. Throws
// Problem 503 when too many have one.
class SlowTurn {
 public:
  explicit SlowTurn(ApiContext& context);
  ~SlowTurn() { context_.slow.release(); }
  SlowTurn(const SlowTurn&) = delete;
  SlowTurn& operator=(const SlowTurn&) = delete;

 private:
  ApiContext& context_;
};

// The options of a run of the workflow into today's target. Throws Problem 503.
sync::Options options_of(const Workflow& workflow, const ApiContext& context);

// Its id. Throws Problem 409 for what the service refuses (it is stopping): that is not the fault
// of the request.
std::string start_run(const Service::RunRequest& request, ApiContext& context);

// A path and what answers it.
struct ApiRoute {
  const char* method;                   // GET (HEAD, too) or POST
  const char* pattern;                  // as Route::pattern
  std::vector<std::string> parameters;  // names that may stand in the query
  HttpResponse (*handle)(const RoutedRequest&, ApiContext&);
  bool is_public = false;  // needs no token
  Route::Sites sites = Route::Sites::kOwn;
  bool is_of_metrics = false;  // the token of metrics opens it, too
};
// `context` must outlive the router.
void add_routes(Router& router, ApiContext& context, const std::vector<ApiRoute>& routes);

// The groups.
void add_status_routes(Router& router, ApiContext& context);
void add_table_routes(Router& router, ApiContext& context);
void add_cat_routes(Router& router, ApiContext& context);
void add_file_routes(Router& router, ApiContext& context);
void add_run_routes(Router& router, ApiContext& context);
void add_instance_routes(Router& router, ApiContext& context);
void add_service_routes(Router& router, ApiContext& context);

}  // namespace qvdhouse::serve
