// What stands in a request, checked. Each throws Problem 400 saying what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http_server.h"
#include "serve/problem.h"

namespace qvdhouse::serve {

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
std::vector<std::string> texts_of(const Json& object, const std::string& name);

}  // namespace qvdhouse::serve
