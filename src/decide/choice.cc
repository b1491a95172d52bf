#include "decide/choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/length_of_time.h"
#include "base/quantity.h"
#include "base/workers.h"
#include "decide/inventory.h"

namespace qvdhouse::decide {
namespace {

constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kDay = schema::kSecondsPerDay * 1'000'000;

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Readings of a wall clock, in microseconds.
using Wall = Period;

std::optional<std::int64_t> first_day(int year, int month) {
  return schema::parse_iso_stamp(fmt::format("{:04}-{:02}-01", year, month),
                                 schema::kMicrosecondScale);
}

// "2024", "202405", "2024-05": by its digits.
std::optional<Wall> months(std::string_view digits) {
  int year = 0;
  int month = 0;
  std::from_chars(digits.data(), digits.data() + 4, year);
  const bool is_year = digits.size() == 4;
  if (!is_year) std::from_chars(digits.data() + 4, digits.data() + 6, month);
  const auto begin = first_day(year, is_year ? 1 : month);
  const auto end = is_year || month == 12 ? first_day(year + 1, 1) : first_day(year, month + 1);
  if (!begin || !end || (!is_year && (month < 1 || month > 12))) return std::nullopt;
  return Wall{*begin, *end};
}

// The smallest unit that a time of day names, in microseconds.
std::int64_t unit_of(std::string_view time) {
  constexpr std::int64_t kSecond = 1'000'000;
  if (time.find('.') != std::string_view::npos) return 1;
  return std::ranges::count(time, ':') > 1 ? kSecond : kMinute;
}

std::optional<Wall> wall_of(std::string_view text) {
  constexpr std::size_t kDateBytes = 10;
  if ((text.size() == 4 || text.size() == 6) && is_digits(text)) return months(text);
  if (text.size() == 7 && text[4] == '-') {
    const std::string digits = std::string(text.substr(0, 4)).append(text.substr(5));
    return is_digits(digits) ? months(digits) : std::nullopt;
  }
  std::optional<std::int64_t> begin;
  if (text.size() == 8) {
    const auto day = schema::parse_compact_date(text);
    if (day && *day >= schema::kFirstDay && *day <= schema::kLastDay) begin = *day * kDay;
  } else {
    begin = schema::parse_iso_stamp(text, schema::kMicrosecondScale);
  }
  if (!begin) return std::nullopt;
  return Wall{*begin, *begin + (text.size() > kDateBytes ? unit_of(text) : kDay)};
}

// Takes "Z", "+02:00", "-0230" or "+02" from the end of a text with a time of day.
std::optional<std::int64_t> take_offset(std::string_view& text) {
  constexpr std::size_t kFirst = 13;  // behind "2024-05-06 07"
  if (text.size() <= kFirst) return std::nullopt;
  if (text.ends_with('Z')) {
    text.remove_suffix(1);
    return 0;
  }
  const std::size_t sign = text.find_last_of("+-");
  if (sign == std::string_view::npos || sign < kFirst) return std::nullopt;
  std::string digits(text.substr(sign + 1));
  if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4 || !is_digits(digits)) return std::nullopt;
  const std::int64_t hours = std::stoi(digits.substr(0, 2));
  const std::int64_t minutes = std::stoi(digits.substr(2));
  if (hours > 14 || minutes > 59) return std::nullopt;
  const bool is_west = text[sign] == '-';
  text = text.substr(0, sign);
  return (is_west ? -1 : 1) * (hours * 60 + minutes) * kMinute;
}

Period moment_or_period(std::string_view name, const std::string& text, const schema::Zone& zone,
                        std::int64_t now_us) {
  if (const auto ago = base::parse_length_of_time(text)) {
    const std::int64_t at = now_us - std::chrono::microseconds(*ago).count();
    return {at, at};
  }
  if (const auto period = parse_period(text, zone)) return *period;
  throw base::ConfigError(
      fmt::format("{}: expected a time such as 2024, 2024-05, 2024-05-06 or 2024-05-06T07:08, or a "
                  "length of time such as 2d or 12h (so long ago), found '{}'",
                  name, text));
}

}  // namespace

