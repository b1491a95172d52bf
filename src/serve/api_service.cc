// The service itself: health, log, metrics, events, the page and this API's description.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "serve/api_context.h"
#include "serve/assets.h"
#include "serve/router.h"

namespace qvdhouse::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostStreams = 200;
constexpr std::chrono::seconds kHeartbeat{10};

HttpResponse ready_answer(const RoutedRequest& request, ApiContext& context) {
  const Health health = context.service.health();
  const char* not_ready = health.is_starting ? "starting" : "broken";
  Json json{{"ready", health.is_ready()}, {"status", health.is_ready() ? "ready" : not_ready}};
  // Problems name sources and servers: only for those who may see the rest, too.
  if (request.is_trusted) json["problems"] = health.problems;
  return json_response(json, health.is_ready() ? 200 : 503);
}

HttpResponse logs_answer(const RoutedRequest& request, ApiContext& context) {
  const std::size_t limit = number_parameter(request.http, "limit", 1, 2'000, 200);
  const std::string filter = text_parameter(request.http, "filter");
  const std::string level =
      choice_parameter(request.http, "level", {"debug", "info", "warning", "error"});
  Json lines = Json::array();
  if (context.options.logs) lines = context.options.logs(limit, filter, level);
  return json_response(Json{{"lines", std::move(lines)}});
}

// Server-sent events of one client. A comment line now and then keeps what is between us from
// closing the connection, and finds out when the client has left.
class EventStream {
 public:
  EventStream(ApiContext& context, std::uint64_t last_id) : context_(context), last_id_(last_id) {}
  ~EventStream() { --context_.event_streams; }
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // None: it ends.
  std::optional<std::string> next() {
    if (context_.access_changes != access_changes_) return std::nullopt;  // ask with the new token
    std::string text = std::exchange(greeting_, "");
    for (const Event& event : context_.service.events().after(last_id_)) {
      text += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.type,
                          dump_json(event.data));
      last_id_ = event.id;
    }
    const Clock::time_point now = Clock::now();
    if (text.empty() && now - last_sent_ >= kHeartbeat) text = ":\n\n";
    if (!text.empty()) last_sent_ = now;
    return text;
  }

 private:
  ApiContext& context_;
  std::uint64_t last_id_;
  unsigned access_changes_ = context_.access_changes;
  std::string greeting_ = "retry: 2000\n\n";
  Clock::time_point last_sent_ = Clock::now();
};

HttpResponse events_answer(const RoutedRequest& request, ApiContext& context) {
  const std::uint64_t newest = context.service.events().last_id();
  std::uint64_t last_id = newest;
  if (const auto text = request.http.header("Last-Event-ID")) {
    std::uint64_t seen = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seen);
    // A larger one is of this service before it was started again: all events are new.
    if (error == std::errc()) last_id = seen <= newest ? seen : 0;
  }
  if (++context.event_streams > kMostStreams) {
    --context.event_streams;
    throw Problem(503, "too many clients follow events; poll /api/overview");
  }
  const auto stream = std::make_shared<EventStream>(context, last_id);
  HttpResponse response;
  response.type = "text/event-stream";
  response.headers.emplace_back("X-Accel-Buffering", "no");  // or nginx keeps events back
  response.stream = [stream]() -> std::optional<std::string> { return stream->next(); };
  return response;
}

HttpResponse asset_answer(const RoutedRequest& request, ApiContext& /*context*/) {
  const std::string& path = request.http.path;
  const auto all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  if (found == all.end()) throw Problem(404, fmt::format("nothing is at {}", path));
  HttpResponse response;
  response.type = found->type;
  response.headers.emplace_back("ETag", std::string(found->etag));
  response.headers.emplace_back("Cache-Control", "no-cache");
  if (request.http.header("If-None-Match") == found->etag) {
    response.status = 304;
  } else {
    response.body = found->body;
  }
  return response;
}

HttpResponse description_answer(const RoutedRequest& /*request*/, ApiContext& context) {
  Json document = Json::parse(openapi_document());
  document["info"]["version"] = context.options.version;
  return json_response(document);
}

HttpResponse health_answer(const RoutedRequest& /*request*/, ApiContext& /*context*/) {
  return json_response(Json{{"status", "ok"}});
}

HttpResponse version_answer(const RoutedRequest& /*request*/, ApiContext& context) {
  return json_response(Json{{"name", "qvdhouse"}, {"version", context.options.version}});
}

HttpResponse metrics_answer(const RoutedRequest& /*request*/, ApiContext& context) {
  HttpResponse response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = context.options.metrics();
  return response;
}

}  // namespace

void add_service_routes(Router& router, ApiContext& context) {
  using Sites = Route::Sites;
  constexpr bool kPublic = true;
  add_routes(router, context,
             {{"GET", "/", {}, asset_answer, kPublic, Sites::kLinks},
              {"GET", "/assets/{name*}", {}, asset_answer, kPublic, Sites::kOwn},
              {"GET", "/openapi.json", {}, description_answer, kPublic, Sites::kOwn},
              {"GET", "/health", {}, health_answer, kPublic, Sites::kAll},
              {"GET", "/ready", {}, ready_answer, kPublic, Sites::kAll},
              {"GET", "/api/version", {}, version_answer},
              {"GET", "/api/logs", {"limit", "filter", "level"}, logs_answer},
              {"GET", "/api/events", {}, events_answer}});
  if (context.options.metrics) {
    add_routes(router, context,
               {{.method = "GET",
                 .pattern = "/metrics",
                 .parameters = {},
                 .handle = metrics_answer,
                 .is_of_metrics = true}});
  }
}

}  // namespace qvdhouse::serve
