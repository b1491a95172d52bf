#include "cli/setting_values.h"

#include <limits>
#include <sstream>

#include "base/ascii.h"
#include "cli/server_url.h"
#include "clickhouse/column_type.h"
#include "serve/schedule.h"
#include "source/listing.h"

namespace qvdhouse::cli {

std::string take_text(const RawValue& value, std::string& out) {
  if (value.text.empty()) return std::string(kNotEmpty);
  out = value.text;
  return "";
}

std::string take_any_text(const RawValue& value, std::string& out) {
  out = value.text;
  return "";
}

std::string take_path(const RawValue& value, std::filesystem::path& out) {
  if (value.text.empty()) return std::string(kPath);
  out = value.text;
  return "";
}

std::string take_list(const RawValue& value, std::vector<std::string>& out) {
  out = value.is_list ? value.items : source::split_list(value.text);
  return "";
}

std::string take_bytes(const RawValue& value, std::uint64_t& out) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> kUnits = {
      {{"", 1},
       {"B", 1},
       {"KiB", 1024},
       {"KB", 1000},
       {"MiB", 1024 * 1024},
       {"MB", 1000 * 1000},
       {"GiB", 1024 * 1024 * 1024},
       {"GB", 1000 * 1000 * 1000},
       {"M", 1024 * 1024},
       {"G", 1024 * 1024 * 1024}}};
  std::uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc()) return std::string(kBytes);
  std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kUnits) {
    if (unit != name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / factor) break;
    if (number * factor < 1024 * 1024) break;
    out = number * factor;
    return "";
  }
  return std::string(kBytes);
}

std::string take_headers(const RawValue& value, std::vector<std::string>& out) {
  std::vector<std::string> lines = value.items;
  if (!value.is_list) {
    std::istringstream text(value.text);
    for (std::string line; std::getline(text, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) lines.push_back(line);
    }
  }
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    const bool good = colon != std::string::npos && colon > 0 &&
                      line.find_first_of("\r\n") == std::string::npos &&
                      line.find_first_of(" \t") > colon;
    if (!good) return std::string(kHeaders);
  }
  out = std::move(lines);
  return "";
}

std::string take_truth(const RawValue& value, bool& out) {
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (base::equal_ignoring_case(value.text, yes)) {
      out = true;
      return "";
    }
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (base::equal_ignoring_case(value.text, no)) {
      out = false;
      return "";
    }
  }
  return std::string(kTruth);
}

std::string take_duration(const RawValue& value, std::chrono::milliseconds& out) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"", 1'000}, {"s", 1'000}, {"ms", 1}, {"m", 60'000}, {"h", 3'600'000}}};
  constexpr std::int64_t kMostMs = 86'400'000;
  std::int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc()) return std::string(kDuration);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  for (const auto& [name, factor] : kUnits) {
    if (unit != name) continue;
    if (number < 1 || number > kMostMs / factor) break;
    out = std::chrono::milliseconds(number * factor);
    return "";
  }
  return std::string(kDuration) + ", at most a day";
}

std::string take_span(const RawValue& value, std::chrono::seconds& out) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}}};
  constexpr std::int64_t kMost = 366 * 86'400;
  std::int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  for (const auto& [name, factor] : kUnits) {
    if (error != std::errc() || unit != name || number < 0 || number > kMost / factor) continue;
    out = std::chrono::seconds(number * factor);
    return "";
  }
  return std::string(kSpan) + ", at most 366d";
}

std::string take_timezone(const RawValue& value, std::string& out) {
  const std::string error =
      value.text.empty() ? std::string("it is empty") : serve::time_zone_error(value.text);
  if (!error.empty()) return "a time zone name such as Europe/Berlin (" + error + ")";
  out = value.text;
  return "";
}

std::string take_column_type(const RawValue& value, std::string& out) {
  if (!clickhouse::parse_column_type(value.text)) {
    return "a type that qvdhouse makes: Int8 … Int64, UInt8 … UInt64, Float64, Bool, String, "
           "Decimal(P, S), Date32, DateTime64(S), Time64(S), also in Nullable(…) or "
           "LowCardinality(…)";
  }
  out = value.text;
  return "";
}

std::string take_drift(const RawValue& value, schema::DriftPolicy& out) {
  static constexpr std::array<std::pair<std::string_view, schema::DriftPolicy>, 3> kChoices = {
      {{"evolve", schema::DriftPolicy::kEvolve},
       {"freeze", schema::DriftPolicy::kFreeze},
       {"discard", schema::DriftPolicy::kDiscard}}};
  return take_choice(value, out, kChoices);
}

std::string take_vanished(const RawValue& value, schema::VanishedPolicy& out) {
  static constexpr std::array<std::pair<std::string_view, schema::VanishedPolicy>, 2> kChoices = {
      {{"keep", schema::VanishedPolicy::kKeep}, {"delete", schema::VanishedPolicy::kDelete}}};
  return take_choice(value, out, kChoices);
}

std::string take_url(const RawValue& value, std::string& out) {
  const std::string error = server_url_error(value.text);
  if (!error.empty()) return error;
  out = value.text;
  return "";
}

std::string take_endpoint(const RawValue& value, std::string& out) {
  constexpr std::string_view kForm = "http(s)://HOST[:PORT], without user or password";
  const bool has_scheme = value.text.starts_with("http://") || value.text.starts_with("https://");
  if (!has_scheme || value.text.find_first_of("@?# \t\r\n") != std::string::npos) {
    return std::string(kForm);
  }
  out = value.text;
  return "";
}

std::string take_schedule(const RawValue& value, std::string& out) {
  const std::string error = serve::schedule_error(value.text);
  if (!error.empty()) {
    return "five cron fields, @hourly, @daily, @weekly, @monthly, @every 30s or 5m (" + error + ")";
  }
  out = value.text;
  return "";
}

std::string take_pattern(const RawValue& value, std::string& out) {
  if (value.text.empty()) return "a glob such as *.qvd or **/*.qvd";
  out = value.text;
  return "";
}

}  // namespace qvdhouse::cli
