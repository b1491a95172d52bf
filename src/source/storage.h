// All storages behind one door: what a command or a run holds. Told apart by the URL's scheme.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "source/access.h"
#include "source/listing.h"

namespace qvdhouse::source {

class Storage {
 public:
  // Reaches nothing yet.
  explicit Storage(Access access = {});
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  // All files that match selection.pattern below `source`, sorted by path. `source` is a folder,
  // one file, or a glob (which then stands in for selection.pattern), as a path or a URL; or an
  // archive, which is a folder of its members (source/archive_name.h). Entries
  // that the selection or the rules for hidden and temporary names leave out carry a skip_reason,
  // and so does a folder below a local source that is not entered (hidden, unreadable, reached
  // twice through links). User, password and query of a URL are remembered for files of the same
  // host, since a FileEntry has them not. Throws ConfigError when `source` or a pattern cannot be
  // understood or something has to be installed, IoError when the source cannot be listed,
  // InputError when it is an archive that is damaged.
  std::vector<FileEntry> list(const std::string& source, const Selection& selection);

  // Opens one listed file, or one of an earlier listing by its identity, size, time and etag; what
  // is compressed is unpacked as it is read. Throws IoError; ChangedError when it is not the file
  // that was listed; InputError for a member of an archive that cannot be read.
  std::unique_ptr<base::ByteSource> open(const FileEntry& entry);

  // Whether files can be taken out of this source, by take(): not from the web, and not out of an
  // archive. Looks at no more than whether a path is a folder.
  static bool can_take(const std::string& source);
  // Moves a file that was listed to `target`, an identity in the same storage where nothing is, or
  // deletes it where that is empty. Throws ChangedError when it is not the file that was listed,
  // IoError when it stays for another reason.
  void take(const FileEntry& entry, const std::string& target);
  // Whether there is a file of this identity.
  bool exists(const std::string& identity);

  // Remembers the secrets of a URL without listing it (for files that were listed by an earlier
  // run).
  void remember(const std::string& source);

  // One step on the way to a source, for `doctor --source`.
  struct Step {
    std::string name;  // resolve, connect, tls, credentials, list, first bytes
    bool passed = false;
    std::string detail;  // what was found, or what failed
    std::string fix;     // what to do; empty when passed
  };
  // Goes the way step by step and ends at the first that fails. Never throws for a storage's sake.
  std::vector<Step> probe(const std::string& source, const Selection& selection);

 private:
  struct State;
  // list() and open() of files as their storage has them: no archive is a folder, nothing unpacked.
  std::vector<FileEntry> list_files_at(const std::string& source, const Selection& selection);
  std::unique_ptr<base::ByteSource> open_as_it_is(const FileEntry& entry);
  std::unique_ptr<State> state_;
};

}  // namespace qvdhouse::source
