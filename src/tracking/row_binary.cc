#include "tracking/row_binary.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "clickhouse/native.h"

namespace qvdhouse::tracking {

static_assert(std::endian::native == std::endian::little, "RowBinary is little-endian");

void RowWriter::length(std::uint64_t entries) { clickhouse::append_varuint(bytes_, entries); }

void RowWriter::append(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void RowWriter::operator()(const std::string& text) {
  length(text.size());
  append(std::as_bytes(std::span(text)));
}

void RowReader::take(std::span<std::byte> out) {
  if (out.size() > bytes_.size()) {
    throw base::ServerError("the server's answer ends within a row; ask again", 0);
  }
  std::memcpy(out.data(), bytes_.data(), out.size());
  bytes_.remove_prefix(out.size());
}

std::uint64_t RowReader::length() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    std::uint8_t byte = 0;
    (*this)(byte);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  throw base::ServerError("the server's answer holds a length of more than 64 bits", 0);
}

void RowReader::operator()(std::string& text) {
  const std::uint64_t bytes = length();
  if (bytes > bytes_.size()) {
    throw base::ServerError("the server's answer ends within a row; ask again", 0);
  }
  text.assign(bytes_.substr(0, bytes));
  bytes_.remove_prefix(bytes);
}

}  // namespace qvdhouse::tracking
