#include "cli/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "catalog/file_row.h"
#include "cli/text_width.h"
#include "serve/api_json.h"

namespace qvdhouse::cli {
namespace {

std::atomic<bool> reader_is_gone{false};

void check_output() {
  if (errno == EPIPE) {
    reader_is_gone = true;
    return;
  }
  throw base::IoError(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
}

// Shrinks flexible columns, the widest first, until the table fits.
void fit(const std::vector<Column>& columns, std::vector<std::size_t>& widths,
         std::size_t available) {
  constexpr std::size_t kLeast = 8;
  std::size_t total = 0;
  for (const std::size_t width : widths) total += width;
  while (total > available) {
    std::size_t widest = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!columns[i].flexible || widths[i] <= kLeast) continue;
      if (widest == columns.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns.size()) return;
    --widths[widest];
    --total;
  }
}

void append_row(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                const std::vector<std::string>& cells, std::string& out) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string cell = cut_to_width(cells[i], widths[i]);
    const std::string padding(widths[i] - display_width(cell), ' ');
    if (i > 0) line += "  ";
    line += columns[i].right ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

void print(std::string_view text) {
  if (reader_is_gone || text.empty()) return;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) check_output();
}

bool output_is_open() { return !reader_is_gone; }

void print_json(const Json& json) {
  print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void flush_output() {
  if (!reader_is_gone && std::fflush(stdout) != 0) check_output();
}

bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

std::size_t terminal_width() {
  winsize size{};
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows, std::size_t width) {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    titles.push_back(column.title);
    widths.push_back(display_width(column.title));
  }
  std::vector<std::vector<std::string>> cells = rows;
  for (auto& row : cells) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  const std::size_t gaps = 2 * (columns.size() - 1);
  if (width > gaps) fit(columns, widths, width - gaps);

  std::string out;
  append_row(columns, widths, titles, out);
  for (const auto& row : cells) append_row(columns, widths, row, out);
  return out;
}

void print_table(const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows) {
  print(format_table(columns, rows, stdout_is_terminal() ? terminal_width() : 0));
}

void print_paragraph(std::string_view title, std::string_view text, std::size_t indent) {
  print(paragraph(title, text, indent, stdout_is_terminal() ? terminal_width() : 0) + "\n");
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string format_time(std::int64_t microseconds_since_1970) {
  if (microseconds_since_1970 == 0) return "–";
  const std::chrono::sys_time<std::chrono::seconds> time{
      std::chrono::floor<std::chrono::seconds>(std::chrono::microseconds(microseconds_since_1970))};
  return fmt::format("{:%Y-%m-%d %H:%M:%S}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Json created_json(const std::string& header_time) {
  return serve::rfc3339(catalog::parse_time(header_time).value_or(0));
}

std::string left_out(std::uint64_t quarantined, std::uint64_t dropped, std::uint64_t filtered) {
  std::string text;
  if (quarantined > 0) text += fmt::format(", {} quarantined", format_count(quarantined));
  if (dropped > 0) text += fmt::format(", {} dropped", format_count(dropped));
  if (filtered > 0) text += fmt::format(", {} filtered", format_count(filtered));
  return text;
}

}  // namespace qvdhouse::cli