std::optional<Period> parse_period(std::string_view text, const schema::Zone& zone) {
  const auto offset = take_offset(text);
  const auto wall = wall_of(text);
  if (!wall || (offset && text.size() <= 10)) return std::nullopt;
  if (offset) return Period{wall->begin_us - *offset, wall->end_us - *offset};
  return Period{zone.from_wall_clock(wall->begin_us, schema::kMicrosecondScale).ticks,
                zone.from_wall_clock(wall->end_us, schema::kMicrosecondScale).ticks};
}

bool Choice::takes(const Period& period) const {
  // A period without length, as of a file's time, is a moment.
  const std::int64_t last = std::max(period.begin_us, period.end_us - 1);
  return (!since_us || last >= *since_us) && (!until_us || period.begin_us < *until_us);
}

std::string Choice::text() const {
  if (!is_partial()) return "";
  std::string text = window;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (limit > 0) add("at most " + base::format_quantity(limit, "file"));
  if (order != Order::kName) add(fmt::format("{} first", order));
  return text;
}

Choice parse_choice(const ChoiceTexts& texts, std::string_view prefix, const std::string& timezone,
                    std::int64_t now_us, Choice choice) {
  const schema::Zone zone(timezone);
  choice.timezone = timezone;
  if (!texts.since.empty()) {
    choice.since_us =
        moment_or_period(fmt::format("{}since", prefix), texts.since, zone, now_us).begin_us;
    choice.window = "since " + texts.since;
  }
  if (!texts.until.empty()) {
    const Period period =
        moment_or_period(fmt::format("{}until", prefix), texts.until, zone, now_us);
    choice.until_us = std::max(period.end_us, period.begin_us + 1);
    choice.window += (choice.window.empty() ? "until " : " until ") + texts.until;
  }
  if (!texts.by.empty()) {
    choice.by = texts.by;
    if (!choice.needs_times()) {
      throw base::ConfigError(fmt::format(
          "{0}by {1}: expected {0}since, {0}until, or {0}order newest or oldest beside it, found "
          "none: it says which time of a file these compare",
          prefix, texts.by));
    }
    choice.window += (choice.window.empty() ? "by " : ", by ") + texts.by;
  }
  if (choice.since_us && choice.until_us && *choice.since_us >= *choice.until_us) {
    throw base::ConfigError(
        fmt::format("{0}since {1} and {0}until {2}: expected a time that ends after it begins; no "
                    "file is of that time",
                    prefix, texts.since, texts.until));
  }
  return choice;
}

namespace {

using source::FileEntry;
using tracking::FileRecord;

// The time of a file by Choice::by.
struct FileTime {
  std::optional<Period> period;
  std::string what;  // "it was modified at 2024-05-06 …", or why it has none
};

FileTime moment(std::int64_t at_us, std::string_view what) {
  return {Period{at_us, at_us}, fmt::format("it was {} at {}", what, time_text(at_us))};
}

FileTime creation_of(const FileEntry& file, const FileRecord* record, const Facts& facts,
                     bool is_there) {
  std::string text;
  if (record != nullptr && is_same_version(file, *record)) text = record->qvd_created_at;
  if (text.empty() && is_there && facts.created) text = facts.created(file);
  if (text.empty()) return {{}, "its header does not say when it was created"};
  const auto stamp = schema::parse_iso_stamp(text, schema::kMicrosecondScale);
  if (!stamp) return {{}, fmt::format("its header says that it was created at \"{}\"", text)};
  return moment(*stamp, kCreated);
}

FileTime time_of(const FileEntry& file, const Placement& placement, const FileRecord* record,
                 const Facts& facts, const schema::Zone& zone, bool is_there) {
  const std::string& by = facts.choice.by;
  if (by == kCreated) return creation_of(file, record, facts, is_there);
  if (by == kModified) {
    if (file.mtime_us == 0) return {{}, "its storage does not say when it was modified"};
    return moment(file.mtime_us, kModified);
  }
  const auto part = std::ranges::find(placement.name_parts, by, &schema::NamePart::first);
  if (part == placement.name_parts.end()) {
    return {{}, fmt::format("its name has no part {{{}}} by the rule of its table", by)};
  }
  const auto period = parse_period(part->second, zone);
  return {period,
          fmt::format("its {} is \"{}\"{}", by, part->second, period ? "" : ", which is no time")};
}

// Why the file is left out; empty when it is not.
std::string why_outside(const FileTime& time, const Choice& choice) {
  if (!choice.has_window() || (time.period && choice.takes(*time.period))) return "";
  return fmt::format("{}: it is not of the time that was asked for ({})", time.what, choice.window);
}

}  // namespace

