// Another run of a program, whose output is wanted.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace qvdhouse::cli {

struct ChildResult {
  int exit_code = 0;  // 128 and the signal, when one ended it
  std::string output;
  std::string errors;
};

// Runs a program (an absolute path) with this environment and no input, and waits for its end. A
// stop ends it as SIGTERM does, and is no error here: the child says how it ended. Throws IoError
// when it cannot be started.
ChildResult run_child(const std::string& program, std::vector<std::string> arguments,
                      const std::map<std::string, std::string>& environment,
                      const std::stop_token& stop);

// Where the shell would find a program; empty: nowhere.
std::string find_program(const std::string& name);

}  // namespace qvdhouse::cli
