#include "sync/row_version.h"

namespace qvdhouse::sync {

using tracking::FileRecord;

std::uint64_t version_of(const std::string& hash) {
  constexpr std::size_t kDigits = 16;
  return std::stoull(hash.substr(0, kDigits), nullptr, 16);
}

std::uint64_t version_of_rows(const FileRecord& record) {
  if (record.rows_version != 0) return record.rows_version;
  return record.fingerprint.empty() ? 0 : version_of(record.fingerprint);
}

std::uint64_t choose_version(const ContentNames& file, const FileRecord* previous,
                             const std::function<bool(std::uint64_t)>& holds) {
  const std::uint64_t version = version_of(file.content_hash);
  const std::uint64_t before_hashes = version_of(file.fingerprint);
  if (before_hashes == version) return version;  // a small file
  if (previous != nullptr && !previous->content_hash.empty()) {
    return previous->content_hash == file.content_hash && previous->rows_version != 0
               ? previous->rows_version
               : version;
  }
  return holds(before_hashes) ? before_hashes : version;
}

}  // namespace qvdhouse::sync
