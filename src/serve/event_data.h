// Members of an event's data, read so that a missing or strange one is empty or 0 and never an
// error: who follows events must not be ended by one.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sync/outcome.h"
#include "tracking/states.h"

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

// The status of a run, and of a file; empty when the event has none.
inline std::optional<tracking::RunState> run_state_of(const nlohmann::json& data) {
  return base::parse<tracking::RunState>(text_of(data, "status"));
}
inline std::optional<sync::Outcome> outcome_of(const nlohmann::json& data) {
  return base::parse<sync::Outcome>(text_of(data, "status"));
}

// Whether the run or the file needs a look.
inline bool is_bad(std::optional<tracking::RunState> state) {
  using tracking::RunState;
  return state == RunState::kFailed || state == RunState::kPartial || state == RunState::kLost;
}
inline bool is_bad(std::optional<sync::Outcome> outcome) {
  return outcome == sync::Outcome::kFailed;
}

}  // namespace qvdhouse::serve
