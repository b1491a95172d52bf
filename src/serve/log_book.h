// The log of the service: one structured line an event, each with the run and the file it belongs
// to. The newest lines are kept for the page, all go to the console (as text or JSON) and to a file
// of JSON lines that is rotated by size. Logging never ends the service: what cannot be written is
// counted, and said once it can be.
#pragma once

#include <spdlog/common.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serve/events.h"

namespace qvdhouse::serve {

struct LogLine {
  std::int64_t at_us = 0;  // of Unix time
  std::string level;       // debug, info, warning, error
  std::string message;
  // Empty where they say nothing:
  std::string event;  // "run_finished", of a line that an event made
  std::string workflow;
  std::string run_id;
  std::string file;  // its path
};

// {at, level, message, event?, workflow?, run_id?, file?}
nlohmann::json to_json(const LogLine& line);
// "2026-11-23 03:40:11Z warning: message (run …, file …)"
std::string to_text(const LogLine& line);

// Which lines are wanted. Both compare in any case.
struct LogFilter {
  std::string text;   // in the message or any of the names; empty: all
  std::string level;  // the least level; empty: all. See level_error()
  bool takes(const LogLine& line) const;
};
// Empty when there is such a level (or none is asked for), else what is allowed, in one clause.
std::string level_error(std::string_view level);

struct LogBookOptions {
  std::size_t kept = 2'000;  // lines in memory
  // The least of the lines that events make; a logger has its own.
  spdlog::level::level_enum level = spdlog::level::debug;
  std::filesystem::path file;  // empty: none. Its folder is created
  std::size_t file_bytes = std::size_t{10} << 20;
  std::size_t files_kept = 5;                               // beside the one that is written
  std::function<void(std::string_view line)> console = {};  // empty: none
  bool console_is_json = false;
  // Texts that are masked wherever they turn up, unless they are shorter than kShortestSecret.
  std::vector<std::string> secrets;
};

// Thread-safe. Must outlive its sink().
class LogBook {
 public:
  // Throws IoError when the file cannot be written.
  explicit LogBook(LogBookOptions options);
  ~LogBook();
  LogBook(const LogBook&) = delete;
  LogBook& operator=(const LogBook&) = delete;

  // What a logger writes to.
  spdlog::sink_ptr sink();
  void add(LogLine line);
  // The line of an event, if its level is asked for; run_progress and log make none.
  void add(const Event& event);
  // Called with each line that is added, from the thread that adds it.
  void listen(std::function<void(const LogLine&)> listener);
  // The newest that the filter takes, oldest first.
  std::vector<LogLine> newest(std::size_t limit, const LogFilter& filter) const;

 private:
  void write(const LogLine& line);

  LogBookOptions options_;
  spdlog::sink_ptr sink_;
  spdlog::sink_ptr file_;
  mutable std::mutex mutex_;
  std::deque<LogLine> lines_;
  std::vector<std::function<void(const LogLine&)>> listeners_;
  std::mutex write_mutex_;
  std::uint64_t unwritten_ = 0;
};

// The newest lines of a log file and of those that it was rotated from, oldest first. Lines that
// are no log lines are left out. Throws IoError when there is no such file.
std::vector<LogLine> read_log_file(const std::filesystem::path& file, std::size_t limit,
                                   const LogFilter& filter);

// One line of a log file; false: the line is not one.
bool parse_log_line(std::string_view text, LogLine& line);

}  // namespace qvdhouse::serve
