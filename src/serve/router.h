// Which request goes to which function, and who may make it. The rules that hold for every path
// stand here: tokens, the page's own origin, security headers, problems in place of exceptions.
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http_server.h"
#include "serve/problem.h"

namespace qvdhouse::serve {

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
  bool is_public = false;  // needs no token
  // Whose pages may make a browser ask for it.
  enum class Sites {
    kOwn,
    kLinks,  // others' too, by a link that a user follows to it
    kAll,    // health checks, which tell nothing
  } sites = Sites::kOwn;
};

struct RouterOptions {
  std::string token_hash;  // empty: everybody is let in
  // No token, and on loopback: only requests that name this machine, not those of a rebound name.
  bool checks_host = false;
};

class Router {
 public:
  Router(RouterOptions options, spdlog::logger& log);
  void add(Route route);
  // From now on this token is asked for; `hash` is that of hash_token() and not empty. Thread-safe.
  void set_token_hash(std::string hash);
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
