// Shell completion scripts, made from the tree of commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::cli {

struct CommandNode {
  std::string name;
  std::string help;
  std::vector<std::string> flags;        // "--json", "-v"
  std::vector<std::string> value_flags;  // those of `flags` that take a value
};

// The commands and what is understood before or after any of them.
struct CommandTree {
  CommandNode global;
  std::vector<CommandNode> commands;
};

// The script for bash, zsh or fish, to be sourced. Throws UsageError for another shell.
std::string completion_script(std::string_view shell, const CommandTree& tree);

}  // namespace qvdhouse::cli
