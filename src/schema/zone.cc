#include "schema/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "base/error.h"
#include "schema/temporal.h"

namespace qvdhouse::schema {
namespace {

// The second that a tick lies in, also before 1970.
std::chrono::seconds second_of(std::int64_t ticks, std::int64_t ticks_per_second) {
  return std::chrono::seconds{ticks / ticks_per_second - (ticks % ticks_per_second < 0 ? 1 : 0)};
}

}  // namespace

Zone::Zone(const std::string& name) {
  if (name.empty() || name == "UTC") return;
  try {
    zone_ = date::locate_zone(name);
  } catch (const std::runtime_error& error) {
    throw base::SchemaError(fmt::format(
        "time zone '{}': expected a name of the time zone database such as 'Europe/Berlin', but it "
        "was not found ({}); correct the setting timezone or the type that names it",
        name, error.what()));
  }
}

Zone::Instant Zone::from_wall_clock(std::int64_t wall_ticks, int scale) const {
  if (zone_ == nullptr) return {wall_ticks, Reading::kUnique};
  const std::int64_t ticks_per_second = power_of_ten(scale);
  const std::chrono::seconds second = second_of(wall_ticks, ticks_per_second);
  const date::local_info info = zone_->get_info(date::local_seconds{second});
  // The first offset is right in all three cases: the earlier instant of a reading that came twice,
  // and for a gap the offset before it, which moves the reading past it.
  const std::int64_t ticks = wall_ticks - info.first.offset.count() * ticks_per_second;
  switch (info.result) {
    case date::local_info::ambiguous:
      return {ticks, Reading::kTwice};
    case date::local_info::nonexistent:
      return {ticks, Reading::kNever};
    default:
      return {ticks, Reading::kUnique};
  }
}

std::int64_t Zone::to_wall_clock(std::int64_t ticks, int scale) const {
  if (zone_ == nullptr) return ticks;
  const std::int64_t ticks_per_second = power_of_ten(scale);
  const date::sys_seconds second{second_of(ticks, ticks_per_second)};
  return ticks + zone_->get_info(second).offset.count() * ticks_per_second;
}

}  // namespace qvdhouse::schema
