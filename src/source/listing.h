// What there is to load: the files of one source, with what their storage says of them. One listing
// a run, no stat per file afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "source/glob.h"

namespace qvdhouse::source {

// Which files of a source are wanted (docs/operations.md, "Choosing files").
struct Selection {
  // Glob under the source: `*` `?` `[]` `{}` within one path part, `**` across parts. "*.qvd" takes
  // the folder itself only. The extension matches in any case.
  std::string pattern = "*.qvd";
  // Names in any case, wildcards allowed, ".qvd" optional; an item with a `/` is a pattern for the
  // path below the source. Empty: all.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

struct FileEntry {
  std::string path;        // absolute path or URL without secrets: the file's identity in tracking
  std::string name;        // last part, with extension; of X.qvd.gz and X.qvd.zst, X.qvd
  std::uint64_t size = 0;  // bytes, as the storage or the archive keeps the file
  std::int64_t mtime_us = 0;  // modification time, microseconds since 1970 UTC; 0 unknown
  std::string etag;           // empty where the storage has none
  std::string source_type = "file";
  std::string skip_reason;  // not empty: not to be loaded, and why, as a sentence for people
  std::string skip_code;    // the same for programs; not empty exactly when skip_reason is not:
                            // hidden, temporary, excluded, link, unreadable, not-a-file
};

// Whether two ETags name the same version: a weak one ("W/…") counts as its strong one, since
// servers (Apache) call the tag of a file that was just written weak, and strong a moment later.
bool same_etag(std::string_view a, std::string_view b);

// Splits a comma-separated list, trimming blanks and dropping empty items.
std::vector<std::string> split_list(const std::string& text);

// The rules by name that hold for every storage: include and exclude lists, hidden and temporary
// names (docs/operations.md, "Choosing files").
class NameRules {
 public:
  // Throws ConfigError for an item that is not a pattern.
  explicit NameRules(const Selection& selection);

  // Sets skip_reason and skip_code of an entry that the lists leave out. `relative_path` is below
  // the source.
  void apply(std::string_view relative_path, FileEntry& entry) const;
  // The same for one that a listing came upon: leaves out temporary and hidden names too.
  void apply(std::string_view relative_path, Glob::Match match, FileEntry& entry) const;

 private:
  struct Item {
    std::string text;  // as the user wrote it
    bool is_path;
    Glob glob;
  };
  static std::vector<Item> compile(const std::vector<std::string>& items, const char* list);
  static const Item* find(const std::vector<Item>& items, std::string_view relative_path,
                          std::string_view name);
  std::vector<Item> include_;
  std::vector<Item> exclude_;
};

// How a listing takes a file in a folder: nothing when it is of no interest. "Item.qvd.gz" is taken
// where "Item.qvd" is. "Item.qvd.tmp" does not match "*.qvd", but its absence would puzzle whoever
// looks for it.
std::optional<Glob::Match> match_in(const Glob& glob, const Glob::State& folder,
                                    std::string_view name);

// A folder that leaves_hidden() keeps from being entered.
FileEntry hidden_folder(std::string path, std::string_view name, std::string source_type);

// For a name that some program uses while it still writes ("~Item.qvd", "Item.qvd.tmp",
// "Item.qvd.partial"): the name that the file will have at the end. Empty for all others.
std::optional<std::string_view> temporary_for(std::string_view name);

// Parts "/data/20??/**/*.qvd" into the folder before the first part with a wildcard, "/data/"
// (empty when that is the first part), and the pattern.
struct GlobSplit {
  std::string folder;
  std::string pattern;
};
GlobSplit split_glob(std::string_view path);

}  // namespace qvdhouse::source
