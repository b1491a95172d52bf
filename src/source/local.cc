#include "source/local.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "source/glob.h"
#include "source/local_stat.h"
#include "source/selection.h"

namespace qvdhouse::source {
namespace {

namespace fs = std::filesystem;

// Follows links.
std::error_code stat_of(const std::string& path, struct stat& status) {
  return ::stat(path.c_str(), &status) == 0 ? std::error_code()
                                            : std::error_code(errno, std::system_category());
}

FileEntry skipped(const fs::path& path, std::string code, std::string reason) {
  return {.path = path.string(),
          .name = path.filename().string(),
          .etag = {},
          .skip_reason = std::move(reason),
          .skip_code = std::move(code)};
}

FileEntry file_entry(const fs::path& path, const struct stat& status) {
  return {.path = path.string(),
          .name = path.filename().string(),
          .size = size_bytes(status),
          .mtime_us = mtime_us(status),
          .etag = {},
          .skip_reason = {},
          .skip_code = {}};
}

// Folders first, links to folders when no folder is left: so a link into the tree itself is always
// what is skipped, and never the folder it leads to.
class Walk {
 public:
  Walk(const fs::path& root, const Glob& glob, const NameRules& rules)
      : root_(root), glob_(glob), rules_(rules) {}
  std::vector<FileEntry> run();

 private:
  struct Folder {
    fs::path path;
    Glob::State state;
  };
  void enter(const Folder& folder);
  void visit(const Folder& folder, const fs::directory_entry& item);
  void visit_folder(const Folder& folder, const fs::path& path, bool is_link);
  void visit_file(const fs::path& path, Glob::Match match);

  const fs::path& root_;
  const Glob& glob_;
  const NameRules& rules_;
  std::deque<Folder> folders_;
  std::deque<Folder> linked_folders_;
  std::map<std::pair<dev_t, ino_t>, fs::path> visited_;
  std::vector<FileEntry> entries_;
};

std::vector<FileEntry> Walk::run() {
  folders_.push_back({root_, glob_.start()});
  while (!folders_.empty() || !linked_folders_.empty()) {
    std::deque<Folder>& queue = folders_.empty() ? linked_folders_ : folders_;
    const Folder folder = std::move(queue.front());
    queue.pop_front();
    enter(folder);
  }
  std::ranges::sort(entries_, {}, &FileEntry::path);
  return std::move(entries_);
}

void Walk::enter(const Folder& folder) {
  const auto unreadable = [&](const std::error_code& error) {
    if (folder.path == root_) {
      throw base::IoError(
          fmt::format("{}: the folder cannot be listed: {}", root_.string(), error.message()));
    }
    entries_.push_back(
        skipped(folder.path, "unreadable", "the folder cannot be listed: " + error.message()));
  };
  struct stat status {};
  if (const std::error_code error = stat_of(folder.path.string(), status)) return unreadable(error);
  const auto [seen, is_new] = visited_.try_emplace({status.st_dev, status.st_ino}, folder.path);
  if (!is_new) {
    entries_.push_back(skipped(folder.path, "link",
                               fmt::format("a link to {}, which is listed already (a link loop, or "
                                           "a second way to the same files)",
                                           seen->second.string())));
    return;
  }
  std::error_code error;
  fs::directory_iterator items(folder.path, error);
  while (!error && items != fs::directory_iterator()) {
    visit(folder, *items);
    items.increment(error);
  }
  if (error) unreadable(error);
}

void Walk::visit(const Folder& folder, const fs::directory_entry& item) {
  std::error_code error;
  const fs::path& path = item.path();
  const std::string name = path.filename().string();
  const bool is_link = item.is_symlink(error);
  if (item.is_directory(error)) return visit_folder(folder, path, is_link);

  if (const std::optional<Glob::Match> match = match_in(glob_, folder.state, name)) {
    visit_file(path, *match);
  }
}

void Walk::visit_folder(const Folder& folder, const fs::path& path, bool is_link) {
  const std::string name = path.filename().string();
  if (glob_.leaves_hidden(folder.state, name)) {
    entries_.push_back(hidden_folder(path.string(), name, "file"));
    return;
  }
  Glob::State state = glob_.enter(folder.state, name);
  if (state.empty()) return;
  (is_link ? linked_folders_ : folders_).push_back({path, std::move(state)});
}

void Walk::visit_file(const fs::path& path, Glob::Match match) {
  struct stat status {};
  const std::error_code error = stat_of(path.string(), status);
  if (error) {
    struct stat link {};
    const bool is_link = ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
    if (is_link) {
      entries_.push_back(skipped(path, "link", "a link that leads nowhere: " + error.message()));
    } else if (error != std::errc::no_such_file_or_directory) {  // else removed a moment ago
      entries_.push_back(skipped(path, "unreadable", "cannot be looked at: " + error.message()));
    }
    return;
  }
  FileEntry entry = file_entry(path, status);
  rules_.apply(path.lexically_relative(root_).string(), match, entry);
  if (entry.skip_code.empty() && !S_ISREG(status.st_mode)) {
    entry.skip_code = "not-a-file";
    entry.skip_reason = "neither a regular file nor a link to one";
  }
  entries_.push_back(std::move(entry));
}

fs::path normal(const std::string& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() || !absolute.has_relative_path() ? absolute
                                                                  : absolute.parent_path();
}

}  // namespace

std::vector<FileEntry> list_local(const std::string& path, const Selection& selection) {
  const NameRules rules(selection);
  struct stat status {};
  std::error_code error = stat_of(path, status);
  if (!error && S_ISDIR(status.st_mode)) {
    const fs::path root = normal(path);
    return Walk(root, Glob(selection.pattern), rules).run();
  }
  if (!error) {
    // Named in full, so that only the lists have a say.
    FileEntry entry = file_entry(normal(path), status);
    if (!S_ISREG(status.st_mode)) {
      throw base::IoError(entry.path +
                          ": expected a folder or a regular file, found another kind of "
                          "file");
    }
    rules.apply(entry.name, entry);
    return {std::move(entry)};
  }
  if (error == std::errc::no_such_file_or_directory && has_wildcards(path)) {
    const auto [folder, pattern] = split_glob(path);
    const fs::path root = normal(folder.empty() ? "." : folder);
    return Walk(root, Glob(pattern), rules).run();
  }
  throw base::IoError(fmt::format("{}: expected a folder, a file or a pattern as source, found: {}",
                                  normal(path).string(), error.message()));
}

}  // namespace qvdhouse::source
