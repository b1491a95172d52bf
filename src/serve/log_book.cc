#include "serve/log_book.h"

#include <date/date.h>
#include <fmt/format.h>
#include <spdlog/details/file_helper.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "serve/auth.h"
#include "serve/events.h"

namespace qvdhouse::serve {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};

std::size_t rank_of(std::string_view level) {
  return static_cast<std::size_t>(std::find(kLevels.begin(), kLevels.end(), level) -
                                  kLevels.begin());
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    default:
      return "error";
  }
}

std::int64_t microseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

std::string time_text(std::int64_t at_us, const char* format) {
  const date::sys_time<std::chrono::milliseconds> time{
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(at_us))};
  return date::format(format, time);
}

void mask(std::string& text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < kShortestSecret) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), "***");
    }
  }
}

// What a logger says becomes a line of the book.
class BookSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit BookSink(LogBook& book) : book_(book) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    LogLine line;
    line.at_us = microseconds(message.time);
    line.level = level_name(message.level);
    line.message.assign(message.payload.data(), message.payload.size());
    book_.add(std::move(line));
  }
  void flush_() override {}

  LogBook& book_;
};

// The log goes on in a log, and nowhere else: a link or another file would be written over, and a
// pipe would stop the service.
void check_log_file(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::symlink_status(file, error);
  if (status.type() == fs::file_type::not_found) return;
  const std::string what = fmt::format("the log file {} cannot be written: ", file.string());
  if (status.type() != fs::file_type::regular) {
    throw base::IoError(what + "it is not a regular file; name another one in log_file");
  }
  std::ifstream stream(file);
  const int first = stream.get();
  if (first == std::ifstream::traits_type::eof() || first == '{') return;
  throw base::IoError(what +
                      "expected one JSON object a line, found other text; move it away, or name "
                      "another one in log_file");
}

std::string because(const nlohmann::json& data) {
  const std::string error = text_of(data, "error");
  return error.empty() ? "" : ": " + error;
}

// ", 5 quarantined, 2 dropped, 3 filtered"; empty when all rows were loaded.
std::string left_out_of(const nlohmann::json& data) {
  std::string text;
  for (const char* what : {"quarantined", "dropped", "filtered"}) {
    const std::uint64_t rows = count_of(data, (std::string("rows_") + what).c_str());
    if (rows > 0) text += fmt::format(", {} {}", rows, what);
  }
  return text;
}

void say_run_finished(const nlohmann::json& data, LogLine& line) {
  const std::optional<tracking::RunState> state = run_state_of(data);
  line.level = is_bad(state) ? "error" : "info";
  line.message = fmt::format(
      "run {} after {:.1f} s: {} files loaded, {} skipped, {} waiting, {} failed, {} rows{}{}",
      text_of(data, "status"), number_of(data, "duration_seconds"), count_of(data, "files_loaded"),
      count_of(data, "files_skipped"), count_of(data, "files_waiting"),
      count_of(data, "files_failed"), count_of(data, "rows"), left_out_of(data), because(data));
  if (state == tracking::RunState::kSkipped) line.message = "run skipped" + because(data);
}

void say_file_finished(const nlohmann::json& data, LogLine& line) {
  const std::string status = text_of(data, "status");
  const std::optional<sync::Outcome> outcome = outcome_of(data);
  line.level = is_bad(outcome) ? "error" : "info";
  line.message = fmt::format("{} {}: {} rows in {:.1f} s into {}{}", text_of(data, "file_name"),
                             status, count_of(data, "rows"), number_of(data, "duration_seconds"),
                             text_of(data, "table_name"), left_out_of(data));
  if (outcome != sync::Outcome::kLoaded) {
    line.message = fmt::format("{} {}{}", text_of(data, "file_name"), status, because(data));
  }
}

void say_health(const nlohmann::json& data, LogLine& line) {
  line.message = "ready";
  if (data.value("ready", true)) return;
  const bool is_starting = data.value("starting", false);
  line.level = is_starting ? "info" : "error";
  line.message = is_starting ? "starting" : "not ready";
  const char* separator = ": ";
  for (const nlohmann::json& problem : data.value("problems", nlohmann::json::array())) {
    if (!problem.is_string()) continue;
    line.message += separator + problem.get<std::string>();
    separator = "; ";
  }
}

// All but the time. An empty message: nothing is said of it.
LogLine line_of(const Event& event) {
  const nlohmann::json& data = event.data;
  LogLine line;
  line.event = event.type;
  line.level = "info";
  line.workflow = text_of(data, "workflow");
  line.run_id = text_of(data, "run_id");
  line.file = text_of(data, "file_path");
  if (event.type == "run_started") {
    line.message = fmt::format("run of {} started ({})", line.workflow, text_of(data, "trigger"));
  } else if (event.type == "run_finished") {
    say_run_finished(data, line);
  } else if (event.type == "file_started") {
    line.message = text_of(data, "file_name") + " started";
    line.level = "debug";
  } else if (event.type == "file_finished") {
    say_file_finished(data, line);
  } else if (event.type == "workflow_changed") {
    line.workflow = text_of(data, "name");
    line.message = fmt::format("workflow {} is {}", line.workflow,
                               data.value("paused", false) ? "paused" : "active");
    line.level = "debug";
  } else if (event.type == "health_changed") {
    say_health(data, line);
  }
  return line;
}

