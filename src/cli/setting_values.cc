#include "cli/setting_values.h"

#include <limits>

#include "cli/schedule_check.h"
#include "cli/server_url.h"
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

std::string take_timezone(const RawValue& value, std::string& out) {
  constexpr std::string_view kAllowed = "a time zone name such as Europe/Berlin";
  for (const char c : value.text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '/' || c == '+' || c == '-';
    if (!good) return std::string(kAllowed);
  }
  out = value.text;
  return value.text.empty() ? std::string(kAllowed) : "";
}

std::string take_url(const RawValue& value, std::string& out) {
  const std::string error = server_url_error(value.text);
  if (!error.empty()) return error;
  out = value.text;
  return "";
}

std::string take_schedule(const RawValue& value, std::string& out) {
  const std::string error = schedule_error(value.text);
  out = value.text;
  if (error.empty()) return "";
  return "five cron fields, @hourly, @daily, @weekly, @monthly, @every 30s or 5m (" + error + ")";
}

std::string take_pattern(const RawValue& value, std::string& out) {
  if (value.text.empty()) return "a glob such as *.qvd or **/*.qvd";
  out = value.text;
  return "";
}

}  // namespace qvdhouse::cli
