#include "serve/schedule.h"

#include <date/date.h>
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/error.h"
#include "base/length_of_time.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// The five fields of a cron line as sets of minutes, hours and days: pure calendar, no time zone.
// Bit n of a set stands for the value n.
struct Cron {
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;  // of the month, from 1
  std::uint32_t months = 0;
  std::uint32_t weekdays = 0;  // 0 is Sunday
  // Both kinds of days are restricted (neither begins with `*`): then a day of either kind is due.
  bool takes_either_day = false;

  bool runs_all_hours() const { return hours == 0xFF'FFFF; }
  bool matches(date::local_days day) const;
};

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

bool Cron::matches(date::local_days day) const {
  const date::year_month_day date(day);
  if ((months >> static_cast<unsigned>(date.month()) & 1) == 0) return false;
  const bool by_date = (days >> static_cast<unsigned>(date.day()) & 1) != 0;
  const bool by_weekday = (weekdays >> date::weekday(day).c_encoding() & 1) != 0;
  return takes_either_day ? by_date || by_weekday : by_date && by_weekday;
}

// Fills `cron` from five fields in lower case. Returns what is wrong with them, in one clause;
// empty: nothing.
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

}  // namespace

struct Schedule::Rule {
  std::string text;
  std::string zone_name;
  const date::time_zone* zone = nullptr;  // null: UTC, which needs no zone database
  seconds every{0};                       // 0: by `cron`
  Cron cron;
  bool is_never = false;
};

namespace {

// 29 February falls on each weekday within 28 years, or 40 where a century leaves one out.
constexpr days kHorizon = std::chrono::duration_cast<days>(base::kLongestLength);

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {{
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
}};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) return parts;
    text.remove_prefix(start);
    const std::size_t length = std::min(text.find(' '), text.size());
    parts.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

struct Parsed {
  seconds every{0};
  Cron cron;
  bool is_never = false;
  std::string error;  // in one clause; empty: none
};

Parsed parse_text(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c == '\t' ? ' ' : base::to_lower(c); });
  std::vector<std::string_view> parts = words(lower);
  Parsed parsed;
  if (parts.empty()) {
    parsed.error = "it is empty";
    return parsed;
  }
  const bool is_every = parts[0] == "@every";
  if (is_every || (parts.size() == 1 && parts[0].front() != '@')) {
    const bool has_length = parts.size() == (is_every ? 2 : 1);
    const std::optional<seconds> every =
        has_length ? base::parse_length_of_time(parts.back()) : std::nullopt;
    if (every) {
      parsed.every = *every;
    } else {
      parsed.error = is_every ? "@every needs a length of time such as 30s, 5m or 1h30m"
                              : "it is neither a name, a length of time nor five cron fields";
    }
    return parsed;
  }
  if (parts[0].front() == '@') {
    parsed.is_never = parts.size() == 1 && parts[0] == "@never";
    if (parsed.is_never) return parsed;
    const auto* name = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const auto& entry) { return entry.first == parts[0]; });
    if (parts.size() != 1 || name == kNames.end()) {
      parsed.error = fmt::format("'{}' is not one of the known names", parts[0]);
      return parsed;
    }
    parts = words(name->second);
  }
  parsed.error = parse_cron(parts, parsed.cron);
  return parsed;
}

struct Zone {
  std::string name = "UTC";
  const date::time_zone* zone = nullptr;
};

