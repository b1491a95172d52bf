#include "sync/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace qvdhouse::sync {
namespace {

constexpr std::uint64_t kBlockBytes = 64 << 10;
constexpr std::size_t kBlocksAtOnce = 64;  // that are read because nobody else did

std::string hex(const XXH128_hash_t& hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// Adds [begin, end) to sorted ranges; those that touch become one.
void cover(std::vector<std::pair<std::size_t, std::size_t>>& covered, std::size_t begin,
           std::size_t end) {
  const auto first =
      std::ranges::lower_bound(covered, begin, {}, [](const auto& range) { return range.second; });
  auto last = first;
  for (; last != covered.end() && last->first <= end; ++last) {
    begin = std::min(begin, last->first);
    end = std::max(end, last->second);
  }
  covered.insert(covered.erase(first, last), {begin, end});
}

constexpr std::uint64_t kPieceBytes = 64 << 10;

struct Piece {
  std::uint64_t offset;
  std::uint64_t bytes;
};

std::vector<Piece> pieces_of(std::uint64_t size) {
  if (size == 0) return {};
  if (size <= kWholeBytes) return {{0, size}};
  return {
      {0, kPieceBytes}, {(size - kPieceBytes) / 2, kPieceBytes}, {size - kPieceBytes, kPieceBytes}};
}

}  // namespace

std::string fingerprint_of(const base::ByteSource& source) {
  // The size goes in as text: the same number on every machine.
  const std::string size = fmt::format("{};", source.size());
  std::vector<std::byte> bytes(size.size());
  std::memcpy(bytes.data(), size.data(), size.size());
  for (const Piece& piece : pieces_of(source.size())) {
    const std::size_t start = bytes.size();
    bytes.resize(start + static_cast<std::size_t>(piece.bytes));
    source.read_at(piece.offset, std::span(bytes).subspan(start));
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

HashedSource::HashedSource(const base::ByteSource& source)
    : source_(source),
      size_text_(fmt::format("{};", source.size())),
      block_bytes_(source.size() <= kWholeBytes ? std::max<std::uint64_t>(1, source.size())
                                                : kBlockBytes),
      taken_((source.size() + block_bytes_ - 1) / block_bytes_),
      hashes_(taken_.size()) {}

std::size_t HashedSource::bytes_of(std::size_t block) const {
  return static_cast<std::size_t>(std::min(block_bytes_, size() - begin_of(block)));
}

void HashedSource::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  source_.read_at(offset, out);
  note(offset, out);
}

void HashedSource::note(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto block = static_cast<std::size_t>(offset / block_bytes_);
    const auto begin = static_cast<std::size_t>(offset - begin_of(block));
    const std::size_t count = std::min(bytes.size(), bytes_of(block) - begin);
    if (count == bytes_of(block)) {
      take(block, bytes.first(count));
    } else if (!taken_[block]) {
      note_part(block, begin, bytes.first(count));
    }
    offset += count;
    bytes = bytes.subspan(count);
  }
}

void HashedSource::note_part(std::size_t block, std::size_t begin,
                             std::span<const std::byte> bytes) const {
  const std::lock_guard lock(mutex_);
  if (taken_[block]) return;
  Part& part = parts_[block];
  part.bytes.resize(bytes_of(block));
  std::memcpy(part.bytes.data() + begin, bytes.data(), bytes.size());
  cover(part.covered, begin, begin + bytes.size());
  if (part.covered.front() != std::pair<std::size_t, std::size_t>(0, part.bytes.size())) return;
  take(block, part.bytes);
  parts_.erase(block);
}

void HashedSource::take(std::size_t block, std::span<const std::byte> bytes) const {
  if (taken_[block].exchange(true)) return;
  if (taken_.size() > 1) {
    hashes_[block] = XXH3_128bits(bytes.data(), bytes.size());
    return;
  }
  std::vector<std::byte> all(size_text_.size() + bytes.size());
  std::memcpy(all.data(), size_text_.data(), size_text_.size());
  std::memcpy(all.data() + size_text_.size(), bytes.data(), bytes.size());
  hashes_[block] = XXH3_128bits(all.data(), all.size());
}

std::string HashedSource::hash(const std::stop_token& stop) {
  bool was_read = false;
  std::vector<std::byte> bytes;
  for (std::size_t block = 0; block < taken_.size(); ++block) {
    if (taken_[block]) continue;
    if (stop.stop_requested()) throw base::Cancelled("stopped while its content was hashed");
    std::size_t end = block + 1;
    while (end < taken_.size() && end - block < kBlocksAtOnce && !taken_[end]) ++end;
    bytes.resize(static_cast<std::size_t>(begin_of(end - 1) + bytes_of(end - 1) - begin_of(block)));
    read_at(begin_of(block), bytes);
    was_read = true;
  }
  if (was_read) check_unchanged();
  if (taken_.empty()) return hex(XXH3_128bits(size_text_.data(), size_text_.size()));
  if (taken_.size() == 1) return hex(hashes_.front());
  std::vector<std::byte> digests(size_text_.size() + hashes_.size() * sizeof(XXH128_canonical_t));
  std::memcpy(digests.data(), size_text_.data(), size_text_.size());
  std::byte* next = digests.data() + size_text_.size();
  for (const XXH128_hash_t& hash : hashes_) {
    XXH128_canonical_t canonical;  // the same bytes on every machine
    XXH128_canonicalFromHash(&canonical, hash);
    std::memcpy(next, &canonical, sizeof canonical);
    next += sizeof canonical;
  }
  return hex(XXH3_128bits(digests.data(), digests.size()));
}

std::string content_hash_of(const base::ByteSource& source, const std::stop_token& stop) {
  return HashedSource(source).hash(stop);
}

std::uint64_t version_of(const std::string& hash) {
  constexpr std::size_t kDigits = 16;
  return std::stoull(hash.substr(0, kDigits), nullptr, 16);
}

std::uint64_t version_of_rows(const tracking::FileRecord& record) {
  const bool is_time = decide::mode_of_hash(record.settings_hash) == schema::LoadMode::kUpsert;
  if (record.rows_version != 0 || is_time) return record.rows_version;
  return record.fingerprint.empty() ? 0 : version_of(record.fingerprint);
}

std::uint64_t choose_version(const decide::ContentNames& file, const tracking::FileRecord* previous,
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
