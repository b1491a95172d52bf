#include "source/unpacked_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace qvdhouse::source {
namespace {

base::ChangedError no_such_range(const std::string& name, std::uint64_t bytes, std::uint64_t offset,
                                 std::uint64_t size) {
  return base::ChangedError(fmt::format(
      "{}: expected {} bytes at byte {}, found the end at byte {}", name, bytes, offset, size));
}

base::InputError too_many_bytes(const std::string& name, std::uint64_t expected) {
  return base::InputError(fmt::format(
      "{}: expected {} bytes, as the archive says, found more when it was unpacked; the "
      "archive is damaged, or made to fill a disk: make it again",
      name, expected));
}

}  // namespace

UnpackedFile::UnpackedFile(std::unique_ptr<base::ByteSource> packed, base::ByteRange range,
                           Packing packing, std::string name, const KnownBytes& known,
                           UnpackingPlace place)
    : packed_(std::move(packed)),
      name_(std::move(name)),
      known_(known),
      place_(std::move(place)),
      unpacker_(*packed_, range, packing, name_) {}

std::uint64_t UnpackedFile::size() const {
  if (known_.size) return *known_.size;
  unpack_to(std::numeric_limits<std::uint64_t>::max());
  const std::lock_guard lock(mutex_);
  return bytes_->size();
}

bool UnpackedFile::has_failed() const {
  const std::lock_guard lock(mutex_);
  return failure_ != nullptr;
}

void UnpackedFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (known_.size && (offset > *known_.size || out.size() > *known_.size - offset)) {
    throw no_such_range(name_, out.size(), offset, *known_.size);
  }
  if (out.empty()) return;
  if (offset > std::numeric_limits<std::uint64_t>::max() - out.size()) {
    throw no_such_range(name_, out.size(), offset, size());
  }
  unpack_to(offset + out.size());
  bytes_->read_at(offset, out);
}

void UnpackedFile::unpack_to(std::uint64_t end) const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  if (is_whole_ || (bytes_ && end <= bytes_->size())) return;
  try {
    unpack_locked(end);
  } catch (...) {
    // What the unpacker gave is lost, and nothing can be asked of it a second time.
    failure_ = std::current_exception();
    throw;
  }
}

void UnpackedFile::unpack_locked(std::uint64_t end) const {
  constexpr std::size_t kPieceBytes = 1024 * 1024;
  if (!bytes_) bytes_.emplace(place_.folder, name_);
  std::vector<std::byte> piece(kPieceBytes);
  while (bytes_->size() < end) {
    if (place_.stop.stop_requested()) throw base::Cancelled("stopped while a file was unpacked");
    const std::size_t got = unpacker_.read(piece);
    const auto part = std::span(piece).first(got);
    if (known_.size && got > *known_.size - bytes_->size()) {
      throw too_many_bytes(name_, *known_.size);
    }
    if (known_.crc) {
      crc_ = static_cast<std::uint32_t>(
          crc32_z(crc_, reinterpret_cast<const Bytef*>(part.data()), part.size()));
    }
    bytes_->append(part);
    if (got < piece.size()) return finish();
  }
  if (known_.size && bytes_->size() == *known_.size) {
    std::byte more{};
    if (unpacker_.read({&more, 1}) != 0) {
      throw too_many_bytes(name_, *known_.size);
    }
    finish();
  }
}

void UnpackedFile::finish() const {
  is_whole_ = true;
  if (known_.size && bytes_->size() != *known_.size) {
    throw base::InputError(fmt::format(
        "{}: expected {} bytes, as the archive says, found {} when it was unpacked; the "
        "archive is damaged: make it again",
        name_, *known_.size, bytes_->size()));
  }
  if (known_.crc && crc_ != *known_.crc) {
    throw base::InputError(
        fmt::format("{}: expected the CRC-32 {:08x}, as the archive says, found {:08x} when it was "
                    "unpacked; the archive is damaged: make it again",
                    name_, *known_.crc, crc_));
  }
}

PartOfFile::PartOfFile(std::shared_ptr<const base::ByteSource> whole, base::ByteRange range,
                       std::string name)
    : whole_(std::move(whole)), range_(range), name_(std::move(name)) {}

void PartOfFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size() || out.size() > size() - offset) {
    throw no_such_range(name_, out.size(), offset, size());
  }
  if (!out.empty()) whole_->read_at(range_.begin + offset, out);
}

}  // namespace qvdhouse::source
