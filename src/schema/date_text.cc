#include "schema/date_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

constexpr std::int64_t kMicro = 1'000'000;
constexpr std::int64_t kMicrosPerDay = kSecondsPerDay * kMicro;

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

// Patterns that show a whole date, most common first.
constexpr std::array<std::string_view, 41> kDatePatterns = {
    "YYYY-MM-DD",  "M/D/YYYY",   "MM/DD/YYYY",  "DD/MM/YYYY",  "D/M/YYYY",     "DD.MM.YYYY",
    "D.M.YYYY",    "YYYY/MM/DD", "YYYY.MM.DD",  "YYYYMMDD",    "DD-MM-YYYY",   "D-M-YYYY",
    "MM-DD-YYYY",  "M-D-YYYY",   "YYYY/M/D",    "YYYY-M-D",    "DD-MMM-YYYY",  "D-MMM-YYYY",
    "DD MMM YYYY", "D MMM YYYY", "DD/MMM/YYYY", "MMM D, YYYY", "MMMM D, YYYY", "D MMMM YYYY",
    "DD-MMM-YY",   "M/D/YY",     "MM/DD/YY",    "DD/MM/YY",    "D/M/YY",       "DD.MM.YY",
    "YY-MM-DD",    "D-MMM-YY",   "DD MMM YY",   "D MMM YY",    "MMM D, YY",    "DD-MM-YY",
    "MM-DD-YY",    "D.M.YY",     "YY/MM/DD",    "YY.MM.DD",    "YYMMDD"};
constexpr std::array<std::string_view, 14> kPartialPatterns = {
    "MMM YYYY", "MMMM YYYY", "YYYY-MMM", "YYYY MMM", "MMM-YYYY", "YYYY-MM", "YYYYMM",
    "MM/YYYY",  "M/YYYY",    "MM-YYYY",  "MM.YYYY",  "MMM-YY",   "MMM YY",  "YYYY"};

struct Clock {
  std::chrono::year_month_day date;
  unsigned weekday = 0;
  std::int64_t seconds = 0;
  bool twelve_hours = false;
};

// The longest token first, so that "MMM" is not read as "MM" and "M".
constexpr std::array<std::string_view, 16> kTokens = {"YYYY", "YY", "MMMM", "MMM", "MM", "M",
                                                      "DD",   "D",  "WWWW", "WWW", "hh", "h",
                                                      "mm",   "ss", "TT",   "tt"};

void append_number(std::string& text, std::int64_t number, std::size_t digits) {
  std::array<char, 20> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  const auto count = static_cast<std::size_t>(end - buffer.data());
  if (count < digits) text.append(digits - count, '0');
  text.append(buffer.data(), count);
}

void append_token(std::string& text, std::string_view token, const Clock& clock) {
  const int year = int{clock.date.year()};
  const unsigned month = unsigned{clock.date.month()};
  const std::int64_t hour = clock.seconds / 3600;
  switch (token.front()) {
    case 'Y':
      return append_number(text, token.size() == 4 ? year : year % 100, token.size());
    case 'M':
      if (token.size() < 3) return append_number(text, month, token.size());
      text += token.size() == 4 ? kMonths[month - 1] : kMonths[month - 1].substr(0, 3);
      return;
    case 'D':
      return append_number(text, unsigned{clock.date.day()}, token.size());
    case 'W':
      text += token.size() == 4 ? kWeekdays[clock.weekday] : kWeekdays[clock.weekday].substr(0, 3);
      return;
    case 'h':
      return append_number(text, clock.twelve_hours ? (hour + 11) % 12 + 1 : hour, token.size());
    case 'm':
      return append_number(text, clock.seconds / 60 % 60, token.size());
    case 's':
      return append_number(text, clock.seconds % 60, token.size());
    default:
      text += hour < 12 ? "AM" : "PM";
  }
}

bool has(std::string_view pattern, std::string_view token) {
  return pattern.find(token) != std::string_view::npos;
}

// "[.fff]" and the like are left out, in one pass.
std::string without_optional_parts(std::string_view pattern) {
  std::string rest;
  while (!pattern.empty()) {
    const std::size_t begin = pattern.find('[');
    const std::size_t end = begin == pattern.npos ? begin : pattern.find(']', begin);
    if (end == pattern.npos) break;  // the last one is not closed, or there is none
    rest += pattern.substr(0, begin);
    pattern.remove_prefix(end + 1);
  }
  return rest.append(pattern);
}

bool is_twelve_hours(std::string_view pattern) { return has(pattern, "TT") || has(pattern, "tt"); }

// Renders a pattern without optional parts. Ends once there are more than `most_bytes`: each token
// gives at least one, so that no pattern costs more than the text that it is compared with.
std::string render(std::string_view pattern, bool twelve_hours, const WallClock& wall,
                   std::size_t most_bytes) {
  const std::chrono::sys_days day{std::chrono::days{wall.unix_day}};
  const Clock clock{.date = day,
                    .weekday = std::chrono::weekday{day}.c_encoding(),
                    .seconds = wall.microseconds / kMicro,
                    .twelve_hours = twelve_hours};
  std::string text;
  while (!pattern.empty() && text.size() <= most_bytes) {
    const auto token = std::find_if(kTokens.begin(), kTokens.end(),
                                    [&](auto candidate) { return pattern.starts_with(candidate); });
    if (token == kTokens.end()) {
      text += pattern.front();
      pattern.remove_prefix(1);
    } else {
      append_token(text, *token, clock);
      pattern.remove_prefix(token->size());
    }
  }
  return text;
}

