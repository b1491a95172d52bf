// An SQL statement as an argument of a command.
#pragma once

#include <iostream>
#include <iterator>
#include <string>

namespace qvdhouse::cli {

// The statement itself; "-" reads it from standard input.
inline std::string read_statement(const std::string& argument) {
  if (argument != "-") return argument;
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace qvdhouse::cli
