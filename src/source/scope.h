// Which files belong to a source: what a file is called, whether it lies below a source, and
// whether a listing of the source takes it. Paths and URLs are compared nowhere else.
//
// A file's identity is its absolute, lexically normal path, or its URL without user info and query,
// with `.` and `..` taken out and the path percent-encoded in the one way of public_text(). Two
// files are the same when their identities are equal byte by byte. A member of an archive has that
// of the archive in its own (source/archive_name.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/archive_name.h"
#include "source/glob.h"
#include "source/listing.h"

namespace qvdhouse::source {

// The identity of a file of this name. The text itself if it is a URL that cannot be understood.
std::string identity_of(const std::string& text);

// A source as a place: a folder, the folder above a glob's first wildcard, or one file; or an
// archive, or several, with such a place in it.
class Scope {
 public:
  // Asks the file system only about a local path that has wildcards or the name of an archive.
  // Never throws: a URL that cannot be understood covers nothing but its own text.
  explicit Scope(const std::string& source);

  // Whether `identity` is the source itself or lies below it: same scheme, host and port, and whole
  // parts of the path. False for what identity_of() would write in another way, such as a URL with
  // user info, a `..` or an escape of a letter.
  bool covers(std::string_view identity) const;

  // The path below the source, decoded; the name of the file if it is the source itself; the
  // identity if it lies elsewhere. Of a member, that in its archive, behind the archive's own below
  // the source if that has several.
  std::string relative(const std::string& identity) const;

  // All below it begins with this and a slash. Of two sources that cover a file, the one with the
  // longer folder is nearer to it.
  const std::string& folder() const { return folder_; }
  // Whether this is what was named as the source, and not something below it.
  bool is_source(std::string_view identity) const { return identity == identity_; }
  // The glob below folder(); empty: the source has none.
  const std::string& pattern() const { return pattern_; }

 private:
  friend class Reach;
  enum class Archives { kAreFolders, kAreFiles };
  Scope(const std::string& source, Archives archives);
  void set_archive(const ArchivePlace& archive);
  // The member's place, if it lies in an archive of the source and there below the source.
  std::optional<ArchivePlace> member_of(std::string_view identity) const;
  // Its path below the source's place in the archive; its name if it is that place.
  std::string path_in_archive(const ArchivePlace& member) const;

  std::string identity_;  // empty: the source is a glob
  std::string folder_;
  std::string pattern_;
  std::string scheme_;  // empty: files of this machine
  bool is_understood_ = true;
  // For archives: what the source says, and where they are.
  std::optional<ArchivePlace> archive_;
  std::string member_folder_;  // in each; empty: all of it
  std::shared_ptr<const Scope> place_;
};

// The files that a listing of a source takes.
class Reach {
 public:
  // `source` and `selection` as Storage::list() takes them. Throws ConfigError for a pattern that
  // cannot be understood.
  Reach(const std::string& source, const Selection& selection);

  const Scope& scope() const { return scope_; }

  // Whether a listing of the source would give the file of this identity to be loaded if it was
  // there: the pattern and the lists take it, and it is not hidden and has no temporary name.
  bool takes(std::string_view identity) const;

  // A condition of SQL on a column of identities, for all files that it takes: those below the
  // source, or directly in it when the pattern names no folders; those of all archives below the
  // place where they are. `quoted` writes a literal.
  std::string condition(std::string_view column,
                        const std::function<std::string(std::string_view)>& quoted) const;

 private:
  Reach(Scope scope, const Selection& selection);
  bool takes_below(const std::string& relative) const;
  // Whether the lists take a file that was named in full.
  bool takes_named(const std::string& name) const;
  bool takes_member(const ArchivePlace& member) const;
  Scope scope_;
  std::string pattern_;
  Glob glob_;
  NameRules rules_;
  std::shared_ptr<const Reach> archives_;  // of a source of archives: which
};

}  // namespace qvdhouse::source
