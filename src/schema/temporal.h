// Qlik's serial numbers and ClickHouse's clocks. A serial is days since 1899-12-30, its fraction
// the time of day on a bare wall clock (docs/qvd-format.md, section 6). A *tick* is 10^-scale
// seconds, counted from 1970-01-01 00:00 of that wall clock or, for times, from midnight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace qvdhouse::schema {

inline constexpr std::int64_t kEpochSerial = 25569;  // 1970-01-01
inline constexpr std::int64_t kFirstDay = -25567;    // 1900-01-01, days since 1970-01-01
inline constexpr std::int64_t kLastDay = 120529;     // 2299-12-31
// Date and DateTime begin at 1970-01-01; old servers know their days no further than that.
inline constexpr std::int64_t kLastOldDay = 24836;  // 2037-12-31
inline constexpr int kSecondScale = 0;
inline constexpr int kMillisecondScale = 3;
inline constexpr int kMicrosecondScale = 6;
inline constexpr std::int64_t kSecondsPerDay = 86400;

// 10^exponent, exponent 0…18.
std::int64_t power_of_ten(int exponent);

// Whether the day that the serial lies in is within 1900-01-01…2299-12-31 (false for NaN).
bool in_clock_range(double serial);
// The day that the serial lies in, never the next one; for serials in clock range.
std::int64_t day_of(double serial);
bool has_time_of_day(double serial);
// Whether it is within one day: 0 (00:00) up to and including 1 (24:00).
bool is_within_day(double serial);

// The time of day to the nearest tick.
std::int64_t time_ticks(double serial, int scale);
// The same of a serial within one day, of which 1 is 24:00.
std::int64_t day_ticks(double serial, int scale);
// Day and time to the nearest tick; empty when Int64 does not hold it (nanoseconds after 2262).
// For serials in clock range.
std::optional<std::int64_t> wall_ticks(double serial, int scale);
// The serial of a day and time, in microseconds since 1970-01-01 00:00: the nearest double.
double serial_of_stamp(std::int64_t microseconds);
// Whether ticks of this scale hold the serial to 1 µs, which is about what a double resolves at
// today's dates; finer scales always do.
bool ticks_hold(double serial, int scale);

// "2011-12-31"
std::string iso_date(std::int64_t unix_day);
// "23:59:59", with ".123" or ".123456" where the time has them; the hour is 24 for a time that
// rounds up to midnight.
std::string clock_text(std::int64_t microseconds);
// "2011-12-31 23:59:59[.123[456]]"; of microseconds since 1970-01-01 00:00.
std::string stamp_text(std::int64_t microseconds);

// Reads "2011-12-31" (a real day, four-digit year); empty when it is anything else.
std::optional<std::int64_t> parse_iso_date(std::string_view text);
// Reads "20111231" likewise.
std::optional<std::int64_t> parse_compact_date(std::string_view text);
// 20240131, in clock range. No serial of a day in that range is such a number.
std::optional<std::int64_t> compact_day(double number);
// Whether it reads so and the day is within 1900-01-01…2299-12-31.
bool is_clock_day(std::string_view text);
// Reads "2011-12-31", "2011-12-31 23:59[:59[.123]]" with ' ' or 'T'; empty when it is anything else
// or when ticks of this scale would lose digits.
std::optional<std::int64_t> parse_iso_stamp(std::string_view text, int scale);
// Reads "23:59[:59[.123]]" likewise, up to and including 24:00.
std::optional<std::int64_t> parse_iso_time(std::string_view text, int scale);

// A named time zone: wall clock readings become instants. Rules come from the machine's time zone
// database through the date library.
class Zone {
 public:
  // "UTC" and "" mean that wall clock and instant are the same. Throws SchemaError for an unknown
  // name.
  explicit Zone(const std::string& name);

  bool is_utc() const { return zone_ == nullptr; }

  enum class Reading { kUnique, kTwice, kNever };
  struct Instant {
    std::int64_t ticks;  // since 1970-01-01 00:00 UTC
    Reading reading;
  };
  // A reading that came twice (clocks went back) means the earlier instant; one that never came
  // (clocks went forward) is shifted forward by the gap.
  Instant from_wall_clock(std::int64_t wall_ticks, int scale) const;
  // What the zone's clock reads at an instant, in ticks as above.
  std::int64_t to_wall_clock(std::int64_t ticks, int scale) const;

 private:
  const date::time_zone* zone_ = nullptr;  // null: UTC; the library owns it for ever
};

// The text is a date or a timestamp in ISO form: its serial number, as Qlik counts days.
std::optional<double> serial_of(std::string_view text);
// The text is a number, or such a date.
std::optional<double> number_or_serial(std::string_view text);

}  // namespace qvdhouse::schema
