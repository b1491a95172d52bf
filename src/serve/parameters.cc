#include "serve/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/ascii.h"

namespace qvdhouse::serve {
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
