// What went wrong with a request, as people and programs read it: RFC 9457 problems.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "serve/http_server.h"

namespace qvdhouse::serve {

// Keys stay in the order in which they were added.
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

}  // namespace qvdhouse::serve
