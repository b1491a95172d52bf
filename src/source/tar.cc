#include "source/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/limits.h"

namespace qvdhouse::source {
namespace {

// The size of each header, and what the bytes of a member are filled up to.
constexpr std::uint64_t kBlockBytes = 512;

// libarchive reads the headers; it passes over the bytes of members.
class TarReader {
 public:
  TarReader(Unpacker& tar, const std::string& name)
      : tar_(tar), name_(name), archive_(archive_read_new(), &archive_read_free) {}
  std::vector<Member> run(const std::stop_token& stop);

 private:
  // No more at a time than a header: what follows it may be passed over unread.
  static la_ssize_t read(struct archive* archive, void* self, const void** bytes);
  static la_int64_t skip(struct archive* archive, void* self, la_int64_t count);
  // Calls `work`, whose exceptions may not pass through libarchive: next_header() throws them, and
  // for libarchive (which would ask again after an error) it is the end.
  template <typename Work>
  std::uint64_t guarded(const Work& work);

  // Null at the end.
  archive_entry* next_header();
  void visit(archive_entry* entry);
  // The member that was listed last has its bytes before this one.
  void check_last(std::uint64_t end) const;
  // The last block may have been left unfilled.
  bool ends_within_last_block() const;
  [[noreturn]] void fail(std::uint64_t at, const std::string& found) const;

  Unpacker& tar_;
  const std::string& name_;
  std::unique_ptr<struct archive, decltype(&archive_read_free)> archive_;
  std::array<std::byte, kBlockBytes> block_{};
  std::exception_ptr failure_;
  std::vector<Member> members_;
};

void TarReader::fail(std::uint64_t at, const std::string& found) const {
  throw base::InputError(
      fmt::format(
          "{}: {}; it is not a tar archive, is damaged, or was cut while it was copied: make or "
          "copy it again",
          name_, found),
      {.field = {}, .byte_offset = at});
}

template <typename Work>
std::uint64_t TarReader::guarded(const Work& work) {
  if (failure_) return 0;
  try {
    return work();
  } catch (...) {
    failure_ = std::current_exception();
    return 0;
  }
}

la_ssize_t TarReader::read(struct archive* /*archive*/, void* self, const void** bytes) {
  auto& reader = *static_cast<TarReader*>(self);
  *bytes = reader.block_.data();
  return static_cast<la_ssize_t>(
      reader.guarded([&] { return reader.tar_.read(std::span(reader.block_)); }));
}

la_int64_t TarReader::skip(struct archive* /*archive*/, void* self, la_int64_t count) {
  auto& reader = *static_cast<TarReader*>(self);
  return static_cast<la_int64_t>(
      reader.guarded([&] { return reader.tar_.skip(static_cast<std::uint64_t>(count)); }));
}

void TarReader::check_last(std::uint64_t end) const {
  if (members_.empty() || !members_.back().obstacle.empty()) return;
  const base::ByteRange& last = members_.back().range;
  if (last.end <= end) return;
  fail(last.begin, fmt::format("expected {} bytes of a member at byte {}, found the end after {}",
                               last.end - last.begin, last.begin, end - last.begin));
}

bool TarReader::ends_within_last_block() const {
  if (members_.empty()) return false;
  const std::uint64_t end = members_.back().range.end;
  const std::uint64_t filled = (end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  return end <= tar_.position() && tar_.position() < filled;
}

archive_entry* TarReader::next_header() {
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(archive_.get(), &entry);
  if (failure_) std::rethrow_exception(failure_);
  // A warning is of a name in an encoding other than this process has: its bytes are there.
  if (result == ARCHIVE_OK || result == ARCHIVE_WARN) {
    check_last(static_cast<std::uint64_t>(archive_read_header_position(archive_.get())));
    return entry;
  }
  if (tar_.position() == 0) fail(0, "expected a tar archive, found no byte");
  check_last(tar_.position());
  if (result == ARCHIVE_EOF || ends_within_last_block()) return nullptr;
  const auto at = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
  const char* found = archive_error_string(archive_.get());
  fail(at, fmt::format("expected the header of a member at byte {}, found other bytes ({})", at,
                       found != nullptr ? found : "unknown"));
}

std::int64_t mtime_us_of(archive_entry* entry) {
  constexpr std::int64_t kMostSeconds = 9'000'000'000'000;
  const std::int64_t seconds = archive_entry_mtime(entry);
  if (seconds > kMostSeconds || seconds < -kMostSeconds) return 0;
  return seconds * 1'000'000 + archive_entry_mtime_nsec(entry) / 1'000;
}

void TarReader::visit(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  const bool is_file =
      archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
  if (name == nullptr || !is_file) return;
  const auto begin = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
  const la_int64_t size = archive_entry_size(entry);
  if (size < 0) fail(begin, fmt::format("expected a member's size, found {}", size));
  const bool is_sparse = archive_entry_sparse_count(entry) > 0;
  members_.push_back(
      {.path = member_path(name),
       .size = static_cast<std::uint64_t>(size),
       .mtime_us = mtime_us_of(entry),
       .crc = std::nullopt,
       .packing = Packing::kStored,
       .range = {.begin = begin, .end = begin + static_cast<std::uint64_t>(size)},
       .obstacle =
           is_sparse ? "it is stored as a sparse file: write the archive without --sparse" : ""});
  if (members_.size() > base::kMaxArchiveMembers) {
    fail(begin, fmt::format("expected at most {} members, found more", base::kMaxArchiveMembers));
  }
}

std::vector<Member> TarReader::run(const std::stop_token& stop) {
  struct archive* archive = archive_.get();
  if (archive == nullptr || archive_read_support_format_tar(archive) != ARCHIVE_OK) {
    throw std::bad_alloc();
  }
  archive_read_set_read_callback(archive, &read);
  archive_read_set_skip_callback(archive, &skip);
  archive_read_set_callback_data(archive, this);
  archive_read_open1(archive);  // an error is that of the first header too
  while (archive_entry* entry = next_header()) {
    if (stop.stop_requested()) throw base::Cancelled("stopped while an archive was read");
    visit(entry);
  }
  return std::move(members_);
}

}  // namespace

Packing packing_of_tar(const base::ByteSource& file) {
  std::array<std::byte, 4> start{};
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(4, file.size()));
  file.read_at(0, std::span(start).first(count));
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(start[i]); };
  if (byte(0) == 0x1F && byte(1) == 0x8B) return Packing::kGzip;
  if (byte(0) == 0x28 && byte(1) == 0xB5 && byte(2) == 0x2F && byte(3) == 0xFD) {
    return Packing::kZstd;
  }
  return Packing::kStored;
}

std::vector<Member> read_tar(Unpacker& tar, const std::string& name, const std::stop_token& stop) {
  return TarReader(tar, name).run(stop);
}

}  // namespace qvdhouse::source
