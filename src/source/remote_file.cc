#include "source/remote_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/workers.h"

namespace qvdhouse::source {
namespace {

constexpr std::size_t kMostShortBytes = 64 * 1024;
constexpr std::uint64_t kHeadBytes = 64 * 1024;  // of most files all that a look at them takes
constexpr std::uint64_t kWindowBytes = 256 * 1024;
constexpr std::size_t kPieceBytes = 4 * 1024 * 1024;
constexpr unsigned kConnections = 4;

// If-Match takes strong tags, as HTTP has them. A hash that a listing brought is not a tag.
bool is_strong_tag(const std::string& etag) {
  return etag.size() > 2 && etag.starts_with('"') && etag.ends_with('"');
}

}  // namespace

RemoteFile::RemoteFile(HttpClient& http, HttpTarget target, const FileEntry& entry, Restat restat)
    : http_(http),
      target_(std::move(target)),
      name_(entry.path),
      size_(entry.size),
      etag_(entry.etag),
      if_match_(is_strong_tag(entry.etag) ? entry.etag : std::string()),
      mtime_us_(entry.mtime_us),
      restat_(std::move(restat)) {}

void RemoteFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw base::ChangedError(
        fmt::format("{}: expected {} bytes at byte {}, found the end at byte {}", name_, out.size(),
                    offset, size_));
  }
  if (out.empty()) return;
  if (out.size() <= kMostShortBytes) {
    read_short(offset, out);
  } else {
    read_long(offset, out);
  }
}

void RemoteFile::read_short(std::uint64_t offset, std::span<std::byte> out) const {
  // Also while bytes come: who else wants some now wants most likely the same.
  const std::lock_guard lock(mutex_);
  const bool is_here = offset >= window_begin_ && window_.size() >= out.size() &&
                       offset - window_begin_ <= window_.size() - out.size();
  if (!is_here) {
    const std::uint64_t wanted = offset == 0 ? kHeadBytes : kWindowBytes;
    std::vector<std::byte> window(std::min(wanted, size_ - offset));
    http_.read(target_, offset, window, size_, if_match_);
    window_begin_ = offset;
    window_ = std::move(window);
  }
  std::memcpy(out.data(), window_.data() + (offset - window_begin_), out.size());
}

void RemoteFile::read_long(std::uint64_t offset, std::span<std::byte> out) const {
  const std::size_t count = (out.size() + kPieceBytes - 1) / kPieceBytes;
  base::for_each_index(count, kConnections, [&](std::size_t index) {
    const std::size_t begin = index * kPieceBytes;
    const auto piece = out.subspan(begin, std::min(kPieceBytes, out.size() - begin));
    http_.read(target_, offset + begin, piece, size_, if_match_);
  });
}

void RemoteFile::check_unchanged() const {
  const HttpStat now = restat_();
  if (now.size != size_) {
    throw base::ChangedError(
        fmt::format("{}: expected {} bytes as listed, found {}; the file changed since", name_,
                    size_, now.size));
  }
  if (!etag_.empty() && !now.etag.empty()) {
    if (same_etag(etag_, now.etag))
      return;  // says more than a time, which mirrors of a server differ in
    throw base::ChangedError(
        fmt::format("{}: expected the ETag {} as listed, found {}; the file changed since", name_,
                    etag_, now.etag));
  }
  if (mtime_us_ != 0 && now.mtime_us != 0 && mtime_us_ != now.mtime_us) {
    throw base::ChangedError(fmt::format(
        "{}: expected the modification time {} µs as listed, found {} µs; the file changed since",
        name_, mtime_us_, now.mtime_us));
  }
}

}  // namespace qvdhouse::source
