#include "base/byte_source.h"

#include <algorithm>

#include "base/error.h"

namespace qvdhouse::base {

std::vector<ByteRange> ByteSource::holes(std::uint64_t /*begin*/, std::uint64_t /*end*/) const {
  return {};
}

void MemorySource::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    throw ChangedError(name_ + ": expected " + std::to_string(out.size()) + " bytes at byte " +
                       std::to_string(offset) + ", found the end at byte " +
                       std::to_string(bytes_.size()));
  }
  std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
}

}  // namespace qvdhouse::base
