#include "serve/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "serve/auth.h"

namespace qvdhouse::serve {

namespace {

using Parts = std::map<std::string, std::string, std::less<>>;

// Up to the next slash, which is taken away too.
std::string_view next_segment(std::string_view& text) {
  const std::size_t end = std::min(text.find('/'), text.size());
  const std::string_view segment = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return segment;
}

// The parts of the path; none: it is not of this pattern. A last "{name*}" takes the whole rest.
std::optional<Parts> match(std::string_view pattern, std::string_view path) {
  Parts parts;
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  while (true) {
    const bool is_last = pattern.find('/') == std::string_view::npos;
    if (is_last != (path.find('/') == std::string_view::npos) && !pattern.ends_with("*}")) {
      return std::nullopt;
    }
    if (is_last && pattern.ends_with("*}")) {
      parts.emplace(pattern.substr(1, pattern.size() - 3), path);
      return parts;
    }
    const std::string_view wanted = next_segment(pattern);
    const std::string_view found = next_segment(path);
    if (wanted.starts_with('{') && !found.empty()) {
      parts.emplace(wanted.substr(1, wanted.size() - 2), found);
    } else if (wanted != found) {
      return std::nullopt;
    }
    if (is_last) return parts;
  }
}

void check_parameters(const Route& route, const HttpRequest& request) {
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(route.parameters, name) != route.parameters.end()) continue;
    throw Problem(400,
                  fmt::format("unknown parameter {}; {} takes {}", name, request.path,
                              route.parameters.empty() ? "none" : "those that are allowed here"),
                  route.parameters);
  }
}

// A page of another site cannot read the answer, but what was asked for would have been done: files
// read, sources asked with their credentials.
void check_site(const Route& route, const HttpRequest& request) {
  if (route.sites == Route::Sites::kAll || is_own_page_or_none(request)) return;
  if (route.sites == Route::Sites::kLinks && follows_a_link(request)) return;
  throw Problem(403, "only the page of this service may ask for this from a browser");
}

void check_write(const HttpRequest& request) {
  if (!is_own_page_or_none(request)) {
    throw Problem(403, "only the page of this service may change something from a browser");
  }
  const std::string type = request.header("Content-Type").value_or("");
  if (!request.body.empty() && !type.starts_with("application/json")) {
    throw Problem(415, "the body must be JSON, with Content-Type: application/json",
                  {"application/json"});
  }
}

// The page loads nothing from elsewhere, runs no inline script and is shown in no frame.
void add_security_headers(HttpResponse& response) {
  static const std::vector<std::pair<std::string, std::string>> kHeaders = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
       "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  response.headers.insert(response.headers.end(), kHeaders.begin(), kHeaders.end());
  const bool says_caching = std::ranges::any_of(
      response.headers, [](const auto& header) { return header.first == "Cache-Control"; });
  if (!says_caching) response.headers.emplace_back("Cache-Control", "no-store");
}

}  // namespace

Router::Router(RouterOptions options, spdlog::logger& log)
    : options_(std::move(options)), log_(log) {}

void Router::add(Route route) { routes_.push_back(std::move(route)); }

void Router::set_token_hash(std::string hash) {
  const std::lock_guard lock(mutex_);
  options_.token_hash = std::move(hash);
  options_.checks_host = false;
}

void Router::set_metrics_token_hash(std::string hash) {
  const std::lock_guard lock(mutex_);
  options_.metrics_token_hash = std::move(hash);
}

RouterOptions Router::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

