#include "cli/init_qvd.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace qvdhouse::cli {
namespace {

constexpr std::array<std::string_view, 15> kInitQvdFlags = {
    "--list-files", "--generate-models", "--reset-state", "--source",  "--pattern",
    "--verbose",    "--output",          "--files",       "--exclude", "--overwrite",
    "--aws-key",    "--aws-secret",      "--state-file",  "--force",   "--help"};

// The flag that `word` ("--gen", "--pat=*.qvd") is the start of, when there is only one.
std::string whole_flag(const std::string& word) {
  const std::string_view name = std::string_view(word).substr(0, word.find('='));
  if (!name.starts_with("--") || name.size() == 2) return word;
  if (std::find(kInitQvdFlags.begin(), kInitQvdFlags.end(), name) != kInitQvdFlags.end()) {
    return word;
  }
  const auto begins = [&](std::string_view flag) { return flag.starts_with(name); };
  if (std::count_if(kInitQvdFlags.begin(), kInitQvdFlags.end(), begins) != 1) return word;
  const auto flag = std::find_if(kInitQvdFlags.begin(), kInitQvdFlags.end(), begins);
  return std::string(*flag) + word.substr(name.size());
}

bool is_called_init_qvd(const std::string& program) {
  const std::string name = std::filesystem::path(program).filename();
  return name == "init_qvd" || name == "init_qvd.py";
}

}  // namespace

std::vector<std::string> whole_words(int argc, const char* const* argv) {
  std::vector<std::string> words(argv, argv + argc);
  if (words.empty()) return words;
  if (is_called_init_qvd(words[0])) words.insert(words.begin() + 1, std::string(kInitQvdCommand));
  const auto command = std::find(words.begin() + 1, words.end(), kInitQvdCommand);
  if (command == words.end()) return words;
  for (auto word = command + 1; word != words.end() && *word != "--"; ++word) {
    *word = whole_flag(*word);
  }
  return words;
}

}  // namespace qvdhouse::cli
