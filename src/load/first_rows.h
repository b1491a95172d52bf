// The first rows of a file that its table would have, for people to look at.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_source.h"
#include "load/load.h"

namespace qvdhouse::load {

struct FirstRows {
  std::uint64_t row_count = 0;
  // By field and row; none of a field that no column is made of.
  std::vector<std::vector<std::uint32_t>> codes;
};

// At most `limit`, without those that the table's filter leaves out, of the first million of the
// file. Throws InputError, IoError.
FirstRows first_rows(const base::ByteSource& source, const PreparedFile& file, std::uint64_t limit);

}  // namespace qvdhouse::load