HttpResponse Router::handle(const HttpRequest& request) const {
  HttpResponse response;
  try {
    response = answer(request);
  } catch (const Problem& problem) {
    response = problem_response(problem);
    if (problem.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  } catch (const base::ServerError& error) {
    log_.warn("{} {}: {}", request.method, request.path, error.what());
    response = problem_response(
        Problem(503, fmt::format("ClickHouse reported error {}; the log says more", error.code())));
  } catch (const base::IoError& error) {
    log_.warn("{} {}: {}", request.method, request.path, error.what());
    response = problem_response(Problem(503, "ClickHouse cannot be reached; see /ready"));
  } catch (const base::Cancelled&) {
    response = problem_response(Problem(503, "the service is stopping"));
  } catch (const std::exception& error) {
    log_.error("{} {}: {}", request.method, request.path, error.what());
    response = problem_response(Problem(500, "this request failed; the log says why"));
  }
  add_security_headers(response);
  return response;
}

HttpResponse Router::answer(const HttpRequest& request) const {
  if (options().checks_host && !names_loopback_host(request)) {
    throw Problem(403,
                  "without a token this service answers only to localhost and to its address; "
                  "behind another name it needs one (qvdhouse token)");
  }
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::vector<std::string> methods;
  for (const Route& route : routes_) {
    auto parts = match(route.pattern, request.path);
    if (!parts) continue;
    if (route.method == method) return checked(route, {request, std::move(*parts)});
    methods.push_back(route.method);
  }
  if (methods.empty()) {
    throw Problem(404, "nothing is at " + request.path + "; /openapi.json lists all paths");
  }
  std::string allow;
  for (const std::string& one : methods) allow += (allow.empty() ? "" : ", ") + one;
  HttpResponse response =
      problem_response(Problem(405, fmt::format("{} takes {}", request.path, allow), methods));
  response.headers.emplace_back("Allow", allow);
  return response;
}

HttpResponse Router::checked(const Route& route, RoutedRequest&& request) const {
  check_site(route, request.http);
  const RouterOptions guard = options();
  request.is_trusted = guard.token_hash.empty() || has_token(request.http, guard.token_hash);
  const bool is_open =
      route.is_public || (route.is_of_metrics && !guard.metrics_token_hash.empty() &&
                          has_token(request.http, guard.metrics_token_hash));
  if (!request.is_trusted && !is_open) {
    throw Problem(401, "send the token of this service: Authorization: Bearer TOKEN");
  }
  if (route.method != "GET") check_write(request.http);
  check_parameters(route, request.http);
  return route.handle(request);
}

namespace {

std::string_view title(int status) {
  switch (status) {
    case 400:
      return "Bad request";
    case 401:
      return "A token is required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Conflict";
    case 415:
      return "Unsupported media type";
    case 503:
      return "Not available right now";
    default:
      return "Internal error";
  }
}

}  // namespace

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse json_response(const Json& json, int status) {
  HttpResponse response;
  response.status = status;
  response.body = dump_json(json);
  return response;
}

HttpResponse problem_response(const Problem& problem) {
  Json json{{"type", "about:blank"},
            {"title", title(problem.status())},
            {"status", problem.status()},
            {"detail", problem.what()}};
  if (!problem.allowed().empty()) json["allowed"] = problem.allowed();
  HttpResponse response = json_response(json, problem.status());
  response.type = "application/problem+json";
  return response;
}

std::string text_parameter(const HttpRequest& request, std::string_view name) {
  return request.parameter(name).value_or("");
}

std::uint64_t number_parameter(const HttpRequest& request, std::string_view name,
                               std::uint64_t smallest, std::uint64_t largest,
                               std::uint64_t otherwise) {
  const auto text = request.parameter(name);
  if (!text) return otherwise;
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  const bool is_number = error == std::errc() && stopped == end && !text->empty();
  if (!is_number || number < smallest || number > largest) {
    throw Problem(400,
                  fmt::format("{} must be a whole number from {} to {}", name, smallest, largest),
                  {fmt::format("{}-{}", smallest, largest)});
  }
  return number;
}

std::string choice_parameter(const HttpRequest& request, std::string_view name,
                             const std::vector<std::string>& allowed) {
  const auto text = request.parameter(name);
  if (!text || text->empty()) return "";
  const auto found = std::ranges::find(allowed, base::to_lower(*text));
  if (found == allowed.end()) {
    throw Problem(400, fmt::format("{} must be one of those that are allowed", name), allowed);
  }
  return *found;
}

bool flag_parameter(const HttpRequest& request, std::string_view name) {
  const std::string text = choice_parameter(request, name, {"true", "false", "1", "0"});
  return text == "true" || text == "1";
}

Json object_of(const HttpRequest& request, const std::vector<std::string>& members) {
  if (request.body.empty()) return Json::object();
  Json object = Json::parse(request.body, nullptr, false);
  if (!object.is_object()) throw Problem(400, "the body must be a JSON object", members);
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(members, name) != members.end()) continue;
    throw Problem(400, fmt::format("unknown member {} in the body", name), members);
  }
  return object;
}

bool flag_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return false;
  if (!found->is_boolean()) throw Problem(400, name + " must be true or false", {"true", "false"});
  return found->get<bool>();
}

std::string text_of_member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string() || found->get<std::string>().empty()) {
    throw Problem(400, name + " must be a text that is not empty");
  }
  return found->get<std::string>();
}

std::string text_or_none_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? "" : text_of_member(object, name);
}

std::uint64_t count_or_none_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return 0;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() == 0) {
    throw Problem(400, name + " must be a whole number from 1 on");
  }
  return found->get<std::uint64_t>();
}

std::vector<std::string> texts_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  const bool are_texts = found->is_array() && std::ranges::all_of(*found, [](const Json& item) {
                           return item.is_string();
                         });
  if (!are_texts) throw Problem(400, name + " must be a list of texts");
  return found->get<std::vector<std::string>>();
}

}  // namespace qvdhouse::serve
