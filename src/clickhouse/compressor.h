// Compresses the body of a request, piece by piece, as one stream (Content-Encoding).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "clickhouse/dialect.h"

namespace qvdhouse::clickhouse {

class Compressor {
 public:
  // Not for kNone. Throws std::bad_alloc.
  explicit Compressor(Compression method);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // What can be sent by now of all that was added; valid until the next call. Often empty.
  std::span<const std::byte> add(std::span<const std::byte> bytes);
  // The rest of the stream, never empty; once, at the end.
  std::span<const std::byte> finish();

  // The value of the header Content-Encoding.
  static std::string_view encoding(Compression method);

  class Codec;  // one of the libraries

 private:
  std::unique_ptr<Codec> codec_;
  std::vector<std::byte> out_;
};

}  // namespace qvdhouse::clickhouse
