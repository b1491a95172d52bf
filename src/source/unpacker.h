// Bytes that are packed one after the other, unpacked in the same order: stored, deflate (as zip
// has it), gzip, zstd. What is packed is read in pieces that grow, so that who wants a beginning
// only fetches little.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/byte_source.h"

namespace qvdhouse::source {

enum class Packing { kStored, kDeflate, kGzip, kZstd };

class Unpacker {
 public:
  // Unpacks the bytes `range` of `packed`, which must outlive it. `name`: what messages call it.
  Unpacker(const base::ByteSource& packed, base::ByteRange range, Packing packing,
           std::string name);
  ~Unpacker();
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  // Fills `out` and returns its size, or less at the end only. Throws InputError for what is
  // damaged or ends too early, and what the source throws; after that it is of no use any more.
  std::size_t read(std::span<std::byte> out);
  // Passes over as many bytes. Returns how many there were.
  std::uint64_t skip(std::uint64_t count);
  // Bytes that came out, or were passed over.
  std::uint64_t position() const { return position_; }

 private:
  struct Decoder;
  struct Inflater;
  struct ZstdDecoder;
  std::size_t read_stored(std::span<std::byte> out);

  const base::ByteSource& packed_;
  base::ByteRange range_;
  std::uint64_t position_ = 0;
  std::unique_ptr<Decoder> decoder_;  // none: stored
};

}  // namespace qvdhouse::source