void check_choice(const Choice& choice, const Placer& placer) {
  if (!choice.is_by_name_part()) return;
  const std::set<std::string> known = placer.part_names();
  if (known.contains(choice.by)) return;
  std::vector<std::string> names(known.begin(), known.end());
  names.insert(names.begin(), {std::string(kModified), std::string(kCreated)});
  throw base::ConfigError(
      fmt::format("by {}: expected {} (parts of names are those of match in [[table]]){}",
                  choice.by, fmt::join(names, ", "), base::did_you_mean(choice.by, names)));
}

void apply_window(Inventory& inventory) {
  constexpr unsigned kThreads = 8;  // headers: they wait for storage most of the time
  const Facts& facts = inventory.facts;
  if (!facts.choice.needs_times()) return;
  check_choice(facts.choice, inventory.placer);
  const schema::Zone zone(facts.choice.timezone);
  base::for_each_index(inventory.candidates.size(), kThreads, [&](std::size_t i) {
    Candidate& candidate = inventory.candidates[i];
    const FileTime time =
        time_of(*candidate.file, candidate.placement, candidate.record, facts, zone, true);
    if (time.period) candidate.time_us = time.period->begin_us;
    candidate.outside = why_outside(time, facts.choice);
  });
  for (const FileRecord* record : inventory.gone) {
    Placement placement;
    try {
      placement = inventory.placer.place(record->file_path, record->table_name);
    } catch (const base::SchemaError&) {
      // It has no parts.
    }
    const FileTime time = time_of(loaded_version(*record), placement, record, facts, zone, false);
    if (!why_outside(time, facts.choice).empty()) inventory.gone_outside.insert(record);
  }
}

void take_turns(std::vector<Decision>& decisions, const Choice& choice, std::uint64_t begun) {
  std::vector<Decision*> loads;
  for (Decision& decision : decisions) {
    if (decision.action == Action::kLoad) loads.push_back(&decision);
  }
  const auto sort_by = [&](auto key) { std::ranges::stable_sort(loads, {}, key); };
  switch (choice.order) {
    case Order::kName:
      break;
    case Order::kNewest:
      sort_by([](const Decision* decision) { return -decision->time_us; });
      break;
    case Order::kOldest:
      // One without a time is the last one here too.
      sort_by([](const Decision* decision) {
        return std::pair(decision->time_us == 0, decision->time_us);
      });
      break;
    case Order::kSmallest:
      sort_by([](const Decision* decision) { return decision->file.size; });
      break;
    case Order::kLargest:
      sort_by([](const Decision* decision) { return ~decision->file.size; });
      break;
  }
  for (std::size_t i = 0; i < loads.size(); ++i) {
    Decision& decision = *loads[i];
    if (choice.order != Order::kName) decision.turn = i;
    if (choice.limit == 0 || begun + i < choice.limit) continue;
    decision.action = Action::kSkip;
    decision.reason = fmt::format("{}, but a run loads at most {} (limit); a later run loads it",
                                  decision.reason, base::format_quantity(choice.limit, "file"));
    decision.reason_code = Reason::kLimit;
  }
}

}  // namespace qvdhouse::decide
