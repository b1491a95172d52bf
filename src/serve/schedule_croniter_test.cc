// Schedules against an independent implementation: croniter, over random lines, zones and dates,
// half of them within two days of a change of the clocks.
#include <date/tz.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "serve/schedule.h"

namespace qvdhouse::serve {
namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr std::size_t kCaseCount = 1'500;
constexpr const char* kPython = "/usr/bin/python3";
constexpr std::array kZones = {"UTC",
                               "Europe/Berlin",
                               "Europe/Dublin",
                               "Atlantic/Azores",
                               "America/New_York",
                               "America/Sao_Paulo",
                               "America/Havana",
                               "America/Santiago",
                               "Africa/Casablanca",
                               "Asia/Kolkata",
                               "Asia/Kathmandu",
                               "Asia/Beirut",
                               "Australia/Lord_Howe",
                               "Australia/Adelaide",
                               "Pacific/Auckland",
                               "Pacific/Chatham"};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  int number(int first, int last) { return std::uniform_int_distribution(first, last)(engine_); }
  bool one_in(int n) { return number(1, n) == 1; }
  std::int64_t within(std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution(first, last)(engine_);
  }

 private:
  std::mt19937_64 engine_;
};

std::string random_item(Random& random, int first, int last) {
  const int from = random.number(first, last);
  switch (random.number(1, 5)) {
    case 1:
      return fmt::format("{}-{}", from, random.number(from, last));
    case 2:
      return fmt::format("{}-{}/{}", from, random.number(from, last),
                         random.number(1, last - first));
    case 3:
      return fmt::format("{}/{}", from, random.number(1, last - first));
    default:
      return std::to_string(from);
  }
}

std::string random_field(Random& random, int first, int last, int star_one_in) {
  if (random.one_in(star_one_in)) return "*";
  if (random.one_in(4))
    return fmt::format("*/{}", random.number(2, std::max(2, (last - first) / 2)));
  std::string field = random_item(random, first, last);
  while (random.one_in(3)) field += "," + random_item(random, first, last);
  return field;
}

std::string random_line(Random& random, bool& restricts_days) {
  const std::string minute = random_field(random, 0, 59, 4);
  // Clocks change at night.
  const std::string hour = random_field(random, 0, random.one_in(2) ? 23 : 3, 3);
  const std::string day = random.one_in(2) ? "*" : random_field(random, 1, 31, 2);
  restricts_days = day != "*";
  const std::string month = random.one_in(4) ? random_field(random, 1, 12, 2) : "*";
  const std::string weekday = random.one_in(2) ? "*" : random_field(random, 0, 6, 2);
  return fmt::format("{} {} {} {} {}", minute, hour, day, month, weekday);
}

struct Case {
  Time after;
  std::string zone;
  std::string line;
  bool restricts_days = false;  // of the month
  std::string expected;
};

Time random_time(Random& random, const std::string& zone) {
  constexpr std::int64_t kYear2000 = 946'684'800;
  constexpr std::int64_t kYear2036 = 2'082'758'400;
  const Time time{seconds(random.within(kYear2000, kYear2036))};
  if (random.one_in(2)) return time;
  const Time change = date::locate_zone(zone)->get_info(time).end;
  if (change.time_since_epoch() > seconds(kYear2036)) return time;
  return change + seconds(random.within(-2 * 86'400, 86'400));
}

// In February, croniter 1.3.5 leaves out the 1st of March where days of the month are restricted:
// after 20 February it says that "0 0 */15 * *" is next due on the 16th.
bool croniter_is_wrong(const Case& one) {
  const auto month = [&](days shift) {
    return date::year_month_day(date::floor<days>(one.after + shift)).month();
  };
  const bool is_february = month(days(-1)) == date::February || month(days(1)) == date::February;
  return is_february && one.restricts_days;
}

std::string text_of(std::optional<Time> time) {
  return time ? std::to_string(time->time_since_epoch().count()) : "never";
}

// What the reference says of each case; false when it cannot be asked.
bool ask_reference(std::vector<Case>& cases, const std::filesystem::path& file) {
  {
    std::ofstream stream(file);
    for (const Case& one : cases) {
      stream << text_of(one.after) << " " << one.zone << " " << one.line << "\n";
    }
  }
  const std::string command = fmt::format("{} {}/tests/support/croniter_reference.py < {}", kPython,
                                          QVDHOUSE_SOURCE_DIR, file.string());
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return false;
  std::array<char, 64> line{};
  std::size_t count = 0;
  while (count < cases.size() && std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string text = line.data();
    text.pop_back();
    cases[count++].expected = text;
  }
  return pclose(pipe) == 0 && count == cases.size();
}

TEST(ScheduleAgainstCroniter, RandomLinesZonesAndDates) {
  if (std::system(fmt::format("{} -c 'import croniter' 2>/dev/null", kPython).c_str()) != 0) {
    GTEST_SKIP() << "Debian's package python3-croniter is not installed";
  }
  const char* seed = std::getenv("QVDHOUSE_TEST_SEED");
  Random random(seed == nullptr ? 5 : std::strtoull(seed, nullptr, 10));
  std::vector<Case> cases;
  while (cases.size() < kCaseCount) {
    Case one;
    one.zone = kZones[static_cast<std::size_t>(random.number(0, kZones.size() - 1))];
    one.line = random_line(random, one.restricts_days);
    one.after = random_time(random, one.zone);
    if (!croniter_is_wrong(one)) cases.push_back(one);
  }
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / fmt::format("croniter-{}.txt", getpid());
  const bool has_answers = ask_reference(cases, file);
  std::filesystem::remove(file);
  ASSERT_TRUE(has_answers);
  int shown_count = 0;
  for (const Case& one : cases) {
    const std::string due = text_of(Schedule::parse(one.line, one.zone).next(one.after, Time()));
    if (due == one.expected) continue;
    ADD_FAILURE() << "'" << one.line << "' in " << one.zone << " after " << text_of(one.after)
                  << ": " << due << ", croniter says " << one.expected;
    if (++shown_count == 10) break;
  }
}

}  // namespace
}  // namespace qvdhouse::serve
