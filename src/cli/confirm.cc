#include "cli/confirm.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "base/ascii.h"
#include "base/error.h"
#include "cli/text_width.h"

namespace qvdhouse::cli {
namespace {

constexpr int kLookAtStopMs = 100;

}  // namespace

bool can_ask() { return isatty(STDIN_FILENO) == 1; }

bool confirm(std::string_view question, const std::stop_token& stop) {
  std::fflush(stdout);  // what the question is about stands above it
  std::cerr << printable(question) << " [y/N] " << std::flush;
  // A terminal hands over whole lines: once it can be read, getline() does not wait.
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (poll(&input, 1, kLookAtStopMs) <= 0) {
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
