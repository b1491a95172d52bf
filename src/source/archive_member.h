// What an archive says of one file in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_source.h"
#include "source/unpacker.h"

namespace qvdhouse::source {

struct Member {
  std::string path;        // its parts joined by '/', no '/' at either end, no `.` among them
  std::uint64_t size = 0;  // unpacked
  std::int64_t mtime_us = 0;
  std::optional<std::uint32_t> crc;  // zip: CRC-32 of the unpacked bytes
  Packing packing = Packing::kStored;
  // zip: `begin` is that of its local header, the length that of the packed bytes. tar: of the
  // unpacked archive, the bytes themselves.
  base::ByteRange range;
  std::string obstacle;  // not empty: its bytes cannot be read, and why
};

// A name as archives have it, in the form of Member::path; empty when nothing is left of it.
std::string member_path(std::string_view name);

// Why a file of this path cannot be named (it leads out of the archive, or has a "::" in it);
// empty: it can.
std::string why_unnamed(std::string_view path);

}  // namespace qvdhouse::source
