// A question to whoever sits at the terminal.
#pragma once

#include <stop_token>
#include <string_view>

namespace qvdhouse::cli {

// Whether there is someone to ask: standard input is a terminal.
bool can_ask();

// Asks "QUESTION [y/N] " on standard error. True for y and yes in any case; false for anything else
// and at the end of input. Throws Cancelled when `stop` is asked for meanwhile.
bool confirm(std::string_view question, const std::stop_token& stop);

}  // namespace qvdhouse::cli
