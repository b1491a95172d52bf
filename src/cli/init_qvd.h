// The original's command line: `init_qvd FLAGS…`, a second name of this program, is `qvdhouse
// init-qvd FLAGS…`. docs/from-the-original.md lists what it takes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::cli {

inline constexpr std::string_view kInitQvdCommand = "init-qvd";

// The command line as qvdhouse takes it, program name first: the command is put in where the
// program was called by the name init_qvd (or init_qvd.py), and its flags that were cut short, as
// the original allowed (--gen), are written out.
std::vector<std::string> whole_words(int argc, const char* const* argv);

}  // namespace qvdhouse::cli
