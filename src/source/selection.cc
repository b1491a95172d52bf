#include "source/selection.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kExtension = ".qvd";

std::string_view without_extension(std::string_view folded) {
  if (folded.ends_with(kExtension)) folded.remove_suffix(kExtension.size());
  return folded;
}

}  // namespace

std::optional<std::string_view> temporary_for(std::string_view name) {
  if (name.size() > 1 && name.starts_with('~')) {
    return name.substr(name.starts_with("~$") && name.size() > 2 ? 2 : 1);
  }
  // What editors, browsers, copy programs and transfer clients append.
  constexpr std::array<std::string_view, 9> kSuffixes = {
      ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~"};
  const std::string folded = fold_case(name);
  for (const std::string_view suffix : kSuffixes) {
    if (folded.size() > suffix.size() && folded.ends_with(suffix)) {
      return name.substr(0, name.size() - suffix.size());
    }
  }
  return std::nullopt;
}

std::vector<NameRules::Item> NameRules::compile(const std::vector<std::string>& items,
                                                const char* list) {
  std::vector<Item> compiled;
  for (const std::string& text : items) {
    const bool is_path = text.find('/') != std::string::npos;
    const std::string folded = fold_case(text);
    const std::string_view stem = without_extension(folded);
    try {
      compiled.push_back({text, is_path, Glob(stem.empty() ? folded : stem)});
    } catch (const base::ConfigError& error) {
      throw base::ConfigError(fmt::format("{} list, item \"{}\": {}", list, text, error.what()));
    }
  }
  return compiled;
}

const NameRules::Item* NameRules::find(const std::vector<Item>& items,
                                       std::string_view relative_path, std::string_view name) {
  const std::string folded_path = fold_case(relative_path);
  const std::string folded_name = fold_case(name);
  for (const Item& item : items) {
    const std::string_view subject = item.is_path ? folded_path : folded_name;
    if (item.glob.matches(without_extension(subject)) || item.glob.matches(subject)) return &item;
  }
  return nullptr;
}

NameRules::NameRules(const Selection& selection)
    : include_(compile(selection.include, "include")),
      exclude_(compile(selection.exclude, "exclude")) {}

void NameRules::apply(std::string_view relative_path, FileEntry& entry) const {
  if (const Item* item = find(exclude_, relative_path, entry.name)) {
    entry.skip_reason = fmt::format("left out by \"{}\" of the exclude list", item->text);
  } else if (!include_.empty() && find(include_, relative_path, entry.name) == nullptr) {
    entry.skip_reason =
        fmt::format("not named by any of the {} items of the include list", include_.size());
  } else {
    return;
  }
  entry.skip_code = "excluded";
}

}  // namespace qvdhouse::source
