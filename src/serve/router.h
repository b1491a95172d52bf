// Which request goes to which function, and who may make it. The rules that hold for every path
// stand here: tokens, the page's own origin, security headers, problems in place of exceptions;
// and how a handler reads its request and writes its answer.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "serve/http_server.h"

namespace qvdhouse::serve {

// What went wrong with a request, as people and programs read it: RFC 9457 problems.
// Keys of JSON stay in the order in which they were added.
using Json = nlohmann::ordered_json;

// Thrown by a handler: an answer with this status. `detail` is a sentence that says what was
// expected; `allowed`: the values or names that would have been right.
class Problem : public base::Error {
 public:
  Problem(int status, const std::string& detail, std::vector<std::string> allowed = {})
      : base::Error(detail), status_(status), allowed_(std::move(allowed)) {}
  int status() const { return status_; }
  const std::vector<std::string>& allowed() const { return allowed_; }

 private:
  int status_;
  std::vector<std::string> allowed_;
};

// application/problem+json.
HttpResponse problem_response(const Problem& problem);
// An answer of JSON; bytes that are not UTF-8 come out as U+FFFD.
HttpResponse json_response(const Json& json, int status = 200);
std::string dump_json(const Json& json);

// What stands in a request, checked. Each throws Problem 400 saying what is allowed.
// Empty when the parameter is not there.
std::string text_parameter(const HttpRequest& request, std::string_view name);
std::uint64_t number_parameter(const HttpRequest& request, std::string_view name,
                               std::uint64_t smallest, std::uint64_t largest,
                               std::uint64_t otherwise);
// One of `allowed`, in any case, or empty.
std::string choice_parameter(const HttpRequest& request, std::string_view name,
                             const std::vector<std::string>& allowed);
bool flag_parameter(const HttpRequest& request, std::string_view name);

// The body as an object with no other members than these; an empty body is an empty object.
Json object_of(const HttpRequest& request, const std::vector<std::string>& members);
// Members of such an object; `otherwise` when it is not there.
bool flag_of(const Json& object, const std::string& name);
std::string text_of_member(const Json& object, const std::string& name);  // not empty: required
std::string text_or_none_of(const Json& object, const std::string& name);
// 0 when it is not there.
std::uint64_t count_or_none_of(const Json& object, const std::string& name);
std::vector<std::string> texts_of(const Json& object, const std::string& name);

// A request as its route sees it.
struct RoutedRequest {
  const HttpRequest& http;
  std::map<std::string, std::string, std::less<>> path;  // "{id}" → what stands there
  bool is_trusted = true;  // false: a public route, asked without the token that others need

  // A parameter of the path; it is there.
  const std::string& part(std::string_view name) const { return path.find(name)->second; }
};

struct Route {
  std::string method;                   // GET (HEAD, too) or POST
  std::string pattern;                  // "/api/runs/{id}/cancel"
  std::vector<std::string> parameters;  // names that may stand in the query
  std::function<HttpResponse(const RoutedRequest&)> handle;
  bool is_public = false;      // needs no token
  bool is_of_metrics = false;  // the token of metrics opens it, too
  // Whose pages may make a browser ask for it.
  enum class Sites {
    kOwn,
    kLinks,  // others' too, by a link that a user follows to it
    kAll,    // health checks, which tell nothing
  } sites = Sites::kOwn;
};

struct RouterOptions {
  std::string token_hash;            // empty: everybody is let in
  std::string metrics_token_hash{};  // of a token for Route::is_of_metrics alone; empty: none
  // No token, and on loopback: only requests that name this machine, not those of a rebound name.
  bool checks_host = false;
};

class Router {
 public:
  Router(RouterOptions options, spdlog::logger& log);
  void add(Route route);
  // From now on this token is asked for; `hash` is that of hash_token() and not empty. Thread-safe.
  void set_token_hash(std::string hash);
  // The same of the token of metrics; an empty one is none.
  void set_metrics_token_hash(std::string hash);
  std::span<const Route> routes() const { return routes_; }
  // Never throws. Thread-safe once all routes are there.
  HttpResponse handle(const HttpRequest& request) const;

 private:
  HttpResponse answer(const HttpRequest& request) const;
  HttpResponse checked(const Route& route, RoutedRequest&& request) const;
  RouterOptions options() const;

  mutable std::mutex mutex_;  // of options_
  RouterOptions options_;
  spdlog::logger& log_;
  std::vector<Route> routes_;
};

}  // namespace qvdhouse::serve
