// qvdhouse completion: shell completion scripts, made from the tree of commands.

#include <fmt/format.h>

#include <algorithm>

#include "base/shell.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace qvdhouse::cli {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::string command_names(const CommandTree& tree) {
  std::vector<std::string> names;
  for (const CommandNode& command : tree.commands) names.push_back(command.name);
  return joined(names, " ");
}

std::string bash_script(const CommandTree& tree) {
  std::string flag_cases;
  for (const CommandNode& command : tree.commands) {
    flag_cases += fmt::format("    {}) flags='{}' ;;\n", command.name, joined(command.flags, " "));
  }
  return fmt::format(R"(# bash completion for qvdhouse: source it, e.g. from ~/.bashrc
# shellcheck shell=bash
_qvdhouse() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command='' flags='' i
  local commands='{}'
  [[ ${{COMP_WORDS[0]##*/}} != init_qvd ]] || command={}
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -z $command && " $commands " == *" ${{COMP_WORDS[i]}} "* ]]; then
      command=${{COMP_WORDS[i]}}
      break
    fi
  done
  case $command in
{}    *) ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags {}" -- "$word")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}}
complete -o filenames -F _qvdhouse qvdhouse init_qvd
)",
                     command_names(tree), kInitQvdCommand, flag_cases,
                     joined(tree.global.flags, " "));
}

std::string zsh_script(const CommandTree& tree) {
  std::string descriptions;
  std::string flag_cases;
  for (const CommandNode& command : tree.commands) {
    descriptions += fmt::format("    '{}:{}'\n", command.name, base::shell_text(command.help));
    flag_cases += fmt::format("    {}) flags=({}) ;;\n", command.name, joined(command.flags, " "));
  }
  return fmt::format(R"(#compdef qvdhouse init_qvd
# zsh completion for qvdhouse: put it into a folder of $fpath as _qvdhouse
_qvdhouse() {{
  local -a commands flags global
  commands=(
{}  )
  global=({})
  local command=${{words[(r)({})]}}
  [[ ${{words[1]:t}} != init_qvd ]] || command={}
  case $command in
{}  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- $flags $global
  elif [[ -z $command || $command == $words[CURRENT] ]]; then
    _describe command commands
  else
    _files
  fi
}}
# Found by name, it is run by the first Tab; sourced, it is only named.
if [[ ${{funcstack[1]}} == _qvdhouse ]]; then
  _qvdhouse "$@"
else
  compdef _qvdhouse qvdhouse init_qvd
fi
)",
                     descriptions, joined(tree.global.flags, " "),
                     [&] {
                       std::string names = command_names(tree);
                       std::replace(names.begin(), names.end(), ' ', '|');
                       return names;
                     }(),
                     kInitQvdCommand, flag_cases);
}

std::string fish_flags(const CommandNode& node, const std::string& condition,
                       std::string_view program = "qvdhouse") {
  std::string out;
  for (const std::string& flag : node.flags) {
    const bool is_long = flag.starts_with("--");
    const bool takes_value =
        std::find(node.value_flags.begin(), node.value_flags.end(), flag) != node.value_flags.end();
    out += fmt::format("complete -c {}{} {} {}{}\n", program, condition, is_long ? "-l" : "-s",
                       flag.substr(is_long ? 2 : 1), takes_value ? " -r" : "");
  }
  return out;
}

std::string fish_script(const CommandTree& tree) {
  const std::string names = command_names(tree);
  std::string out = "# fish completion for qvdhouse: put it into ~/.config/fish/completions/\n";
  for (const CommandNode& command : tree.commands) {
    out += fmt::format(
        "complete -c qvdhouse -f -n 'not __fish_seen_subcommand_from {}' -a {} -d '{}'\n", names,
        command.name, base::shell_text(command.help));
  }
  out += fish_flags(tree.global, "");
  out += fish_flags(tree.global, "", "init_qvd");
  for (const CommandNode& command : tree.commands) {
    out += fish_flags(command, fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name));
    if (command.name == kInitQvdCommand) out += fish_flags(command, "", "init_qvd");
  }
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell, const CommandTree& tree) {
  if (shell == "bash") return bash_script(tree);
  if (shell == "zsh") return zsh_script(tree);
  if (shell == "fish") return fish_script(tree);
  throw UsageError(
      fmt::format("there is no completion for '{}'; there is for bash, zsh and fish", shell));
}

void add_completion(CommandLine& line) {
  auto [o, a] = line.add("completion", kSetup, "print a shell completion script", print_text);
  o.example("source <(qvdhouse completion bash)");
  o.needs_no_config();
  o->add_option_function<std::string>(
       "SHELL",
       [&script = a.text, &line](const std::string& shell) {
         script = completion_script(shell, line.tree());
       },
       "bash, zsh or fish")
      ->required()
      ->type_name("");
}

}  // namespace qvdhouse::cli
