// Members of an event's data, read so that a missing or strange one is empty or 0 and never an
// error: who follows events must not be ended by one.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace qvdhouse::serve {

inline std::string text_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_string() ? found->get<std::string>() : "";
}

inline double number_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_number() ? found->get<double>() : 0;
}

inline std::uint64_t count_of(const nlohmann::json& data, const char* name) {
  const auto found = data.find(name);
  return found != data.end() && found->is_number_integer() && *found >= 0
             ? found->get<std::uint64_t>()
             : 0;
}

// Whether a run or a file of this status needs a look.
inline bool is_bad(std::string_view status) {
  return status == "failed" || status == "partial" || status == "lost";
}

}  // namespace qvdhouse::serve
