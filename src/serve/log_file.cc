// Reading what LogBook has written.
#include <date/date.h>
#include <fmt/format.h>
#include <spdlog/details/file_helper.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "serve/event_data.h"
#include "serve/log_book.h"

namespace qvdhouse::serve {
namespace {

// "log.jsonl" → "log.2.jsonl", as spdlog names what was rotated.
std::filesystem::path rotated(const std::filesystem::path& file, unsigned age) {
  const auto [stem, extension] = spdlog::details::file_helper::split_by_extension(file.string());
  return age == 0 ? file.string() : fmt::format("{}.{}{}", stem, age, extension);
}

}  // namespace

bool parse_log_line(std::string_view text, LogLine& line) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return false;
  std::istringstream at(text_of(json, "at"));
  date::sys_time<std::chrono::milliseconds> time;
  at >> date::parse("%FT%TZ", time);
  line.level = text_of(json, "level");
  if (at.fail() || line.level.empty()) return false;
  line.at_us = std::chrono::microseconds(time.time_since_epoch()).count();
  line.message = text_of(json, "message");
  line.event = text_of(json, "event");
  line.workflow = text_of(json, "workflow");
  line.run_id = text_of(json, "run_id");
  line.file = text_of(json, "file");
  return true;
}

std::vector<LogLine> read_log_file(const std::filesystem::path& file, std::size_t limit,
                                   const LogFilter& filter) {
  if (!std::filesystem::exists(file)) {
    throw base::IoError(fmt::format("there is no log file {}", file.string()));
  }
  // Newest file first; each is read to its end, with the newest of its lines kept.
  std::deque<LogLine> found;
  for (unsigned age = 0; found.size() < limit; ++age) {
    std::ifstream stream(rotated(file, age));
    if (!stream) break;
    std::deque<LogLine> lines;
    for (std::string text; std::getline(stream, text);) {
      LogLine line;
      if (!parse_log_line(text, line) || !filter.takes(line)) continue;
      lines.push_back(std::move(line));
      if (lines.size() > limit - found.size()) lines.pop_front();
    }
    found.insert(found.begin(), lines.begin(), lines.end());
  }
  return {found.begin(), found.end()};
}

}  // namespace qvdhouse::serve
