#include "cli/schedule_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

namespace qvdhouse::cli {
namespace {

constexpr std::array<std::string_view, 7> kDayNames = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
constexpr std::array<std::string_view, 12> kMonthNames = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};

struct CronField {
  std::string_view title;
  int lowest;
  int highest;
  std::span<const std::string_view> names;  // names[0] means `lowest`
};

constexpr std::array<CronField, 5> kCronFields = {{
    {"minute", 0, 59, {}},
    {"hour", 0, 23, {}},
    {"day of month", 1, 31, {}},
    {"month", 1, 12, kMonthNames},
    {"day of week", 0, 7, kDayNames},  // 0 and 7 are Sunday
}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> parts = split(text, ' ');
  std::erase(parts, std::string_view());
  return parts;
}

std::optional<int> parse_int(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.front() == '-') return std::nullopt;
  return value;
}

std::optional<int> cron_value(std::string_view text, const CronField& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (text == field.names[i]) return field.lowest + static_cast<int>(i);
  }
  if (text.empty()) return std::nullopt;
  const std::optional<int> value = parse_int(text);
  if (!value || *value < field.lowest || *value > field.highest) return std::nullopt;
  return value;
}

// One item of a cron list: `*`, `v`, `v-w`, each with an optional `/step`.
bool cron_item_is_valid(std::string_view item, const CronField& field) {
  const std::size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view step_text = item.substr(slash + 1);
    const std::optional<int> step = step_text.empty() ? std::nullopt : parse_int(step_text);
    if (!step || *step < 1 || *step > field.highest) return false;
    item = item.substr(0, slash);
  }
  if (item == "*") return true;
  const std::size_t dash = item.find('-');
  const std::optional<int> first = cron_value(item.substr(0, dash), field);
  if (!first) return false;
  if (dash == std::string_view::npos) return true;
  const std::optional<int> last = cron_value(item.substr(dash + 1), field);
  return last && *first <= *last;
}

std::string cron_error(const std::vector<std::string_view>& fields) {
  for (std::size_t i = 0; i < kCronFields.size(); ++i) {
    for (const std::string_view item : split(fields[i], ',')) {
      if (cron_item_is_valid(item, kCronFields[i])) continue;
      return fmt::format(
          "the {} '{}' is not `*`, a number from {} to {}, a range, a list or a step",
          kCronFields[i].title, fields[i], kCronFields[i].lowest, kCronFields[i].highest);
    }
  }
  return "";
}

// "1h30m": numbers, each with a unit of d, h, m or s, in all more than nothing.
bool duration_is_valid(std::string_view text) {
  long total = 0;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
    if (digits == 0 || digits == text.size()) return false;
    if (std::string_view("dhms").find(text[digits]) == std::string_view::npos) return false;
    const std::optional<int> value = parse_int(text.substr(0, digits));
    if (!value) return false;
    total += *value;
    text.remove_prefix(digits + 1);
  }
  return total > 0;
}

}  // namespace

std::string schedule_error(std::string_view schedule) {
  std::string lower(schedule);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return c == '\t' ? ' ' : static_cast<char>(std::tolower(c));
  });
  const std::vector<std::string_view> parts = words(lower);
  if (parts.empty()) return "it is empty";
  if (parts[0] == "@every") {
    if (parts.size() == 2 && duration_is_valid(parts[1])) return "";
    return "@every needs a length of time such as 30s, 5m or 1h30m";
  }
  if (parts[0].starts_with('@')) {
    constexpr std::array<std::string_view, 7> kNames = {
        "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"};
    if (parts.size() == 1 && std::find(kNames.begin(), kNames.end(), parts[0]) != kNames.end()) {
      return "";
    }
    return fmt::format("'{}' is not one of the known names", parts[0]);
  }
  if (parts.size() == 5) return cron_error(parts);
  if (parts.size() == 1 && duration_is_valid(parts[0])) return "";
  if (parts.size() == 1) return "it is neither a name, a length of time nor five cron fields";
  return fmt::format("a cron schedule has 5 fields, this has {}", parts.size());
}

}  // namespace qvdhouse::cli
