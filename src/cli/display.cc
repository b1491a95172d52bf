#include "cli/display.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/output.h"

namespace qvdhouse::cli {
namespace {

void write_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);  // nobody to tell when it fails
}

// Escape sequences are for terminals that know them.
bool stderr_is_live() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

class DisplaySink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DisplaySink(Display& display) : display_(display) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto level = spdlog::level::to_string_view(message.level);
    display_.log(std::string_view(level.data(), level.size()),
                 std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  Display& display_;
};

}  // namespace

Display::Display() : is_terminal_(stderr_is_live()) {}

Display::~Display() {
  const std::lock_guard lock(mutex_);
  clear_live();
}

void Display::line(std::string_view text) { lines(printable(text)); }

void Display::lines(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear_live();
  std::string out = paragraph("", text, 0, is_terminal_ ? terminal_width() : 0) + "\n";
  for (const std::string& live_line : live_) out += live_line + "\n";
  live_lines_ = live_.size();
  write_stderr(out);
}

void Display::say_as(std::function<std::string(std::string_view, std::string_view)> form) {
  form_ = std::move(form);
}

void Display::message(std::string_view level, std::string_view text, Lines has) {
  if (form_) {
    line(form_(level, text));
  } else if (has == Lines::kOwn) {
    lines(text);
  } else {
    line(text);
  }
}

void Display::log(std::string_view level, std::string_view text) {
  message(level, form_ ? std::string(text) : fmt::format("{}: {}", level, text));
}

void Display::show_live(const std::vector<std::string>& lines) {
  if (!is_terminal_) return;
  const std::lock_guard lock(mutex_);
  clear_live();
  live_.clear();
  std::string out;
  for (const std::string& text : lines) {
    live_.push_back(cut_to_width(printable(text), terminal_width() - 1));
    out += live_.back() + "\n";
  }
  live_lines_ = live_.size();
  write_stderr(out);
}

void Display::clear_live() {
  if (live_lines_ > 0) write_stderr(fmt::format("\x1b[{}A\r\x1b[J", live_lines_));
  live_lines_ = 0;
}

std::shared_ptr<spdlog::logger> make_logger(Display& display, const std::string& level) {
  auto logger =
      std::make_shared<spdlog::logger>("qvdhouse", std::make_shared<DisplaySink>(display));
  logger->set_level(spdlog::level::from_str(level));
  return logger;
}

bool can_ask() { return isatty(STDIN_FILENO) == 1; }

bool confirm(std::string_view question, const std::stop_token& stop) {
  std::fflush(stdout);  // what the question is about stands above it
  std::cerr << printable(question) << " [y/N] " << std::flush;
  // A terminal hands over whole lines: once it can be read, getline() does not wait.
  constexpr int kStopMs = 100;  // how often the stop is looked at
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (poll(&input, 1, kStopMs) <= 0) {
    if (!stop.stop_requested()) continue;
    std::cerr << '\n';
    throw base::Cancelled("stopped");
  }
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    std::cerr << '\n';
    return false;
  }
  answer = base::to_lower(answer);
  return answer == "y" || answer == "yes";
}

}  // namespace qvdhouse::cli