// "log.jsonl" → "log.2.jsonl", as spdlog names what was rotated.
std::filesystem::path rotated(const std::filesystem::path& file, unsigned age) {
  const auto [stem, extension] = spdlog::details::file_helper::split_by_extension(file.string());
  return age == 0 ? file.string() : fmt::format("{}.{}{}", stem, age, extension);
}

}  // namespace

nlohmann::json to_json(const LogLine& line) {
  nlohmann::json json{
      {"at", time_text(line.at_us, "%FT%TZ")}, {"level", line.level}, {"message", line.message}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  add("event", line.event);
  add("workflow", line.workflow);
  add("run_id", line.run_id);
  add("file", line.file);
  return json;
}

std::string to_text(const LogLine& line) {
  std::string place;
  if (!line.run_id.empty()) place = "run " + line.run_id;
  if (!line.file.empty()) place += (place.empty() ? "file " : ", file ") + line.file;
  if (!place.empty()) place = " (" + place + ")";
  return fmt::format("{} {}: {}{}", time_text(line.at_us, "%F %TZ"), line.level, line.message,
                     place);
}

bool LogFilter::takes(const LogLine& line) const {
  if (!level.empty() && rank_of(line.level) < rank_of(base::to_lower(level))) return false;
  if (text.empty()) return true;
  const std::string wanted = base::to_lower(text);
  const std::array fields = {&line.message, &line.event, &line.workflow, &line.run_id, &line.file};
  return std::any_of(fields.begin(), fields.end(), [&](const std::string* field) {
    return base::to_lower(*field).find(wanted) != std::string::npos;
  });
}

std::string level_error(std::string_view level) {
  if (level.empty() || rank_of(base::to_lower(level)) < kLevels.size()) return "";
  return "it is not one of debug, info, warning and error";
}

LogBook::LogBook(LogBookOptions options) : options_(std::move(options)) {
  sink_ = std::make_shared<BookSink>(*this);
  if (options_.file.empty()) return;
  check_log_file(options_.file);
  try {
    file_ = std::make_shared<spdlog::sinks::rotating_file_sink_st>(
        options_.file.string(), options_.file_bytes, options_.files_kept);
    file_->set_pattern("%v");
  } catch (const spdlog::spdlog_ex& error) {
    throw base::IoError(
        fmt::format("the log file {} cannot be written: {}", options_.file.string(), error.what()));
  }
}

LogBook::~LogBook() = default;

spdlog::sink_ptr LogBook::sink() { return sink_; }

void LogBook::add(LogLine line) {
  mask(line.message, options_.secrets);
  mask(line.file, options_.secrets);
  write(line);
  std::vector<std::function<void(const LogLine&)>> listeners;
  {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    if (lines_.size() > options_.kept) lines_.pop_front();
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener(line);
}

void LogBook::add(const Event& event) {
  LogLine line = line_of(event);
  if (line.message.empty() || rank_of(line.level) < rank_of(level_name(options_.level))) return;
  line.at_us = microseconds(std::chrono::system_clock::now());
  add(std::move(line));
}

void LogBook::listen(std::function<void(const LogLine&)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

std::vector<LogLine> LogBook::newest(std::size_t limit, const LogFilter& filter) const {
  std::vector<LogLine> found;
  const std::lock_guard lock(mutex_);
  for (auto line = lines_.rbegin(); line != lines_.rend() && found.size() < limit; ++line) {
    if (filter.takes(*line)) found.push_back(*line);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

void LogBook::write(const LogLine& line) {
  if (!options_.console && file_ == nullptr) return;
  // File names are bytes: what is no UTF-8 must not stop the log.
  const std::string json =
      to_json(line).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::lock_guard lock(write_mutex_);
  if (options_.console) options_.console(options_.console_is_json ? json : to_text(line));
  if (file_ == nullptr) return;
  try {
    const auto put = [&](const std::string& text) {
      file_->log(spdlog::details::log_msg("", spdlog::level::info, text));
      file_->flush();
    };
    put(json);
    if (unwritten_ == 0) return;
    LogLine gap;
    gap.at_us = line.at_us;
    gap.level = "warning";
    gap.message = fmt::format("{} lines of the log could not be written here", unwritten_);
    put(to_json(gap).dump());
    unwritten_ = 0;
  } catch (const spdlog::spdlog_ex&) {
    ++unwritten_;  // a full disk, perhaps: the service goes on
  }
}

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
