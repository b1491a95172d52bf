// ClickHouse's variable-length unsigned integer (LEB128): 7 bits a byte, low bits first.
// docs/clickhouse.md, "Native, byte for byte".
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qvdhouse::clickhouse {

inline void append_varuint(std::vector<std::byte>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

}  // namespace qvdhouse::clickhouse
