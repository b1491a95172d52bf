#include "source/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/ascii.h"
#include "base/error.h"
#include "source/archive_name.h"

namespace qvdhouse::source {

bool same_etag(std::string_view a, std::string_view b) {
  const auto strong = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  return strong(a) == strong(b);
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view item =
        base::trimmed(std::string_view(text).substr(start, comma - start));
    if (!item.empty()) items.emplace_back(item);
    start = comma + 1;
  }
  return items;
}

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
  const std::string folded_path = fold_case(plain_name(relative_path));
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

void NameRules::apply(std::string_view relative_path, Glob::Match match, FileEntry& entry) const {
  if (temporary_for(entry.name)) {
    entry.skip_code = "temporary";
    entry.skip_reason = "a temporary name, as programs use it while they write";
  } else if (match == Glob::Match::kHidden) {
    entry.skip_code = "hidden";
    entry.skip_reason = "a hidden file (its name begins with a dot)";
  } else {
    apply(relative_path, entry);
  }
}

std::optional<Glob::Match> match_in(const Glob& glob, const Glob::State& folder,
                                    std::string_view name) {
  const auto takes = [&](std::string_view whole) {
    const Glob::Match match = glob.takes(folder, whole);
    return match != Glob::Match::kNo ? match : glob.takes(folder, plain_name(whole));
  };
  const Glob::Match match = takes(name);
  if (match != Glob::Match::kNo) return match;
  const std::optional<std::string_view> final_name = temporary_for(name);
  if (!final_name || takes(*final_name) == Glob::Match::kNo) return std::nullopt;
  return match;
}

FileEntry hidden_folder(std::string path, std::string_view name, std::string source_type) {
  return {.path = std::move(path),
          .name = std::string(name),
          .etag = {},
          .source_type = std::move(source_type),
          .skip_reason =
              "a hidden folder (its name begins with a dot), not entered; spell the dot "
              "out in the pattern to enter it",
          .skip_code = "hidden"};
}

GlobSplit split_glob(std::string_view path) {
  std::size_t start = 0;
  while (true) {
    const std::size_t slash = path.find('/', start);
    if (slash == std::string_view::npos || has_wildcards(path.substr(start, slash - start))) break;
    start = slash + 1;
  }
  return {std::string(path.substr(0, start)), std::string(path.substr(start))};
}

}  // namespace qvdhouse::source
