#include "source/remote_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "source/glob.h"
#include "source/listing.h"
#include "source/rclone.h"

namespace qvdhouse::source {
namespace {

std::string without_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

std::string joined(const std::string& folder, const std::string& path) {
  return folder.empty() || path.empty() ? folder + path : fmt::format("{}/{}", folder, path);
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// The folders that a pattern spells out before its first wildcard. A backslash may be part of a
// name or not, so it ends them as well.
std::string literal_folder(const std::string& pattern) {
  const std::string folder = split_glob(pattern).folder;
  const std::size_t backslash = folder.find('\\');
  const std::size_t end =
      backslash == std::string::npos ? folder.size() : folder.rfind('/', backslash) + 1;
  std::string plain;
  for (std::size_t start = 0; start < end;) {
    const std::size_t slash = std::min(folder.find('/', start), end);
    const std::string part = folder.substr(start, slash - start);
    if (!part.empty() && part != ".") plain = joined(plain, part);
    start = slash + 1;
  }
  return plain;
}

// Whether matches may lie deeper than in the folder itself.
bool needs_levels(std::string_view pattern) {
  return pattern.find('/') != std::string_view::npos ||
         pattern.find("**") != std::string_view::npos;
}

// Chooses among the paths below one folder.
class Choice {
 public:
  Choice(const RemotePlace& place, std::string folder, const Glob& glob, const NameRules& rules)
      : place_(place), folder_(std::move(folder)), glob_(glob), rules_(rules) {
    folders_[""] = glob_.start();
  }
  void visit(const std::string& relative, const RcloneItem& item);
  std::vector<FileEntry> sorted() &&;

 private:
  // The state below `relative`, which is entered once.
  const Glob::State& state_of(std::string_view relative);

  const RemotePlace& place_;
  std::string folder_;
  const Glob& glob_;
  const NameRules& rules_;
  std::map<std::string, Glob::State, std::less<>> folders_;
  std::vector<FileEntry> entries_;
};

const Glob::State& Choice::state_of(std::string_view relative) {
  const auto known = folders_.find(relative);
  if (known != folders_.end()) return known->second;
  const Glob::State& parent = state_of(folder_of(relative));
  const std::string_view name = last_part(relative);
  if (glob_.leaves_hidden(parent, name)) {
    const FileEntry known_as = place_.entry(joined(folder_, std::string(relative)), {});
    entries_.push_back(hidden_folder(known_as.path, name, known_as.source_type));
  }
  return folders_.emplace(relative, glob_.enter(parent, name)).first->second;
}

void Choice::visit(const std::string& relative, const RcloneItem& item) {
  if (item.is_dir) return;
  const std::string_view name = last_part(relative);
  if (name.empty()) return;  // "folder/", with which some programs mark a folder in a bucket
  const auto match = match_in(glob_, state_of(folder_of(relative)), name);
  if (!match) return;
  FileEntry entry = place_.entry(joined(folder_, relative), item);
  rules_.apply(relative, *match, entry);
  entries_.push_back(std::move(entry));
}

// Some storages (Google Drive) hold several files of one path, and some servers list a file twice:
// a path is one file, whose newest version counts.
std::vector<FileEntry> Choice::sorted() && {
  std::ranges::sort(entries_, [](const FileEntry& a, const FileEntry& b) {
    return std::tie(a.path, b.mtime_us) < std::tie(b.path, a.mtime_us);
  });
  // Not std::ranges::unique, which clang 14 cannot read in g++'s library.
  const auto repeated =
      std::unique(entries_.begin(), entries_.end(),
                  [](const FileEntry& a, const FileEntry& b) { return a.path == b.path; });
  entries_.erase(repeated, entries_.end());
  return std::move(entries_);
}

std::vector<FileEntry> list_below(const RemotePlace& place, const std::string& folder,
                                  const std::string& pattern, const Selection& selection) {
  const Glob glob(pattern);
  const NameRules rules(selection);
  const std::string below = literal_folder(pattern);
  const std::string_view rest = std::string_view(pattern).substr(split_glob(pattern).folder.size());
  const bool recurse = needs_levels(rest) || pattern.find('\\') != std::string::npos;
  const std::vector<RcloneItem> items = place.list(joined(folder, below), recurse);
  if (items.empty() && place.has_only_names && !joined(folder, below).empty()) {
    throw base::IoError(fmt::format(
        "{}/{}: expected a folder, a file or a pattern as source, found nothing whose name begins "
        "so; check the path, and upper and lower case in it",
        place.shown, joined(folder, below)));
  }
  Choice choice(place, folder, glob, rules);
  for (const RcloneItem& item : items) choice.visit(joined(below, item.path), item);
  return std::move(choice).sorted();
}

}  // namespace

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::vector<FileEntry> list_remote_folder(const RemotePlace& place, const std::string& folder,
                                          const Selection& selection) {
  return list_below(place, without_slashes(folder), selection.pattern, selection);
}

std::vector<FileEntry> list_remote_glob(const RemotePlace& place, const std::string& path,
                                        const Selection& selection) {
  const auto [folder, pattern] = split_glob(path);
  return list_below(place, without_slashes(folder), pattern, selection);
}

std::vector<FileEntry> list_remote(const RemotePlace& place, const std::string& path,
                                   const Selection& selection) {
  const std::string plain = without_slashes(path);
  if (plain.empty() || path.ends_with('/')) {
    if (!has_wildcards(plain)) return list_remote_folder(place, plain, selection);
  } else {
    // Who may list a bucket may have no right to look at a name that is a folder's, and the answer
    // to a look has no words: so what the listing says counts, and the refusal of the look only if
    // that says nothing.
    try {
      if (const std::optional<RcloneItem> item = place.stat(plain)) {
        FileEntry entry = place.entry(plain, *item);
        NameRules(selection).apply(entry.name, entry);
        return {std::move(entry)};
      }
    } catch (const RcloneError& error) {
      if (error.fault != RcloneFault::kRefused) throw;
    }
  }
  if (!has_wildcards(plain)) return list_remote_folder(place, plain, selection);
  return list_remote_glob(place, plain, selection);
}

}  // namespace qvdhouse::source
