// Standard error as people see it: lines of log and progress, and on a terminal a live block below
// them that is redrawn in place. Safe to use from several threads.
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::cli {

class Display {
 public:
  Display();
  ~Display();  // clears the live block
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  bool is_terminal() const { return is_terminal_; }

  // Writes a line above the live block. Control characters in it are escaped, line ends too: a file
  // name that holds one makes no line of its own.
  void line(std::string_view text);
  // The same for a text that has lines of its own: their ends stay. Nothing that a file or its name
  // says may be in it as it is.
  void lines(std::string_view text);

  // From now on messages are lines of a log, which `form` makes of level and text.
  void say_as(std::function<std::string(std::string_view level, std::string_view text)> form);
  // A message: "error", "warning", "info", "debug". Without say_as() it is the text, as lines() or
  // line() have it.
  enum class Lines { kOne, kOwn };
  void message(std::string_view level, std::string_view text, Lines has = Lines::kOne);
  // The same of a logger: its level stands before the text.
  void log(std::string_view level, std::string_view text);

  // Replaces the live block; does nothing when standard error is not a terminal.
  void show_live(const std::vector<std::string>& lines);

 private:
  void clear_live();

  const bool is_terminal_;
  std::function<std::string(std::string_view, std::string_view)> form_;
  std::mutex mutex_;
  std::size_t live_lines_ = 0;
  std::vector<std::string> live_;
};

// A logger that writes through `display`, "warning: …" a line. `level` is one of error, warning,
// info, debug. `display` must outlive it.
std::shared_ptr<spdlog::logger> make_logger(Display& display, const std::string& level);

// Whether there is someone to ask: standard input is a terminal.
bool can_ask();

// Asks "QUESTION [y/N] " on standard error. True for y and yes in any case; false for anything else
// and at the end of input. Throws Cancelled when `stop` is asked for meanwhile.
bool confirm(std::string_view question, const std::stop_token& stop);

}  // namespace qvdhouse::cli
