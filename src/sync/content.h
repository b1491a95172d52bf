// What names a file's content. Its fingerprint is read from three pieces: files whose fingerprints
// differ are not the same. Its content hash is taken of all bytes, as a load reads them anyway:
// that a file was only touched or moved is known by it, and versions of its rows are named after
// it.
#pragma once

#include <xxhash.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "decide/decide.h"
#include "tracking/tracking.h"

namespace qvdhouse::sync {

// XXH3 (128 bits, hexadecimal) over the size and at most 64 KiB each from the start (the header
// with its time of creation), the middle and the end; of a smaller file all of it. Throws IoError,
// ChangedError.
std::string fingerprint_of(const base::ByteSource& source);

// Sizes up to which it is the hash of the whole content.
inline constexpr std::uint64_t kWholeBytes = 3 * (64 << 10);

// Passes all on to another source, which must outlive it, and hashes what comes by, in whatever
// order and from however many threads: each block of 64 KiB once.
//
// The hash is XXH3 (128 bits, hexadecimal) over the size and the hashes of the blocks; of a file of
// up to kWholeBytes over the size and the content, so that it is the file's fingerprint.
class HashedSource : public base::ByteSource {
 public:
  explicit HashedSource(const base::ByteSource& source);

  std::uint64_t size() const override { return source_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  void check_unchanged() const override { source_.check_unchanged(); }
  const std::string& name() const override { return source_.name(); }
  bool is_remote() const override { return source_.is_remote(); }
  std::vector<base::ByteRange> holes(std::uint64_t begin, std::uint64_t end) const override {
    return source_.holes(begin, end);
  }

  // Reads what nobody has read yet (fields that are left out, bytes behind the rows), and sees then
  // that the file is unchanged. To be called when no other thread reads any more. Throws IoError,
  // ChangedError, Cancelled.
  std::string hash(const std::stop_token& stop = {});

 private:
  // A block of which not all bytes came by yet.
  struct Part {
    std::vector<std::byte> bytes;
    std::vector<std::pair<std::size_t, std::size_t>> covered;  // sorted, apart: begin, end
  };
  std::uint64_t begin_of(std::size_t block) const { return block * block_bytes_; }
  std::size_t bytes_of(std::size_t block) const;
  void note(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void note_part(std::size_t block, std::size_t begin, std::span<const std::byte> bytes) const;
  void take(std::size_t block, std::span<const std::byte> bytes) const;

  const base::ByteSource& source_;
  std::string size_text_;  // goes into the hash
  std::uint64_t block_bytes_;
  mutable std::vector<std::atomic<bool>> taken_;  // by block; who sets it writes the hash
  mutable std::vector<XXH128_hash_t> hashes_;     // by block
  mutable std::mutex mutex_;                      // guards parts_
  mutable std::map<std::size_t, Part> parts_;     // by block
};

// The hash of a file that nothing else is read of. Throws as HashedSource::hash().
std::string content_hash_of(const base::ByteSource& source, const std::stop_token& stop = {});

// The version of a file's rows, `_version` in a table of mode append: the same for the same
// content, whatever its modification time, so that a commit that is repeated adds nothing.

// The version of a file with this content hash. With a fingerprint instead: what versions of
// qvdhouse without content hashes named it after.
std::uint64_t version_of(const std::string& hash);

// The version of the rows that the record describes.
std::uint64_t version_of_rows(const tracking::FileRecord& record);

// The version under which its rows are to be in the table. Rows that were loaded without a content
// hash keep theirs, as long as nothing says that the content is another by now. `previous`: the
// file's record, null without one. `holds`: whether the table has rows of the file with a version;
// asked only of a file whose record does not tell.
std::uint64_t choose_version(const decide::ContentNames& file, const tracking::FileRecord* previous,
                             const std::function<bool(std::uint64_t)>& holds);

}  // namespace qvdhouse::sync
