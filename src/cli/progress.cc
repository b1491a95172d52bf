#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "cli/output.h"

namespace qvdhouse::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(10);
constexpr std::size_t kMostFileLines = 8;

std::string run_line(const sync::Monitor::Snapshot& s, double seconds) {
  std::string line = fmt::format("{}/{} files", s.files_done, s.files_total);
  if (s.files_failed > 0) line += fmt::format(" ({} failed)", s.files_failed);
  line += fmt::format("   {} rows", format_count(s.rows_done));
  // A rate out of the first moments would only jump about.
  if (seconds < 0.5 || s.bytes_done == 0) return line;
  const double bytes_a_second = static_cast<double>(s.bytes_done) / seconds;
  line += fmt::format("   {}/s", format_bytes(static_cast<std::uint64_t>(bytes_a_second)));
  if (s.bytes_done >= s.bytes_total) return line;
  const double seconds_left = static_cast<double>(s.bytes_total - s.bytes_done) / bytes_a_second;
  return line + fmt::format("   ETA {}", format_seconds(std::ceil(seconds_left)));
}

}  // namespace

std::vector<std::string> progress_lines(const sync::Monitor::Snapshot& snapshot, double seconds) {
  std::vector<std::string> lines = {run_line(snapshot, seconds)};
  std::size_t name_width = 0;
  for (const auto& file : snapshot.active) {
    name_width =
        std::max(name_width, std::min<std::size_t>(32, display_width(printable(file.name))));
  }
  for (const auto& file : snapshot.active) {
    if (lines.size() > kMostFileLines) {
      lines.push_back(fmt::format("  and {} more", snapshot.active.size() - kMostFileLines));
      break;
    }
    const std::string name = cut_to_width(printable(file.name), name_width);
    std::string line = fmt::format("  {}{}  {:<8}", name,
                                   std::string(name_width - display_width(name), ' '), file.step);
    if (file.rows_total > 0) {
      line += fmt::format("{:>4} %  {} of {} rows", file.rows_sent * 100 / file.rows_total,
                          format_count(file.rows_sent), format_count(file.rows_total));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string outcome_line(const sync::FileOutcome& file) {
  const std::string& name = file.decision.file.name;
  switch (file.outcome) {
    case sync::Outcome::kLoaded: {
      return fmt::format("loaded {} into {}: {} rows{} in {}", name, file.decision.table,
                         format_count(file.result.row_count),
                         left_out(file.result.rows_quarantined, file.result.rows_dropped,
                                  file.result.rows_filtered),
                         format_seconds(file.result.seconds()));
    }
    case sync::Outcome::kWaiting:
      return fmt::format("waits {}: {}", name, file.decision.reason);
    case sync::Outcome::kCancelled:
      return fmt::format("rolled back {}", name);
    case sync::Outcome::kRemoved:
      return fmt::format("removed {} from {}: {}", name, file.decision.table, file.decision.reason);
    case sync::Outcome::kAdopted:
    case sync::Outcome::kFailed:
    case sync::Outcome::kSkipped:
      break;
  }
  return "";
}

ProgressDisplay::ProgressDisplay(const sync::Monitor& monitor, Display& display)
    : display_(display) {
  thread_ = std::jthread([&monitor, &display](std::stop_token stop) {
    const auto start = std::chrono::steady_clock::now();
    const std::chrono::milliseconds pause = display.is_terminal() ? kRedraw : kPlainLine;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, pause, [&stop] { return stop.stop_requested(); })) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      const sync::Monitor::Snapshot snapshot = monitor.snapshot();
      if (snapshot.files_total == 0) continue;
      if (display.is_terminal()) {
        display.show_live(progress_lines(snapshot, passed.count()));
      } else {
        display.line(run_line(snapshot, passed.count()));
      }
    }
  });
}

ProgressDisplay::~ProgressDisplay() {
  thread_.request_stop();
  thread_.join();
  display_.show_live({});
}

}  // namespace qvdhouse::cli
