// The rules by name that hold for every storage: include and exclude lists, hidden and temporary
// names (docs/operations.md, "Choosing files").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/glob.h"
#include "source/listing.h"

namespace qvdhouse::source {

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

// How a listing takes a file in a folder: nothing when it is of no interest. "Item.qvd.tmp" does
// not match "*.qvd", but its absence would puzzle whoever looks for it.
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
