// Does a display text show a serial number as a date or a time? Texts are rendered by the header's
// own pattern and by common ones and compared, never parsed into a value: the number stays the
// value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qvdhouse::schema {

enum class DateText {
  kNone,     // not this serial's date or time; also a date that contradicts the number
  kDate,     // its whole date; the time of day, if the number has one, is not shown
  kStamp,    // its date and time, to the precision shown
  kPartial,  // only part of its date: "2013-Apr", "Apr 2013", "2013"
  kTime,     // its time of day alone
};

class DateTextMatcher {
 public:
  // `pattern` is the header's Fmt, such as "DD/MM/YYYY h:mm:ss[.fff] TT"; empty if none. It is
  // looked at once, and it may be of any length.
  explicit DateTextMatcher(std::string_view pattern);

  // Remembers which pattern matched last, so that a field of one pattern costs one comparison. A
  // call costs no more than the length of `text` allows, however long the header's pattern is.
  DateText match(double serial, std::string_view text);

 private:
  std::string pattern_;  // without its optional parts
  bool twelve_hours_;
  DateText shown_;  // what the pattern shows
  std::size_t last_date_ = 0;
};

// A day and a time on a wall clock.
struct WallClock {
  std::int64_t unix_day = 0;
  std::int64_t microseconds = 0;  // since midnight
};

// Renders by a Qlik pattern: YYYY YY MMMM MMM MM M DD D WWWW WWW hh h mm ss TT, all else as it is;
// "[.fff]" (optional fractions) is left out. Month and day names are English.
std::string render_pattern(std::string_view pattern, const WallClock& wall);

// Whether `text` reads "h:mm[:ss[.f…]][ AM|PM]" and shows this many microseconds, to the precision
// it shows (cut off or rounded). Hours may exceed 23.
bool shows_time(std::string_view text, std::int64_t microseconds);

}  // namespace qvdhouse::schema
