// Which files a source can have: those that a listing of it would name if they were there. Only of
// these can be said that they vanished.
#pragma once

#include <string>
#include <string_view>

#include "source/glob.h"
#include "source/listing.h"
#include "source/selection.h"

namespace qvdhouse::sync {

class Reach {
 public:
  // As Storage::list() takes them; asks the file system whether a path is a folder.
  Reach(const std::string& source, const source::Selection& selection);

  // `path` as in FileEntry::path. False for what the include and exclude lists leave out.
  bool covers(std::string_view path) const;

 private:
  struct Root {
    std::string folder;  // what lies in it begins with this and a slash
    std::string pattern;
    bool is_encoded = false;  // paths are percent-encoded
  };
  static Root root_of(const std::string& source, const source::Selection& selection);
  Root root_;
  source::Glob glob_;
  source::NameRules rules_;
};

}  // namespace qvdhouse::sync