// What the header's own pattern shows.
DateText shown_by(std::string_view pattern) {
  const bool time = has(pattern, "h");
  const bool date = has(pattern, "YY") && has(pattern, "M") && has(pattern, "D");
  if (date) return time ? DateText::kStamp : DateText::kDate;
  if (has(pattern, "Y") || has(pattern, "M") || has(pattern, "D") || has(pattern, "W")) {
    return DateText::kPartial;
  }
  return time ? DateText::kTime : DateText::kNone;
}

std::optional<std::int64_t> take_number(std::string_view& text, std::size_t most_digits) {
  std::int64_t value = 0;
  std::size_t count = 0;
  while (count < text.size() && count < most_digits && text[count] >= '0' && text[count] <= '9') {
    value = value * 10 + (text[count++] - '0');
  }
  if (count == 0) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// " AM", "pm", …: the hours to add to `hour`; empty when something else stands there.
std::optional<std::int64_t> take_half_day(std::string_view text, std::int64_t hour) {
  take(text, ' ');
  if (text == "AM" || text == "am") return hour == 12 ? -12 : 0;
  if (text == "PM" || text == "pm") return hour == 12 ? 0 : 12;
  return std::nullopt;
}

// Nothing, or a separator and the time.
DateText match_rest(std::string_view rest, const WallClock& clock) {
  if (rest.empty()) return DateText::kDate;
  if (!take(rest, 'T')) {
    take(rest, ',');
    if (!take(rest, ' ')) return DateText::kNone;
  }
  return shows_time(rest, clock.microseconds) ? DateText::kStamp : DateText::kNone;
}

WallClock to_whole_second(const WallClock& clock) {
  const std::int64_t rounded = (clock.microseconds + kMicro / 2) / kMicro * kMicro;
  return {clock.unix_day + rounded / kMicrosPerDay, rounded % kMicrosPerDay};
}

WallClock wall_clock(double serial) {
  const std::int64_t micros = time_ticks(serial, kMicrosecondScale);
  return {day_of(serial) + micros / kMicrosPerDay, micros % kMicrosPerDay};
}

}  // namespace

DateTextMatcher::DateTextMatcher(std::string_view pattern)
    : pattern_(without_optional_parts(pattern)),
      twelve_hours_(is_twelve_hours(pattern)),
      shown_(shown_by(pattern)) {}

std::string render_pattern(std::string_view pattern, const WallClock& wall) {
  return render(without_optional_parts(pattern), is_twelve_hours(pattern), wall, std::string::npos);
}

bool shows_time(std::string_view text, std::int64_t microseconds) {
  constexpr std::size_t kMostHourDigits = 6;
  constexpr std::size_t kMostFractionDigits = 12;
  const auto hour = take_number(text, kMostHourDigits);
  if (!hour || !take(text, ':') || text.size() < 2) return false;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return false;
  std::int64_t shown = (*hour * 60 + *minute) * 60 * kMicro;
  std::int64_t unit = 60 * kMicro;  // of the last place that is shown
  if (take(text, ':')) {
    const auto second = take_number(text, 2);
    if (!second || *second > 59) return false;
    shown += *second * kMicro;
    unit = kMicro;
    if (take(text, '.') || take(text, ',')) {
      const std::size_t before = text.size();
      const auto fraction = take_number(text, kMostFractionDigits);
      if (!fraction) return false;
      const auto digits = static_cast<int>(before - text.size());
      const std::int64_t parts = power_of_ten(digits);
      shown += static_cast<std::int64_t>(
          std::llround(static_cast<double>(*fraction) * 1e6 / static_cast<double>(parts)));
      unit = digits < kMicrosecondScale ? kMicro / parts : 1;
    }
  }
  if (!text.empty()) {
    const auto hours = take_half_day(text, *hour);
    if (!hours || *hour > 12) return false;
    shown += *hours * 3600 * kMicro;
  }
  // One microsecond more on both sides: that is what a double resolves at today's dates.
  const std::int64_t beyond = microseconds - shown;
  return beyond >= -(unit / 2 + 1) && beyond <= unit;
}

DateText DateTextMatcher::match(double serial, std::string_view text) {
  // Outside the calendar of Qlik's patterns there is nothing to compare with.
  constexpr double kFarthest = 2958466;  // the day after 9999-12-31
  constexpr double kEarliest = -693593;  // 0001-01-01
  if (!(serial >= kEarliest && serial < kFarthest) || text.empty()) return DateText::kNone;
  const WallClock clock = wall_clock(serial);
  const auto rendered = [&](std::string_view pattern) {
    return render(pattern, /*twelve_hours=*/false, clock, text.size());
  };
  const auto starts = [&](std::string_view pattern) {
    const std::string date = rendered(pattern);
    return text.starts_with(date) ? match_rest(text.substr(date.size()), clock) : DateText::kNone;
  };
  if (const DateText found = starts(kDatePatterns[last_date_]); found != DateText::kNone) {
    return found;
  }
  const auto is_own = [&](const WallClock& wall) {
    return render(pattern_, twelve_hours_, wall, text.size()) == text;
  };
  if (shown_ != DateText::kNone && (is_own(clock) || is_own(to_whole_second(clock)))) {
    return shown_;
  }
  for (std::size_t i = 0; i < kDatePatterns.size(); ++i) {
    if (const DateText found = starts(kDatePatterns[i]); found != DateText::kNone) {
      last_date_ = i;
      return found;
    }
  }
  // The end of a day is 24:00, too.
  if (shows_time(text, clock.microseconds) ||
      (clock.microseconds == 0 && shows_time(text, kMicrosPerDay))) {
    return DateText::kTime;
  }
  for (const std::string_view pattern : kPartialPatterns) {
    if (rendered(pattern) == text) return DateText::kPartial;
  }
  return DateText::kNone;
}

}  // namespace qvdhouse::schema
