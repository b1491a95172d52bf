// A named time zone: wall clock readings become instants. Rules come from the machine's time zone
// database through the date library.
#pragma once

#include <cstdint>
#include <string>

namespace date {
class time_zone;
}

namespace qvdhouse::schema {

class Zone {
 public:
  // "UTC" and "" mean that wall clock and instant are the same. Throws SchemaError for an unknown
  // name.
  explicit Zone(const std::string& name);

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

}  // namespace qvdhouse::schema
