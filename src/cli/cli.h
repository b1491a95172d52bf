// The command line. main() is a thin call into run().
#pragma once

#include <string>

namespace qvdhouse::cli {

// Parses the arguments, runs the command, prints errors; returns the exit code
// (docs/operations.md).
int run(int argc, char** argv);

// "0.2.0"
std::string version();
// The commit that it was built from, in 12 digits; empty: not known.
std::string commit();

}  // namespace qvdhouse::cli
