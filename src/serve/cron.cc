#include "serve/cron.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <span>

namespace qvdhouse::serve {
namespace {

constexpr std::array<std::string_view, 7> kDayNames = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
constexpr std::array<std::string_view, 12> kMonthNames = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};

struct Field {
  std::string_view title;
  unsigned lowest;
  unsigned highest;
  std::span<const std::string_view> names;  // names[0] means `lowest`
};

constexpr std::array<Field, 5> kFields = {{
    {"minute", 0, 59, {}},
    {"hour", 0, 23, {}},
    {"day of month", 1, 31, {}},
    {"month", 1, 12, kMonthNames},
    {"day of week", 0, 7, kDayNames},  // 0 and 7 are Sunday
}};
constexpr unsigned kSunday = 7;

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<unsigned> parse_value(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (text == field.names[i]) return field.lowest + static_cast<unsigned>(i);
  }
  const std::optional<unsigned> value = parse_number(text);
  if (!value || *value < field.lowest || *value > field.highest) return std::nullopt;
  return value;
}

// One item of a list: `*`, `v`, `v-w`, each with an optional `/step`. `v/step` runs to the end.
bool add_item(std::string_view item, const Field& field, std::uint64_t& set) {
  unsigned step = 1;
  const std::size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<unsigned> asked = parse_number(item.substr(slash + 1));
    if (!asked || *asked < 1 || *asked > field.highest) return false;
    step = *asked;
    item = item.substr(0, slash);
  }
  unsigned first = field.lowest;
  unsigned last = field.highest;
  if (item == "*") {
    if (last == kSunday) --last;  // once, as 0
  } else {
    const std::size_t dash = item.find('-');
    const std::optional<unsigned> from = parse_value(item.substr(0, dash), field);
    if (!from) return false;
    first = *from;
    if (dash != std::string_view::npos) {
      const std::optional<unsigned> to = parse_value(item.substr(dash + 1), field);
      if (!to) return false;
      // "fri-sun": as the end of a range, Sunday is the seventh day.
      last = *to == 0 && first > 0 && field.highest == kSunday ? kSunday : *to;
      if (first > last) return false;
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  }
  for (unsigned value = first; value <= last; value += step) set |= std::uint64_t{1} << value;
  return true;
}

bool add_list(std::string_view text, const Field& field, std::uint64_t& set) {
  while (true) {
    const std::size_t end = text.find(',');
    if (!add_item(text.substr(0, end), field, set)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

bool Cron::matches(date::local_days day) const {
  const date::year_month_day date(day);
  if ((months >> static_cast<unsigned>(date.month()) & 1) == 0) return false;
  const bool by_date = (days >> static_cast<unsigned>(date.day()) & 1) != 0;
  const bool by_weekday = (weekdays >> date::weekday(day).c_encoding() & 1) != 0;
  return takes_either_day ? by_date || by_weekday : by_date && by_weekday;
}

std::string parse_cron(const std::vector<std::string_view>& fields, Cron& cron) {
  if (fields.size() != kFields.size()) {
    return fmt::format("a cron schedule has {} fields, this has {}", kFields.size(), fields.size());
  }
  std::array<std::uint64_t, 5> sets{};
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (add_list(fields[i], kFields[i], sets[i])) continue;
    return fmt::format("the {} '{}' is not `*`, a number from {} to {}, a range, a list or a step",
                       kFields[i].title, fields[i], kFields[i].lowest, kFields[i].highest);
  }
  if ((sets[4] >> kSunday & 1) != 0) sets[4] |= 1;
  cron.minutes = sets[0];
  cron.hours = static_cast<std::uint32_t>(sets[1]);
  cron.days = static_cast<std::uint32_t>(sets[2]);
  cron.months = static_cast<std::uint32_t>(sets[3]);
  cron.weekdays = static_cast<std::uint32_t>(sets[4] & 0x7F);
  cron.takes_either_day = !fields[2].starts_with('*') && !fields[4].starts_with('*');
  return "";
}

}  // namespace qvdhouse::serve
