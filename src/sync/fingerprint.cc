#include "sync/fingerprint.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace qvdhouse::sync {
namespace {

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

}  // namespace qvdhouse::sync
