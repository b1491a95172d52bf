// Archives as folders of their members: the archives of one Storage, whatever they lie in.
//
// Only what is asked for is unpacked: the directory of a zip is read alone; members that are stored
// as they are, of a zip or a plain tar, are read in place. A tar that is compressed has to be
// passed through once to be listed; once more, into a file without a name, when its members are
// read. Nothing is ever written under a name that an archive says. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "source/archive_member.h"
#include "source/archive_name.h"
#include "source/listing.h"
#include "source/unpacked_file.h"

namespace qvdhouse::source {

class Archives {
 public:
  // As Storage::list() and Storage::open(), of whole files.
  using List = std::function<std::vector<FileEntry>(const std::string&, const Selection&)>;
  using Open = std::function<std::unique_ptr<base::ByteSource>(const FileEntry&)>;

  Archives(List list, Open open, UnpackingPlace place);

  // Storage::list() for members. `archive.place` may be a folder or a glob: then an archive that
  // cannot be read is an entry of its own, with a skip_reason. Throws InputError for one that is
  // damaged.
  std::vector<FileEntry> list(const ArchivePlace& archive, const Selection& selection);

  // Opens a member by its identity, which `archive` is taken out of. Throws InputError for what
  // cannot be read, ChangedError when it is not the member that was listed.
  std::unique_ptr<base::ByteSource> open(const FileEntry& entry, const ArchivePlace& archive);

  bool exists(const ArchivePlace& archive);

 private:
  // One version of an archive.
  struct Directory {
    FileEntry file;
    std::string scheme;
    std::map<std::string, Member, std::less<>> members;  // by path
    Packing packing = Packing::kStored;                  // of the whole
    // The whole unpacked, where packing is another than stored and members were read.
    std::shared_ptr<UnpackedFile> unpacked;
  };

  std::shared_ptr<Directory> read_directory(const FileEntry& file, const std::string& scheme);
  // What is known of this version of it, or else read_directory().
  std::shared_ptr<Directory> directory_of(const FileEntry& file, const std::string& scheme);
  // `fresh`: as it is now, not as it was when it was looked at last.
  std::shared_ptr<Directory> directory_at(const ArchivePlace& archive, bool fresh, bool& was_known);
  void forget_all_but(const ArchivePlace& archive, const std::vector<FileEntry>& files);
  std::vector<FileEntry> list_members(const Directory& directory, const std::string& member,
                                      const Selection& selection) const;
  std::unique_ptr<base::ByteSource> open_member(const std::shared_ptr<Directory>& directory,
                                                const FileEntry& entry, const std::string& path);
  std::unique_ptr<base::ByteSource> open_in_zip(const Directory& directory, const Member& member,
                                                const std::string& identity);
  std::shared_ptr<const base::ByteSource> whole_tar(const std::shared_ptr<Directory>& directory);

  const List list_;
  const Open open_;
  const UnpackingPlace place_;
  std::mutex mutex_;  // guards what follows, and Directory::unpacked
  std::map<std::string, std::shared_ptr<Directory>> known_;  // by scheme and identity
  // Keys of known_ that the last listing of a place named: what is gone since is forgotten.
  std::map<std::string, std::set<std::string>> listed_;
  std::deque<std::weak_ptr<Directory>> unpacked_;  // the one unpacked last is last
};

}  // namespace qvdhouse::source