std::optional<Zone> find_zone(const std::string& name) {
  if (name == "UTC" || name == "Etc/UTC") return Zone();
  try {
    const date::time_zone* zone = date::locate_zone(name);
    return Zone{name, zone};
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

// What the machine's clocks show. A container without /etc/localtime shows UTC.
Zone machine_zone() {
  const char* variable = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  std::string name = variable == nullptr ? "" : variable;
  if (name.starts_with(':')) name.erase(0, 1);
  if (!name.empty()) return find_zone(name).value_or(Zone());
  try {
    const date::time_zone* zone = date::current_zone();
    return find_zone(zone->name()).value_or(Zone());
  } catch (const std::runtime_error&) {
    return {};
  }
}

template <class Set>
int next_bit(Set set, int from) {
  for (int bit = from; bit < 64; ++bit) {
    if ((std::uint64_t{set} >> bit & 1) != 0) return bit;
  }
  return 64;
}

// Calls `take` with each wall-clock time of the line from `from` until `until`, in order, until it
// says true.
template <class Take>
void walk(const Cron& cron, date::local_seconds from, date::local_seconds until, Take&& take) {
  for (auto day = date::floor<days>(from); day <= until; day += days(1)) {
    if (!cron.matches(day)) continue;
    for (int hour = next_bit(cron.hours, 0); hour < 24; hour = next_bit(cron.hours, hour + 1)) {
      for (int minute = next_bit(cron.minutes, 0); minute < 60;
           minute = next_bit(cron.minutes, minute + 1)) {
        const date::local_seconds time = day + hours(hour) + minutes(minute);
        if (time > until) return;
        if (time >= from && take(time)) return;
      }
    }
  }
}

// Where the zone is, for how long it is `offset` ahead of UTC.
struct Span {
  Time end;
  seconds offset;
};

Span span_at(const date::time_zone* zone, Time time, Time horizon) {
  if (zone == nullptr) return {horizon, seconds(0)};
  const date::sys_info info = zone->get_info(time);
  return {std::min(info.end, horizon), info.offset};
}

date::local_seconds wall(Time time, seconds offset) {
  return date::local_seconds((time + offset).time_since_epoch());
}

// All 24 hours: what the clock on the wall shows, second for second of real time.
std::optional<Time> next_in_real_time(const Cron& cron, const date::time_zone* zone, Time after) {
  const Time horizon = after + kHorizon;
  std::optional<Time> found;
  for (Time from = after + seconds(1); from < horizon && !found;) {
    const Span span = span_at(zone, from, horizon);
    walk(cron, wall(from, span.offset), wall(span.end - seconds(1), span.offset),
         [&](date::local_seconds time) {
           found = Time(time.time_since_epoch()) - span.offset;
           return true;
         });
    from = span.end;
  }
  return found;
}

// A wall-clock time that is skipped or repeated counts once.
Time moment_of(const date::time_zone* zone, date::local_seconds time) {
  if (zone == nullptr) return Time(time.time_since_epoch());
  const date::local_info info = zone->get_info(time);
  if (info.result == date::local_info::nonexistent) return info.first.end;
  return Time(time.time_since_epoch()) - info.first.offset;
}

std::optional<Time> next_once_each(const Cron& cron, const date::time_zone* zone, Time after) {
  const date::local_seconds start = wall(after, span_at(zone, after, Time::max()).offset);
  std::optional<Time> found;
  // From a day before: what daylight saving skipped may be due only now.
  walk(cron, start - days(1), start + kHorizon, [&](date::local_seconds time) {
    const Time moment = moment_of(zone, time);
    if (moment <= after) return false;
    found = moment;
    return true;
  });
  return found;
}

}  // namespace

Schedule Schedule::parse(std::string_view text, std::string_view zone) {
  const Parsed parsed = parse_text(text);
  if (!parsed.error.empty()) {
    throw base::ConfigError(fmt::format("the schedule '{}': {}", text, parsed.error));
  }
  const std::string zone_problem = time_zone_error(zone);
  if (!zone_problem.empty()) {
    throw base::ConfigError(fmt::format("the time zone '{}': {}", zone, zone_problem));
  }
  const Zone found = zone.empty() ? machine_zone() : *find_zone(std::string(zone));
  auto rule = std::make_shared<Rule>();
  rule->text = text;
  rule->zone_name = found.name;
  rule->zone = found.zone;
  rule->every = parsed.every;
  rule->cron = parsed.cron;
  rule->is_never = parsed.is_never;
  return Schedule(std::move(rule));
}

std::optional<Time> Schedule::next(Time after, Time anchor) const {
  if (rule_->is_never) return std::nullopt;
  if (rule_->every > seconds(0)) {
    const std::int64_t every = rule_->every.count();
    const std::int64_t since = (after - anchor).count();
    const std::int64_t whole = since / every - (since % every < 0 ? 1 : 0);
    return anchor + seconds((whole + 1) * every);
  }
  return rule_->cron.runs_all_hours() ? next_in_real_time(rule_->cron, rule_->zone, after)
                                      : next_once_each(rule_->cron, rule_->zone, after);
}

std::optional<Time> Schedule::newest(Time after, Time until, Time anchor) const {
  // Backwards in growing steps: a downtime of a year must not be walked minute by minute.
  for (seconds window = minutes(1); after < until; window *= 4) {
    const Time from = window > until - after ? after : until - window;
    std::optional<Time> last;
    for (std::optional<Time> due = next(from, anchor); due && *due <= until;
         due = next(*due, anchor)) {
      last = due;
    }
    if (last || from == after) return last;
  }
  return std::nullopt;
}

const std::string& Schedule::text() const { return rule_->text; }
const std::string& Schedule::zone() const { return rule_->zone_name; }

std::string schedule_error(std::string_view text) { return parse_text(text).error; }

std::string time_zone_error(std::string_view zone) {
  if (zone.empty() || find_zone(std::string(zone))) return "";
  return "there is no such time zone here, or the package tzdata is missing";
}

std::vector<std::string> time_zone_names() {
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::runtime_error&) {
    return {};
  }
  return names;
}

}  // namespace qvdhouse::serve
