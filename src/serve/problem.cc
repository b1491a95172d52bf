#include "serve/problem.h"

#include <string_view>

namespace qvdhouse::serve {
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

}  // namespace qvdhouse::serve
