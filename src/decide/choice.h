// Which of the files that are there a run takes up: those of a window of time, the first of them in
// some order (docs/operations.md, "A part of the files"). Pure but for the questions of Facts.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/words.h"
#include "decide/placement.h"
#include "schema/temporal.h"

namespace qvdhouse::decide {

// In which a run loads the files that are due.
enum class Order {
  kName,  // of their tables, and of files in a table
  kNewest,
  kOldest,
  kSmallest,
  kLargest,
};
constexpr auto words(Order) {
  return std::to_array<std::string_view>({"name", "newest", "oldest", "smallest", "largest"});
}

// From its first moment up to, and without, its last; microseconds since 1970 UTC.
struct Period {
  std::int64_t begin_us = 0;
  std::int64_t end_us = 0;
};

// All of the time that a text names: "2024"; "2024-05", "202405"; "2024-05-06", "20240506";
// "2024-05-06 07:08", with 'T' or ' ', with ":09" or ":09.123456" after it, and then with "Z" or
// "+02:00". A time without an offset is one of `zone`. Empty for all other texts.
std::optional<Period> parse_period(std::string_view text, const schema::Zone& zone);

// What a user asks for, as it was written; empty: nothing.
struct ChoiceTexts {
  std::string since;  // a period, or how long ago: "2d"
  std::string until;  // likewise; the period is a part of what is taken
  std::string by;     // "modified", "created", or the name of a part
};

inline constexpr std::string_view kModified = "modified";  // as the listing has it
inline constexpr std::string_view kCreated = "created";    // CreateUtcTime of the header

struct Choice {
  // Which time of a file counts: one of the above, else the part of its name (Placement) that is
  // called so.
  std::string by{kModified};
  std::optional<std::int64_t> since_us;
  std::optional<std::int64_t> until_us;  // without it
  std::string window;                    // "since 2024-05, by created"; empty: all files
  Order order = Order::kName;
  std::uint64_t limit = 0;  // of files to load; 0: none
  std::string timezone;     // that parts of names are times of; empty: UTC

  bool has_window() const { return since_us || until_us; }
  bool is_by_name_part() const { return by != kModified && by != kCreated; }
  // Whether the time of a file matters.
  bool needs_times() const {
    return has_window() || order == Order::kNewest || order == Order::kOldest;
  }
  // Whether a run leaves out files that another run would take up.
  bool is_partial() const { return has_window() || limit > 0; }
  // Whether the period shares a moment with the window.
  bool takes(const Period& period) const;
  // What was asked for, for people; empty: all files.
  std::string text() const;
};

// The choice with the window of these texts. `prefix` is what goes before the names in messages
// ("--"). Throws ConfigError for a text that is no time, and for a window that is empty.
Choice parse_choice(const ChoiceTexts& texts, std::string_view prefix, const std::string& timezone,
                    std::int64_t now_us, Choice choice = {});

// Throws ConfigError when no pattern has the part of names that the choice is by.
void check_choice(const Choice& choice, const Placer& placer);

}  // namespace qvdhouse::decide
